"""Readings of message history: what was asked for, and how far each has come, so that a restart goes on from there.

A page of messages is appended before its cursor moves. Killed in between, it is read again: the log knows a message by
its id, so nothing is there twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, case, func, insert, select, text, update

from store import archive_reading
from store.engine import Database
from store.lease import Lease
from store.rebuild import append_history
from store.schema import backfill_channels, backfills
from tracker.events.envelope import Event
from tracker.events.member import MemberOptedIn, MemberOptedOut
from tracker.ids import ChannelId, GuildId, MessageId, Ms, UserId, partition_of

__all__ = [
    "Backfill", "Place", "PlaceState", "Progress", "State", "append_page", "ask", "begin", "end", "find", "latest",
    "leave_out", "opt_outs", "places", "progress", "unfinished",
]  # fmt: skip

State = Literal["waiting", "reading", "done", "cancelled", "failed"]
PlaceState = Literal["waiting", "done", "refused", "gone"]

_UNFINISHED: Final = ("waiting", "reading")
_FAR: Final = Ms(1 << 62)
"""Later than any event: beside a bot that runs, nothing that is appended here is in its fold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A reading of the messages from `since` to before `until`. `run`: the instant at which it was asked for.

    `channel_id`: only this channel with its threads; None: all. `asked_by`: None: the command line. `error`: why it
    failed. `ended_at` None: it has not.
    """

    guild_id: GuildId
    run: Ms
    since: Ms
    until: Ms
    channel_id: ChannelId | None = None
    asked_by: UserId | None = None
    state: State = "waiting"
    error: str | None = None
    ended_at: Ms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A channel or thread (`parent_id`: its channel) to be read from the messages before `before` on, backwards.

    `messages` were looked at so far, `added` of them were new to the log.
    """

    channel_id: ChannelId
    name: str
    before: MessageId
    parent_id: ChannelId | None = None
    state: PlaceState = "waiting"
    messages: int = 0
    added: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`places` are to be read or were, `over` of them are done; `refused`: those that the bot may not read."""

    places: int
    over: int
    messages: int
    added: int
    refused: tuple[Place, ...]


def ask(db: Database, wanted: Backfill) -> Backfill:
    """Notes a reading that is to be done; if the guild has one that is not finished, gives that one instead."""
    with db.write() as connection:
        there = _first(connection, _of_guild(db, wanted.guild_id))
        if there is not None and there.ended_at is None:
            return there
        if there is not None and there.run >= wanted.run:  # two within a millisecond, or a clock that was set back
            wanted = replace(wanted, run=Ms(there.run + 1))
        row = {name: getattr(wanted, name) for name in Backfill.__dataclass_fields__}
        connection.execute(insert(backfills).values(partition=partition_of(wanted.guild_id, db.partitions), **row))
    return wanted


def unfinished(db: Database) -> list[Backfill]:
    """What is still to be read, the oldest wish first."""
    wanted = select(backfills).where(backfills.c.state.in_(_UNFINISHED)).order_by(backfills.c.run, backfills.c.guild_id)
    with db.read() as connection:
        return [_backfill(row) for row in connection.execute(wanted).mappings()]


def latest(db: Database, guild: GuildId) -> Backfill | None:
    """The guild's newest reading; None: there never was one."""
    with db.read() as connection:
        return _first(connection, _of_guild(db, guild))


def find(db: Database, guild: GuildId, run: Ms) -> Backfill | None:
    """The reading as it stands."""
    with db.read() as connection:
        return _first(connection, _of_guild(db, guild), backfills.c.run == run)


def begin(db: Database, wanted: Backfill, found: Collection[Place]) -> None:
    """These are the places to be read (those that may not be, too). Does nothing if that was noted already."""
    rows = [{**_key(db, wanted), **{n: getattr(place, n) for n in Place.__dataclass_fields__}} for place in found]
    with db.write() as connection:
        begun = update(backfills).where(*_this(db, wanted), backfills.c.state == "waiting").values(state="reading")
        if connection.execute(begun).rowcount and rows:
            connection.execute(insert(backfill_channels), rows)


def places(db: Database, wanted: Backfill) -> list[Place]:
    """What is left to read, in the order of ids."""
    left = _rows_of(db, wanted).where(backfill_channels.c.state == "waiting")
    with db.read() as connection:
        return [_place(row) for row in connection.execute(left).mappings()]


def append_page(
    db: Database,
    wanted: Backfill,
    place: Place,
    events: Sequence[Event],
    *,
    messages: int,
    before: MessageId,
    over: bool,
    recorded_at: Ms,
    lease: Lease | None,
) -> int:
    """Appends what `messages` of a page came to and moves the cursor to `before`; `over`: there are no older ones.

    The guild is marked for a rebuild first, unless all of it was in the log already. Returns how many events were new.
    Raises DatabaseError, LeaseLostError.
    """
    added = 0
    if events:
        newest = {wanted.guild_id: _FAR}
        added = append_history(db, events, recorded_at=recorded_at, newest=newest, lease=lease).appended
    c = backfill_channels.c
    moved = update(backfill_channels).where(*_row(db, wanted, place))
    with db.write() as connection:
        connection.execute(
            moved.values(
                before=before,
                messages=c.messages + messages,
                added=c.added + added,
                state="done" if over else "waiting",
            )
        )
    return added


