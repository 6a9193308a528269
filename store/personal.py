"""What is stored about one member of one guild: looked at, written out whole, and erased beyond the read models.

The log has no index by member: the few who export or are forgotten pay with one reading of their partition (of its
archive too), and everybody else's appends stay as quick as they are.
"""

# ruff: noqa: S608  (the statements are put together from constants of this module; what is looked for is bound)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, text

from store import appending, archive_erasure, archive_place, archive_reading, bulk, subjects
from store.archive_erasure import Written
from store.engine import Database
from tracker.errors import EventFormatError, LogCorruptError
from tracker.events.codec import data_from_json
from tracker.events.envelope import Event
from tracker.events.exchange import to_line
from tracker.events.member import MemberJoined, MemberLeft, MemberRenamed
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.ids import ChannelId, EventId, GuildId, Ms, Partition, RoleId, UserId, partition_of
from tracker.projections.rows import TABLES
from tracker.reports.kept_about import Kept

__all__ = ["Given", "Traces", "erase", "read_export", "read_given", "read_kept", "read_traces"]

_HERE: Final = "partition = :partition AND guild_id = :guild"
_ACTS: Final = (SettingsChanged.TYPE, ExpAdjusted.TYPE, SeasonStarted.TYPE)
"""Events whose data say who did it (`by`)."""

_NAMING: Final = (MemberJoined.TYPE, MemberLeft.TYPE, MemberRenamed.TYPE)
"""Events whose data say what somebody is called."""

_SESSIONS: Final = f"""
WITH RECURSIVE days (day) AS (
  SELECT MIN(day) FROM sessions WHERE {_HERE}
  UNION ALL SELECT (SELECT MIN(s.day) FROM sessions s WHERE s.{_HERE} AND s.day > days.day) FROM days
  WHERE days.day IS NOT NULL
)
SELECT SUM(sessions), MIN(began) FROM (
  SELECT (SELECT COUNT(*) FROM sessions s WHERE s.{_HERE} AND s.day = days.day AND s.user_id = :user) AS sessions,
    (SELECT MIN(s.started_at) FROM sessions s WHERE s.{_HERE} AND s.day = days.day AND s.user_id = :user) AS began
  FROM days
) theirs
"""
"""A member's sessions: looked for on one day of the guild's after the other, because the key has the day first."""

_BATCH: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the tracker gave a member on Discord: tier roles, and (if `managed`) a nickname instead of the original.

    `set_nick`: that nickname; None if there is none, or it is not known to have arrived.
    """

    tier_roles: tuple[RoleId, ...]
    managed: bool
    set_nick: str | None
    original_nick: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Where a member is named within the log's data, as (position, the data without the name).

    `upto`: the position up to which the log was searched. `subject`: whose events were; None if there is none.
    """

    subject: int | None
    upto: int
    data: tuple[tuple[int, str], ...]


def read_kept(db: Database, guild: GuildId, user: UserId) -> Kept | None:
    """What the tables say of a member, in figures; None: nothing. By keys only. Raises DatabaseError."""
    place = _place(db, guild, user)
    with db.read() as connection:

        def first(statement: str) -> tuple[Any, ...]:
            row = connection.execute(text(statement), _needed(statement, place)).first()
            return () if row is None else tuple(row)

        member = first(f"SELECT name, opted_out, role_ids FROM members WHERE {_HERE} AND user_id = :user")
        totals = first(
            f"SELECT exp, voice_ms, messages, interactions, last_at FROM totals WHERE {_HERE} AND user_id = :user"
        )
        if not member and not totals:
            return None
        sessions, joined = first(_SESSIONS)
        (known,) = first(f"SELECT MIN(at) FROM role_changes WHERE {_HERE} AND role_id = :guild AND user_id = :user")
    name, opted_out, roles = member or ("", 0, "")
    exp, voice_ms, messages, interactions, last_at = totals or (0, 0, 0, 0, 0)
    since = min((at for at in (joined, known) if at is not None), default=None)
    return Kept(
        name=name or "",
        opted_out=bool(opted_out),
        roles=len([role for role in (roles or "").split(",") if role]),
        since=None if since is None else Ms(since),
        last_at=Ms(last_at) if last_at else None,
        sessions=int(sessions or 0),
        voice_ms=voice_ms,
        messages=messages,
        interactions=interactions,
        exp=exp,
    )


