"""What looks told and the tables do not have yet, to be read with them: for what is no sum over a guild."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from store.beyond import Beyond
from store.board_here import Here
from store.engine import Database
from store.merging import putting
from store.state import FlushBatch
from tracker.ids import GuildId, Ms, Partition, Position, UserId, partition_of
from tracker.ingest.held import Continued, news_of
from tracker.projections.rows import TABLES, Changes, Row

__all__ = ["Unwritten"]

T = TypeVar("T")

_TRIES: Final = 8
_GUILDS_OWN: Final = frozenset({"guilds", "roles", "channels", "away", "rules"})
_OF_MEMBERS: Final = {
    name: (table.columns.index("user_id"), putting(table))
    for name, table in TABLES.items()
    if name in ("daily", "unearned", "totals", "season_totals", "members", "carries", "sessions", "role_changes")
}

_Rows = dict[str, dict[Row, Row]]


@dataclass(slots=True)
class _Since:
    """A partition since its last flush. `fresh`: what is not among `rows` yet; `changed`: guilds of which a look told
    something about themselves.
    """

    last: FlushBatch | None = None
    fresh: list[Changes] = field(default_factory=list)
    rows: dict[tuple[int, int], _Rows] = field(default_factory=dict)
    changed: set[GuildId] = field(default_factory=set)
    flushed: Position | None = None

    def clear(self) -> None:
        self.last = None
        self.fresh.clear()
        self.rows.clear()
        self.changed.clear()


class Unwritten:
    """Told on the writer's thread; any thread may ask."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._since: dict[Partition, _Since] = {}

    def looked(self, batches: Sequence[FlushBatch]) -> None:
        """What is in the log and not in the tables yet; once and in order."""
        with self._lock:
            for batch in batches:
                since = self._since.setdefault(batch.partition, _Since())
                if not isinstance(batch, Continued):
                    since.clear()  # the fold was loaded anew, as of the tables: what looks told of comes once more
                since.last = batch
                since.fresh.append(news_of(batch))

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """It is in the tables now."""
        with self._lock:
            for batch in batches:
                since = self._since.setdefault(batch.partition, _Since())
                since.clear()
                since.flushed = batch.position

    def read(
        self, guild: GuildId, users: Callable[[], Collection[UserId]], tell: Callable[[Beyond], T | None]
    ) -> T | None:
        """What `tell` makes of the tables and of what is beyond them of these users, at one moment.

        `tell` gives None if what it knows is of another moment; it is asked again then. None: only tables that are
        written can tell. Raises DatabaseError.
        """
        for _ in range(_TRIES):
            with self._database.moment():
                with self._database.read() as connection:
                    tables = Here(connection, self._database, guild).reached()
                asked = users()
                with self._lock:
                    since = self._since.get(partition_of(guild, self._database.partitions), _Since())
                    if since.last is not None and guild in _sorted(since).changed:
                        return None
                    beyond = _beyond(since, guild, asked, *tables)
                found = None if beyond is None else tell(beyond)
                if found is not None:
                    return found
        return None


def _sorted(since: _Since) -> _Since:
    """With nothing fresh: every row is where its member's are."""
    for changes in since.fresh:
        for name in _GUILDS_OWN & changes.rows.keys():
            since.changed.update(GuildId(row[0]) for row in changes.rows[name])
        since.changed.update(GuildId(guild) for guild, _ in changes.forgotten)
        for name, (user, put) in _OF_MEMBERS.items():
            for row in changes.rows.get(name, ()):
                put(since.rows.setdefault((row[0], row[user]), {}).setdefault(name, {}), row)
    since.fresh.clear()
    return since


def _beyond(
    since: _Since, guild: GuildId, users: Collection[UserId], position: Position, as_of: Ms
) -> Beyond | None:  # fmt: skip
    """None: the tables were read before the last flush; they must be read again."""
    if since.last is None or position >= since.last.position:
        is_new = since.flushed is None or position >= since.flushed
        return Beyond(position=position, as_of=as_of) if is_new else None
    if since.flushed is not None and position != since.flushed:
        return None
    rows: Mapping[UserId, _Rows] = {
        user: {name: dict(found) for name, found in known.items()}
        for user in users
        if (known := since.rows.get((guild, user))) is not None
    }
    return Beyond(position=since.last.position, as_of=since.last.as_of, rows=rows)