def leave_out(db: Database, wanted: Backfill, place: Place, state: PlaceState) -> None:
    """The place is not read (any further): `refused` or `gone`."""
    with db.write() as connection:
        connection.execute(update(backfill_channels).where(*_row(db, wanted, place)).values(state=state))


def end(db: Database, wanted: Backfill, state: State, *, now: Ms, error: str | None = None) -> bool:
    """The reading is over; False if it was already."""
    still = backfills.c.state.in_(_UNFINISHED)
    over = update(backfills).where(*_this(db, wanted), still).values(state=state, error=error, ended_at=now)
    with db.write() as connection:
        return connection.execute(over).rowcount > 0


def progress(db: Database, wanted: Backfill) -> Progress:
    """How far the reading has come."""
    c = backfill_channels.c
    counted = select(
        func.count(),
        func.coalesce(func.sum(case((c.state == "waiting", 0), else_=1)), 0),
        func.coalesce(func.sum(c.messages), 0),
        func.coalesce(func.sum(c.added), 0),
    ).where(*_of(db, wanted), c.state != "refused")
    with db.read() as connection:
        found = connection.execute(counted).one()
        refused = connection.execute(_rows_of(db, wanted).where(c.state == "refused")).mappings()
        return Progress(
            places=int(found[0]), over=int(found[1]), messages=int(found[2]), added=int(found[3]),
            refused=tuple(_place(row) for row in refused),
        )  # fmt: skip


def opt_outs(db: Database, guild: GuildId) -> dict[UserId, list[tuple[Ms, Ms | None]]]:
    """When members did not want to be counted: from, to (None: they still do not). Reads the guild's whole log.

    Raises DatabaseError; ArchiveAwayError or LogCorruptError where the archive cannot be read.
    """
    here = {"partition": partition_of(guild, db.partitions), "guild": guild}
    found: dict[UserId, list[tuple[Ms, Ms | None]]] = {}
    with db.read() as connection:
        members = {subject: UserId(user) for subject, user in connection.execute(_MEMBERS, here)}
        for at, _, subject, kind in sorted(_changes_of_mind(db, connection, guild)):
            if subject not in members:
                continue  # was forgotten: who it was nobody knows
            spans = found.setdefault(members[subject], [])
            is_open = bool(spans) and spans[-1][1] is None
            if kind == MemberOptedOut.TYPE and not is_open:
                spans.append((Ms(at), None))
            elif kind == MemberOptedIn.TYPE and is_open:
                spans[-1] = (spans[-1][0], Ms(at))
    return found


_MEMBERS: Final = text("SELECT subject_id, user_id FROM subjects WHERE partition = :partition AND guild_id = :guild")
_CHANGES: Final = text(
    "SELECT occurred_at, position, subject_id, type FROM events "
    "WHERE partition = :partition AND guild_id = :guild AND type IN (:out, :in)"
)
_ARCHIVED: Final = tuple(
    archive_reading.COLUMNS.index(name) for name in ("occurred_at", "position", "subject_id", "type")
)


def _changes_of_mind(db: Database, connection: Connection, guild: GuildId) -> Iterator[tuple[int, int, int, str]]:
    """Who opted out or in, in the archive and in the table."""
    partition, types = partition_of(guild, db.partitions), (MemberOptedOut.TYPE, MemberOptedIn.TYPE)
    for row in archive_reading.of_member(db, connection, partition, guild=guild, subject=None, types=types):
        at, position, subject, kind = (row[n] for n in _ARCHIVED)
        yield at, position, subject, kind
    here = {"partition": partition, "guild": guild, "out": types[0], "in": types[1]}
    for at, position, subject, kind in connection.execute(_CHANGES, here):
        yield at, position, subject, kind


def _first(connection: Connection, *where: ColumnElement[bool]) -> Backfill | None:
    wanted = select(backfills).where(*where).order_by(backfills.c.run.desc()).limit(1)
    row = connection.execute(wanted).mappings().first()
    return None if row is None else _backfill(row)


def _of_guild(db: Database, guild: GuildId) -> ColumnElement[bool]:
    c = backfills.c
    return (c.partition == partition_of(guild, db.partitions)) & (c.guild_id == guild)


def _this(db: Database, wanted: Backfill) -> tuple[ColumnElement[bool], ...]:
    return _of_guild(db, wanted.guild_id), backfills.c.run == wanted.run


def _key(db: Database, wanted: Backfill) -> dict[str, int]:
    partition = partition_of(wanted.guild_id, db.partitions)
    return {"partition": partition, "guild_id": wanted.guild_id, "run": wanted.run}


def _of(db: Database, wanted: Backfill) -> tuple[ColumnElement[bool], ...]:
    return tuple(backfill_channels.c[name] == value for name, value in _key(db, wanted).items())


def _row(db: Database, wanted: Backfill, place: Place) -> tuple[ColumnElement[bool], ...]:
    return *_of(db, wanted), backfill_channels.c.channel_id == place.channel_id


def _rows_of(db: Database, wanted: Backfill) -> Select[Any]:
    return select(backfill_channels).where(*_of(db, wanted)).order_by(backfill_channels.c.channel_id)


def _backfill(row: RowMapping) -> Backfill:
    return Backfill(**{name: row[name] for name in Backfill.__dataclass_fields__})


def _place(row: RowMapping) -> Place:
    return Place(**{name: row[name] for name in Place.__dataclass_fields__})
