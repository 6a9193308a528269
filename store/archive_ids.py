"""Which event ids are in the archive, told without opening a file: appending one of them again must change nothing.

Most ids tell when they were made: snowflakes, UUIDv7, ticks. Each segment says from which instant to which its own do.
What a running bot makes is newer than all of that, and is let through by comparing two numbers. Only what may be old
(imports, the history of messages) is looked up among the segment's hashes: 96 bits and the place of each id, 16 bytes
an event. Ids that tell no instant are kept, and looked for, apart.

Only who holds the lease archives, so a writer's memory of the ranges is read again when the lease changes hands;
history that is appended without the lease is looked up under the log's lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from cachetools import LRUCache
from sqlalchemy import Connection, insert, select

from store.appending import Entry
from store.schema import archive_ids
from tracker.ids import Partition, Position, snowflake_ms

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["ArchivedIds", "Ids", "existing", "find", "ids_of", "instant_in", "put"]

_SNOWFLAKE: Final = re.compile(r"(?:message|message-deleted|interaction):([0-9]{1,19})")
_TICK: Final = re.compile(r"tick:[0-9]+:([0-9]{1,15})")
_UUID7: Final = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_HASH_BYTES: Final = 12


def instant_in(event_id: str) -> int | None:
    """The instant (ms) that the id tells, by nothing but its text; None: it tells none."""
    if found := _UUID7.fullmatch(event_id):
        return int(found[1] + found[2], 16)
    if found := _SNOWFLAKE.fullmatch(event_id):
        return snowflake_ms(int(found[1]))
    if found := _TICK.fullmatch(event_id):
        return int(found[1])
    return None


class _Range(NamedTuple):
    """A segment's ids of one kind, and the instants from which to which they tell."""

    partition: Partition
    first: Position
    timed: bool
    ids_from: int
    ids_to: int

    def may_hold(self, instant: int | None) -> bool:
        return not self.timed if instant is None else self.timed and self.ids_from <= instant <= self.ids_to


class _Ranges(NamedTuple):
    """All segments' ids by partition, and the latest instant that any of them tells in each."""

    of: dict[int, list[_Range]]
    latest: dict[int, int]


@dataclass(slots=True)
class ArchivedIds:
    """What a writer knows of the archive's ids. `ranges` None: it has not looked yet."""

    ranges: _Ranges | None = None
    hashes: LRUCache[_Range, tuple[Any, Any, Any]] = field(default_factory=lambda: LRUCache(maxsize=8))

    def reset(self) -> None:
        """Another process may have archived something, or put it back."""
        self.ranges = None
        self.hashes.clear()


def find(db: Database, entries: Sequence[Entry]) -> bool:
    """Whether any of these events is archived, by what is in memory. Asks the database only for what may be as old."""
    known = db.archived
    if known.ranges is None:
        with db.read() as connection:
            known.ranges = _ranges(connection)
    sought = _sought(known.ranges, entries)
    if not sought:
        return False
    with db.read() as connection:
        return any(
            True for span, those in sought.items() for _ in _among(_hashes(connection, known, span), span, those)
        )


def existing(
    connection: Connection, known: ArchivedIds, entries: Sequence[Entry]
) -> dict[tuple[Partition, str], Position]:
    """Which of these events are archived, and at which positions, by what this transaction sees.

    True until its end if it has locked the partitions (`appending.lock`), whoever holds the lease.
    """
    there: dict[tuple[Partition, str], Position] = {}
    for span, those in _sought(_ranges(connection), entries).items():
        there.update(_among(_hashes(connection, known, span), span, those))
    return there


def _sought(ranges: _Ranges, entries: Sequence[Entry]) -> dict[_Range, list[Entry]]:
    """Which events may be in which segments."""
    sought: dict[_Range, list[Entry]] = {}
    if not ranges.of:
        return sought
    for entry in entries:
        instant = instant_in(entry.id)
        if instant is not None and instant > ranges.latest.get(entry.partition, -1):
            continue
        for span in ranges.of.get(entry.partition, ()):
            if span.may_hold(instant):
                sought.setdefault(span, []).append(entry)
    return sought


