"""Every table, as SQLAlchemy Core sees it. The migrations make them; a test asserts that both say the same.

`partition` leads every primary and unique key, so that partitions can be written, replayed and later moved one by one.
Instants and durations are integer milliseconds, days are integers yyyymmdd, truth values are 0 and 1.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text, UniqueConstraint, text

from tracker.projections.rows import TABLES
from tracker.projections.rows import Table as ReadModel

__all__ = [
    "READ_MODELS",
    "STILL_OWED",
    "TEXT_COLUMNS",
    "archive_contents",
    "archive_guilds",
    "archive_ids",
    "archive_segments",
    "backfill_channels",
    "backfills",
    "checkpoints",
    "deliveries",
    "events",
    "leases",
    "log_head",
    "member_sync",
    "metadata",
    "rebuild_marks",
    "subjects",
    "tracker_info",
]

metadata = MetaData()

TEXT_COLUMNS: Final = frozenset({"name", "kind", "settings", "season_name", "role_ids"})
"""The read models' columns that hold text; all others hold whole numbers."""


def _whole(name: str, *, key: bool = False, null: bool = False, default: str | None = None) -> Column[int]:
    return Column(
        name, BigInteger, primary_key=key, nullable=null, autoincrement=False,
        server_default=None if default is None else text(default),
    )  # fmt: skip


def _text(name: str, *, key: bool = False, null: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=null, server_default=None if default is None else text(default))


def _table(name: str, *items: Column[int] | Column[str] | Column[bytes] | UniqueConstraint | Index) -> Table:
    return Table(name, metadata, *items, sqlite_with_rowid=False)


tracker_info = _table("tracker_info", _text("name", key=True), _text("value"))
"""The mark that a database is ours, and what is fixed when it is made: `partitions`."""

log_head = _table(
    "log_head",
    _whole("partition", key=True),
    _whole("position"),
    _whole("epoch", default="0"),
    _whole("subjects", default="0"),
)
"""The last position and subject id given, and how often the lease changed hands. Its row lock orders the appends."""

events = _table(
    "events",
    _whole("partition", key=True),
    _whole("position", key=True),
    _text("id"),
    _text("type"),
    _whole("version"),
    _whole("guild_id"),
    _whole("subject_id", null=True),
    _whole("channel_id", null=True),
    _whole("occurred_at"),
    _whole("recorded_at"),
    _text("data"),
    UniqueConstraint("partition", "id", name="events_id"),
)
"""The event log. `data` is the codec's JSON text; `guild_id` 0: an event of the partition (a tick)."""

archive_segments = _table(
    "archive_segments",
    _whole("partition", key=True),
    _whole("first_position", key=True),
    _whole("last_position"),
    _whole("events"),
    _whole("first_at"),
    _whole("last_at"),
    _whole("bytes"),
    _whole("created_at"),
    _text("file"),
    _text("sha256"),
    _whole("blocks_from", default="0"),
    _text("blocks_sha256", default="''"),
)
"""The beginning of the log that is in files (`store.archive`): a partition's segments follow each other from 1.

`file`: its name within the archive's place. `first_at` / `last_at`: the oldest and the newest `occurred_at`.
`blocks_from`: the offset at which begins what folds read of the file; `blocks_sha256`: the hash of that.
"""

archive_contents = _table(
    "archive_contents",
    _whole("partition", key=True),
    _text("file", key=True),
    Column("content", LargeBinary, nullable=False),
)
"""The files themselves, where they are within the database (PostgreSQL, `store.archive_shelves`). It keeps them as they
are: they are compressed, and parts of one are read."""

archive_ids = _table(
    "archive_ids",
    _whole("partition", key=True),
    _whole("first_position", key=True),
    _whole("timed", key=True),
    _whole("ids_from"),
    _whole("ids_to"),
    Column("hashes", LargeBinary, nullable=False),
)
"""Which event ids a segment holds (`store.archive_ids`): those that tell an instant (timed 1, in ids_from to ids_to),
and all others (timed 0)."""

archive_guilds = _table(
    "archive_guilds", _whole("partition", key=True), _whole("guild_id", key=True), _whole("newest_at")
)
"""The newest `occurred_at` of each guild among its archived events."""

subjects = _table(
    "subjects",
    _whole("partition", key=True),
    _whole("subject_id", key=True),
    _whole("guild_id"),
    _whole("user_id"),
    _whole("retired", default="0"),
    UniqueConstraint("partition", "guild_id", "user_id", "retired", name="subjects_member"),
)
"""Who a subject of the log is. Deleting the row unlinks the person for good: a subject id is never given twice.

`retired`: 0, or the subject id once the member asked to be forgotten; then the next flush deletes the row.
"""

