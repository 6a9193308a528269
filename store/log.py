"""The event log: append-only, positions 1, 2, 3, … without holes in each partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from store import appending, archive, archive_checking, archive_ids, archive_reading
from store.appending import Appended, Entry, Epochs
from store.engine import Database
from store.lease import Lease
from store.subjects import Member, Subjects, retire
from tracker.errors import EventFormatError, LogCorruptError
from tracker.events.codec import data_from_json, data_to_json
from tracker.events.envelope import Event, RecordedEvent
from tracker.events.member import MemberForgotten
from tracker.events.ticks import TrackerTicked, tick_partition
from tracker.ids import ChannelId, EventId, GuildId, Ms, Partition, Position, UserId, partition_of

__all__ = [
    "START", "AppendResult", "Duplicate", "append", "check_contiguity", "head", "newest", "partition_for", "read",
    "recorded_event",
]  # fmt: skip

START: Final = Position(0)
"""Before the first event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """An event whose id was in the log already, at `position`.

    A position beyond the last one that the caller knows to be committed means that the caller's own earlier append did
    succeed and only its acknowledgement was lost; any other that the event was appended before.
    """

    id: EventId
    partition: Partition
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendResult:
    """What an append did. `last`: each partition's last position now (those that were appended to).

    `duplicates` were in the log already. `repeated` ids came more than once in the same append: the first one counts.
    """

    last: dict[Partition, Position]
    appended: int
    duplicates: tuple[Duplicate, ...] = ()
    repeated: tuple[EventId, ...] = ()


def append(
    db: Database, events: Sequence[Event], *, recorded_at: Ms, lease: Lease | None = None, mark: bool = False
) -> AppendResult:
    """Appends events in the order given, all or none, as one transaction for all partitions.

    Ids that are there already change nothing. `recorded_at`: now. `lease`: None appends without asking who holds the
    database (tests and tools that hold it in another way). `mark`: the guilds of the events that are new are marked for
    a rebuild, in the same transaction. Raises DatabaseError, LeaseLostError.
    """
    entries: dict[tuple[Partition, str], Entry] = {}
    repeated = []
    for event in events:
        entry = _entry(event, db.partitions)
        if entries.setdefault((entry.partition, entry.id), entry) is not entry:
            repeated.append(event.id)
    if not entries:
        return AppendResult(last={}, appended=0)
    epochs = None if lease is None else lease.epochs
    wanted = list(entries.values())
    duplicates: tuple[Duplicate, ...] = ()
    if mark or any(e.type == MemberForgotten.TYPE for e in wanted) or archive_ids.find(db, wanted):
        done, duplicates = _append_carefully(db, wanted, recorded_at, epochs, mark=mark)
    else:
        try:
            done = _append_new(db, wanted, recorded_at, epochs)
        except IntegrityError:
            done, duplicates = _append_carefully(db, wanted, recorded_at, epochs)
    db.subjects.learn(done.minted.items())
    return AppendResult(
        last=done.last, appended=len(wanted) - len(duplicates), duplicates=duplicates, repeated=tuple(repeated)
    )


def _append_new(db: Database, entries: list[Entry], recorded_at: Ms, epochs: Epochs | None) -> Appended:
    if db.dialect == "postgresql":
        with db.autocommit() as connection:
            return appending.in_one_statement(connection, entries, recorded_at, epochs, db.subjects)
    with db.write() as connection:
        return appending.in_transaction(connection, entries, recorded_at, epochs, db.subjects)


def _append_carefully(
    db: Database, entries: list[Entry], recorded_at: Ms, epochs: Epochs | None, *, mark: bool = False
) -> tuple[Appended, tuple[Duplicate, ...]]:
    """With all other writers kept out, append what is missing; who is forgotten on the way becomes another subject."""
    fresh = Subjects()  # what is in memory may be what has changed
    with db.write() as connection:
        last = appending.lock(connection, {e.partition for e in entries}, epochs)
        there = appending.existing(connection, entries) | archive_ids.existing(connection, db.archived, entries)
        missing = [e for e in entries if (e.partition, e.id) not in there]
        minted: dict[Member, int] = {}
        gone: list[Member] = []
        for part, forgotten in _parts(missing):
            done = appending.in_transaction(connection, part, recorded_at, epochs, fresh)
            last.update(done.last)
            minted.update(done.minted)
            retire(connection, forgotten)
            gone += forgotten
            for member in forgotten:
                minted.pop(member, None)
        if mark:
            _mark(connection, {(e.partition, e.guild_id) for e in missing if e.guild_id})
    db.subjects.drop(gone)
    duplicates = tuple(Duplicate(id=EventId(i), partition=p, position=n) for (p, i), n in there.items())
    return Appended(last, minted), duplicates


def _mark(connection: Connection, guilds: set[tuple[Partition, int]]) -> None:
    """In the events' own transaction: whoever finds no mark, and nobody else appending, finds no uncounted event."""
    statement = text("INSERT INTO rebuild_marks (partition, guild_id) VALUES (:p, :g) ON CONFLICT DO NOTHING")
    if guilds:
        connection.execute(statement, [{"p": p, "g": g} for p, g in sorted(guilds)])


def _parts(entries: list[Entry]) -> Iterator[tuple[list[Entry], list[Member]]]:
    """The entries in order, cut behind each `member.forgotten`, with the member that is forgotten there."""
    part: list[Entry] = []
    for entry in entries:
        part.append(entry)
        if entry.type == MemberForgotten.TYPE and entry.user_id is not None:
            yield part, [(entry.partition, entry.guild_id, entry.user_id)]
            part = []
    if part:
        yield part, []