def _ranges(connection: Connection) -> _Ranges:
    t = archive_ids.c
    found = _Ranges({}, {})
    for p, first, timed, since, until in connection.execute(
        select(t.partition, t.first_position, t.timed, t.ids_from, t.ids_to)
    ):
        found.of.setdefault(p, []).append(_Range(Partition(p), Position(first), bool(timed), since, until))
        if timed:
            found.latest[p] = max(found.latest.get(p, until), until)
    return found


def _hashes(connection: Connection, known: ArchivedIds, span: _Range) -> tuple[Any, Any, Any]:
    """The segment's keys, checks and offsets. What is in memory stays true: an id's position never changes."""
    import numpy as np

    found = known.hashes.get(span)
    if found is None:
        t = archive_ids.c
        here = (t.partition == span.partition) & (t.first_position == span.first) & (t.timed == int(span.timed))
        packed = connection.execute(select(t.hashes).where(here)).scalar_one()
        count = len(packed) // 16
        found = known.hashes[span] = (
            np.frombuffer(packed, "<u8", count),
            np.frombuffer(packed, "<u4", count, 8 * count),
            np.frombuffer(packed, "<u4", count, 12 * count),
        )
    return found


def _among(
    hashes: tuple[Any, Any, Any], span: _Range, entries: Sequence[Entry]
) -> Iterator[tuple[tuple[Partition, str], Position]]:
    import numpy as np

    keys, checks, offsets = hashes
    sought = _hashed(entry.id for entry in entries)
    starts, ends = (np.searchsorted(keys, sought["key"], side) for side in ("left", "right"))
    for number in map(int, np.flatnonzero(ends > starts)):
        for at in range(starts[number], ends[number]):
            if checks[at] == sought["check"][number]:
                entry = entries[number]
                yield (entry.partition, entry.id), Position(span.first + int(offsets[at]))


class Ids(msgspec.Struct, frozen=True, kw_only=True):
    """A segment's ids of one kind. `hashes`: in ascending order, all keys, then all checks, then all places."""

    timed: bool
    ids_from: int
    ids_to: int
    hashes: bytes


def ids_of(ids: Sequence[str]) -> tuple[Ids, ...]:
    """What is to be known of a new segment's ids, given in the order of its events. Takes a while."""
    instants = [instant_in(event_id) for event_id in ids]
    found = []
    for timed in (False, True):
        places = [n for n, instant in enumerate(instants) if (instant is not None) is timed]
        if places:
            told = [instants[n] or 0 for n in places]
            packed = _packed([ids[n] for n in places], places)
            found.append(Ids(timed=timed, ids_from=min(told), ids_to=max(told), hashes=packed))
    return tuple(found)


def put(connection: Connection, partition: Partition, first: Position, ids: Iterable[Ids]) -> None:
    """Notes the ids of a new segment, whose events begin at position `first`."""
    for kind in ids:
        row = {
            "partition": partition,
            "first_position": first,
            "timed": int(kind.timed),
            "ids_from": kind.ids_from,
            "ids_to": kind.ids_to,
            "hashes": kind.hashes,
        }
        connection.execute(insert(archive_ids), [row])


def _packed(ids: Sequence[str], places: Sequence[int]) -> bytes:
    """The hashes as they are stored."""
    import numpy as np

    hashed = _hashed(ids)
    order = np.argsort(hashed["key"], kind="stable")
    offsets = np.asarray(places, "<u4")
    return b"".join(part[order].tobytes() for part in (hashed["key"], hashed["check"], offsets))


def _hashed(ids: Iterable[str]) -> Any:
    import numpy as np

    digests = b"".join(blake2b(event_id.encode(), digest_size=_HASH_BYTES).digest() for event_id in ids)
    return np.frombuffer(digests, [("key", "<u8"), ("check", "<u4")])