def read_given(db: Database, guild: GuildId, user: UserId) -> Given | None:
    """What the tracker gave the member on Discord; None: nothing. Raises DatabaseError."""
    statement = (
        f"SELECT tier_roles, managed, set_nick, original_nick FROM member_sync WHERE {_HERE} AND user_id = :user"
    )
    with db.read() as connection:
        row = connection.execute(text(statement), _place(db, guild, user)).first()
    if row is None or not (row[0] or row[1]):
        return None
    roles = tuple(RoleId(int(role)) for role in row[0].split(",") if role)
    return Given(tier_roles=roles, managed=bool(row[1]), set_nick=row[2], original_nick=row[3])


# -- the export --------------------------------------------------------------------------------------------------------


def read_export(db: Database, guild: GuildId, user: UserId) -> Iterator[tuple[str, str]]:
    """Everything about a member, as (what it is, JSON text): rows of the tables by table, and their events.

    Streamed, in one consistent state. Who else is named in it (who adjusted EXP, for one) is left out. What the member
    changed as an admin comes as `done_as_admin`, without what it was about. Raises DatabaseError, LogCorruptError.
    """
    place = _place(db, guild, user)
    with db.read() as connection:
        for name in (*bulk.TABLES_WITH_A_USER, "member_sync"):
            columns = TABLES[name].columns if name in TABLES else _MEMBER_SYNC
            statement = f"SELECT {', '.join(columns)} FROM {name} WHERE {_HERE} AND user_id = :user"
            for row in _streamed(connection, statement, place):
                yield name, _json(dict(zip(columns, row, strict=True)))
        for key, state, payload, created_at in connection.execute(text(_LEVEL_POSTS), _posts(place)):
            about = {"key": key, "state": state, "created_at": created_at, "payload": msgspec.json.decode(payload)}
            yield "announcements", _json(about)
        yield from _events(db, connection, place)


_MEMBER_SYNC: Final = (
    "guild_id", "user_id", "level", "tier_roles", "state", "managed", "set_nick", "original_nick",
)  # fmt: skip
_LEVEL_POSTS: Final = (
    f"SELECT key, state, payload, created_at FROM deliveries WHERE {_HERE} AND kind = 'level' "
    "AND substr(key, 1, :length) = :prefix ORDER BY created_at, key"
)
_EVENTS: Final = (
    f"SELECT {', '.join(archive_reading.COLUMNS)} FROM events "
    f"WHERE {_HERE} AND position > :after AND (subject_id = :subject OR type IN {_ACTS}) ORDER BY position"
)


def _logged(
    db: Database, connection: Connection, place: dict[str, int], subject: int | None, *, after: int = 0
) -> Iterator[Sequence[Any]]:
    """The member's events and all acts of the guild beyond position `after`, archived ones first: all columns."""
    yield from archive_reading.of_member(
        db, connection, Partition(place["partition"]), guild=place["guild"], subject=subject, types=_ACTS, after=after
    )
    values = {**_needed(_EVENTS, place), "subject": subject or 0, "after": after}
    yield from _streamed(connection, _EVENTS, values)


def _events(db: Database, connection: Connection, place: dict[str, int]) -> Iterator[tuple[str, str]]:
    subject = _subject(connection, place)
    for position, event_id, kind, version, _, whose, channel, at, _, data in _logged(db, connection, place, subject):
        if whose is None or whose != subject:
            if _by(data) == place["user"]:
                yield "done_as_admin", _json({"type": kind, "at": at})
            continue
        try:
            decoded = data_from_json(kind, version, data)
        except EventFormatError as error:
            raise LogCorruptError(
                f"event {position} of partition {place['partition']} cannot be read: {error}"
            ) from None
        if isinstance(decoded, ExpAdjusted) and decoded.by != place["user"]:
            decoded = replace(decoded, by=None)
        event = Event(
            id=EventId(event_id),
            guild_id=GuildId(place["guild"]),
            user_id=UserId(place["user"]),
            channel_id=None if channel is None else ChannelId(channel),
            occurred_at=Ms(at),
            data=decoded,
        )
        yield "events", to_line(event)