leases = _table(
    "leases",
    _whole("partition", key=True),
    _text("token"),
    _text("host"),
    _text("machine"),
    _whole("pid"),
    _text("process_start"),
    _whole("since"),
    _whole("heartbeat_at"),
)
"""Who writes to each partition. `process_start`: the system's word for it, so that a reused pid is seen."""

checkpoints = _table("checkpoints", _whole("partition", key=True), _whole("position"), _whole("as_of"))
"""Up to which position, and to which instant, a partition's read models are true."""

rebuild_marks = _table("rebuild_marks", _whole("partition", key=True), _whole("guild_id", key=True))
"""Guilds whose history was added to behind their newest event: only a rebuild makes their read models true again."""

STILL_OWED: Final = text("state IN ('pending', 'failed')")
"""Of posts and of members: still to be tried. To be asked for in these very words, without parameters: SQLite uses an
index on a part of a table only where it can read in the statement that no other part is asked for."""

deliveries = _table(
    "deliveries",
    _whole("partition", key=True),
    _text("key", key=True),
    _whole("guild_id"),
    _whole("channel_id", null=True),
    _text("kind"),
    _text("payload"),
    _text("nonce"),
    _text("state"),
    _whole("attempts", default="0"),
    _whole("next_attempt_at"),
    _whole("message_id", null=True),
    _text("error", null=True),
    _whole("created_at"),
    Index("deliveries_due", "next_attempt_at", sqlite_where=STILL_OWED, postgresql_where=STILL_OWED),
)
"""Posts owed to Discord. States: pending, sent, failed (will be tried again), blocked (needs a person), dropped."""

member_sync = _table(
    "member_sync",
    _whole("partition", key=True),
    _whole("guild_id", key=True),
    _whole("user_id", key=True),
    _whole("level"),
    _text("tier_roles"),
    _whole("revision"),
    _text("state"),
    _whole("attempts", default="0"),
    _whole("next_attempt_at"),
    _text("error", null=True),
    _whole("managed", default="0"),
    _text("set_nick", null=True),
    _text("meant_nick", null=True),
    _text("original_nick", null=True),
    Index(
        "member_sync_due",
        "partition",
        "guild_id",
        "next_attempt_at",
        "user_id",
        "state",
        sqlite_where=STILL_OWED,
        postgresql_where=STILL_OWED,
    ),
)
"""What each member should look like on Discord, and how far that has come. States as those of `deliveries`.

`level` and `tier_roles` (ids, ascending, joined by commas) are what is desired, `revision` counts its changes.
`managed`: whether the tracker has set a nickname; then `set_nick` is that nickname, `meant_nick` the one that it was
about to set (a process may die in between), and `original_nick` what the member was called before (null: nothing).
"""

backfills = _table(
    "backfills",
    _whole("partition", key=True),
    _whole("guild_id", key=True),
    _whole("run", key=True),
    _whole("channel_id", null=True),
    _whole("since"),
    _whole("until"),
    _whole("asked_by", null=True),
    _text("state"),
    _text("error", null=True),
    _whole("ended_at", null=True),
)
"""Readings of a guild's message history from `since` to before `until`, known by the instant they were asked for.

`channel_id`: only of this channel and its threads (null: of all). `asked_by`: a member (null: the command line).
States: waiting (nothing was read yet), reading, done, cancelled, failed (`error` says why).
"""

backfill_channels = _table(
    "backfill_channels",
    _whole("partition", key=True),
    _whole("guild_id", key=True),
    _whole("run", key=True),
    _whole("channel_id", key=True),
    _whole("parent_id", null=True),
    _text("name"),
    _text("state"),
    _whole("before"),
    _whole("messages", default="0"),
    _whole("added", default="0"),
)
"""How far a reading has come in a channel or thread (then `parent_id` is its channel): what is older than the message
id `before` is still to be read. `messages` were looked at, `added` of them were new. States: waiting, done, refused
(the bot lacks a permission), gone (it is not there any more).
"""


def _read_model(model: ReadModel) -> Table:
    columns: list[Column[int] | Column[str]] = [_whole("partition", key=True)]
    for name in model.columns:
        key, null = name in model.key, name not in model.key + model.add
        columns.append(_text(name, key=key, null=null) if name in TEXT_COLUMNS else _whole(name, key=key, null=null))
    return _table(model.name, *columns)


READ_MODELS: Final[dict[str, Table]] = {name: _read_model(model) for name, model in TABLES.items()}

_OPEN = text("ended_at IS NULL")
Index(
    "sessions_open",
    *(READ_MODELS["sessions"].c[c] for c in ("partition", "guild_id", "user_id", "started_at")),
    sqlite_where=_OPEN, postgresql_where=_OPEN,
)  # fmt: skip