def partition_for(event: Event, partitions: int) -> Partition:
    """The partition an event belongs to: its guild's, or the one that a tick's id names (modulo `partitions`)."""
    if isinstance(event.data, TrackerTicked):
        return Partition(tick_partition(event.id) % partitions)
    return partition_of(event.guild_id, partitions)


def _entry(event: Event, partitions: int) -> Entry:
    return Entry(
        partition_for(event, partitions),
        event.id,
        event.data.TYPE,
        event.data.VERSION,
        event.guild_id,
        event.user_id,
        event.channel_id,
        event.occurred_at,
        data_to_json(event.data),
    )


def head(db: Database) -> dict[Partition, Position]:
    """The last position of every partition; 0: nothing in it yet."""
    with db.read() as connection:
        rows = connection.exec_driver_sql("SELECT partition, position FROM log_head").all()
    return {Partition(p): Position(n) for p, n in rows}


_COLUMNS: Final = (
    "SELECT e.position, e.id, e.type, e.version, e.guild_id, COALESCE(s.user_id, -e.subject_id), e.channel_id, "
    "e.occurred_at, e.recorded_at, e.data FROM events e "
    "LEFT JOIN subjects s ON s.partition = e.partition AND s.subject_id = e.subject_id "
)
_BATCH: Final = 2_000


def read(
    db: Database, partition: Partition, after: Position = START, *, guild: GuildId | None = None
) -> Iterator[RecordedEvent]:
    """The partition's events beyond position `after`, in order, as they are at the start of the reading (streamed).

    `guild`: only this one's; None: all. A member whose mapping was removed has a negative user id. Raises
    DatabaseError; LogCorruptError for an event that cannot be read.
    """
    where, arguments = "WHERE e.partition = {0} AND e.position > {0}", [int(partition), int(after)]
    if guild is not None:
        where, arguments = where + " AND e.guild_id = {0}", [*arguments, int(guild)]
    with db.read() as connection:
        for row in archive_reading.rows(db, connection, partition, after=after, guild=guild):
            yield recorded_event(partition, row)
        for row in _stream(connection, where + " ORDER BY e.position", arguments):
            yield recorded_event(partition, row)


def _stream(connection: Connection, where: str, arguments: list[int]) -> Iterator[tuple[Any, ...]]:
    statement = _COLUMNS + where.format("?" if connection.dialect.name == "sqlite" else "%s")
    streaming = connection.execution_options(stream_results=True, yield_per=_BATCH)
    for batch in streaming.exec_driver_sql(statement, tuple(arguments)).partitions(_BATCH):
        yield from (tuple(row) for row in batch)


def recorded_event(partition: Partition, row: tuple[Any, ...]) -> RecordedEvent:
    """The event of a row as `read` selects it. Raises LogCorruptError if it cannot be read."""
    position, event_id, kind, version, guild, user, channel, occurred_at, recorded_at, data = row
    try:
        decoded = data_from_json(kind, version, data)
    except EventFormatError as error:
        raise LogCorruptError(f"event {position} of partition {partition} cannot be read: {error}") from None
    return RecordedEvent(
        partition=partition,
        position=Position(position),
        recorded_at=Ms(recorded_at),
        event=Event(
            id=EventId(event_id),
            guild_id=GuildId(guild),
            user_id=None if user is None else UserId(user),
            channel_id=None if channel is None else ChannelId(channel),
            occurred_at=Ms(occurred_at),
            data=decoded,
        ),
    )


def newest(db: Database) -> dict[GuildId, Ms]:
    """The instant of each guild's newest event (reads the whole log that is not archived)."""
    statement = (
        "SELECT guild_id, MAX(at) FROM (SELECT guild_id, MAX(occurred_at) AS at FROM events GROUP BY guild_id "
        "UNION ALL SELECT guild_id, newest_at FROM archive_guilds) both_parts GROUP BY guild_id"
    )
    with db.read() as connection:
        rows = connection.exec_driver_sql(statement).all()
    return {GuildId(g): Ms(at) for g, at in rows if g}


def check_contiguity(db: Database) -> int:
    """Counts the log's events, archived ones included. Reads the archive's files whole, to compare their hashes.

    Raises LogCorruptError if a partition's positions are not exactly 1 to its head, or a file is not as it was written;
    ArchiveAwayError if one is not there.
    """
    with db.read() as connection:
        archived = archive.all_segments(connection)
        found = sum(_check(connection, p, archived) for p in db.all_partitions)
    archive_checking.check_files(db, archived)
    return found


def _check(connection: Connection, partition: Partition, archived: Sequence[archive.Segment]) -> int:
    """How many events the partition has."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    border = max((s.last for s in archived if s.partition == partition), default=0)
    count, first, last, expected = connection.exec_driver_sql(
        f"SELECT COUNT(*), COALESCE(MIN(position), {border + 1}), COALESCE(MAX(position), {border}), "  # noqa: S608
        f"(SELECT position FROM log_head WHERE partition = {mark}) FROM events WHERE partition = {mark}",
        (partition, partition),
    ).one()
    if (first, last, count) != (border + 1, expected, expected - border):
        behind = f" behind the {border} that are archived" if border else ""
        raise LogCorruptError(
            f"partition {partition} of the log has {count} events from position {first} to {last}{behind}, "
            f"but its head says {border + 1} to {expected}: events are missing"
        )
    return border + int(count)