def _json(row: dict[str, Any]) -> str:
    """As JSON; ids as text, because a number that large loses its end in most readers."""
    plain = {k: str(v) if v is not None and k.endswith("_id") else v for k, v in row.items()}
    return msgspec.json.encode(plain).decode()


# -- erasing -----------------------------------------------------------------------------------------------------------


def read_traces(db: Database, guild: GuildId, user: UserId, *, after: Traces | None = None) -> Traces:
    """Where the log's data name the member: what they are called, and that they did something as an admin.

    `after`: only what came since then; their mapping may be gone by now. Raises DatabaseError.
    """
    place = _place(db, guild, user)
    found: list[tuple[int, str]] = []
    with db.read() as connection:
        subject = _subject(connection, place) if after is None else after.subject
        head = connection.execute(text("SELECT position FROM log_head WHERE partition = :partition"), _only(place))
        upto = int(head.scalar_one())
        since = 0 if after is None else after.upto
        for position, _, kind, _, _, whose, _, _, _, data in _logged(db, connection, place, subject, after=since):
            if kind in _NAMING and whose == subject:
                found.append((position, _without(data, "name")))
            elif kind in _ACTS and _by(data) == place["user"]:
                found.append((position, _without(data, "by")))
    return Traces(subject=subject, upto=upto, data=tuple(found))


def erase(db: Database, guild: GuildId, user: UserId, traces: Traces, ready: Sequence[Written] = ()) -> None:
    """Takes the member out of what no flush reaches: names in the log, announcements, who set a rule.

    The log keeps its events and positions; who reads it counts as before. Archived files that name the member are
    written anew, but for those that are `ready` (`store.archive_erasure`). Raises DatabaseError, ArchiveAwayError,
    LogCorruptError; then nothing was erased.
    """
    place = _place(db, guild, user)
    partition = Partition(place["partition"])
    with archive_erasure.rewritten(db, partition, dict(traces.data), ready) as put_into_use, db.write() as connection:
        put_into_use(connection)
        rewritten = [{"partition": place["partition"], "position": n, "data": data} for n, data in traces.data]
        if rewritten:
            appending.lock(connection, [partition], None)
            archive_place.texts_changed(connection)
            statement = "UPDATE events SET data = :data WHERE partition = :partition AND position = :position"
            connection.execute(text(statement), rewritten)
        connection.execute(text(f"UPDATE rules SET set_by = NULL WHERE {_HERE} AND set_by = :user"), place)
        connection.execute(text(f"UPDATE backfills SET asked_by = NULL WHERE {_HERE} AND asked_by = :user"), place)
        connection.execute(
            text(f"DELETE FROM deliveries WHERE {_HERE} AND kind = 'level' AND substr(key, 1, :length) = :prefix"),
            _posts(place),
        )


def _without(data: str, key: str) -> str:
    """The data with nothing under `key`: no name, or nobody."""
    plain: dict[str, Any] = msgspec.json.decode(data)
    plain[key] = "" if key == "name" else None
    return msgspec.json.encode(plain).decode()


def _by(data: str) -> int | None:
    by = msgspec.json.decode(data).get("by")
    return None if by is None else int(by)


# -- both --------------------------------------------------------------------------------------------------------------


def _subject(connection: Connection, place: dict[str, int]) -> int | None:
    member = (place["partition"], place["guild"], place["user"])
    return subjects.known(connection, [member]).get(member)


def _place(db: Database, guild: GuildId, user: UserId) -> dict[str, int]:
    return {"partition": partition_of(guild, db.partitions), "guild": guild, "user": user}


def _only(place: dict[str, int]) -> dict[str, int]:
    return {"partition": place["partition"]}


def _needed(statement: str, place: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in place.items() if f":{name}" in statement}


def _posts(place: dict[str, int]) -> dict[str, Any]:
    """What the keys of a member's level announcements begin with."""
    prefix = f"level:{place['guild']}:{place['user']}:"
    return {"partition": place["partition"], "guild": place["guild"], "length": len(prefix), "prefix": prefix}


def _streamed(connection: Connection, statement: str, values: dict[str, Any]) -> Iterator[Sequence[Any]]:
    streaming = connection.execution_options(stream_results=True, yield_per=_BATCH)
    for batch in streaming.execute(text(statement), values).partitions(_BATCH):
        yield from (tuple(row) for row in batch)
