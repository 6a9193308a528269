"""The memory of a fold state: the kernel's heap, and the room and the calendars that it asks for."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, chain, pairwise
from typing import Final
from zlib import crc32
from zoneinfo import ZoneInfo

from tracker.projections.days import DAY_MS, local_day
from tracker.projections.kernel.layout import (
    BLOCK, BLOCK_END, BLOCK_NEXT, BUCKET, BUCKETS, CHANNEL, CRC, CRC_DIGITS, CRC_PART, CRC_PARTS, CRC_ZEROS,
    C_GUILD, C_ID, DAY, FIRST_ROWS, FOR_DAY, FOR_ROOM, FREE_AWARD, FREE_SESSION, FREE_SESSION_DAY, HEAP, L_FROM,
    L_TO, MEMBER, M_GUILD, M_PLACES, M_USER, NOT_YET, NO_ROLES, SPARE, STOPPED_AT, STOPPED_FOR, STOPPED_ZONE, TOP,
    U_BLOCK, U_CHANNELS, U_END, U_FIRST, U_MEMBERS, U_NEXT, U_ROLE_SETS, U_ROWS, U_WIDTH, U_ZONES, WIDTHS, Z_FROM,
    Z_TO,
)  # fmt: skip
from tracker.projections.kernel.rows import new_row, room

__all__ = ["Memory"]

_DAYS_AHEAD: Final = 60
_LEAST_GROWTH: Final = 1 << 15


class Memory:
    """Owns the heap that the kernel's functions take; it stays the same object while it grows.

    `heap`: that of a memory which is needed no more, to be used again: it costs less than a new one.
    `role_sets`: the row of each set of roles (ascending, as bytes of 64-bit numbers) that was ever held, but for those
    that nobody has looked for since `new_role_sets`. `zones`: those of the zones in use.
    """

    __slots__ = ("_unnamed", "_zone_names", "heap", "role_sets", "zones")

    def __init__(self, heap: array[int] | None = None) -> None:
        self.heap = _new_heap() if heap is None else _renewed(heap)
        self.role_sets: dict[bytes, int] = {}
        self._unnamed: list[int] = []
        self.zones: dict[str, int] = {}
        self._zone_names: dict[int, ZoneInfo] = {}
        if self.role_set(()) != NO_ROLES:
            raise AssertionError("the empty set of roles is not where the kernel looks for it")

    # -- rows ------------------------------------------------------------------------------------------------------

    def add(self, table: int, *values: int) -> int:
        """A new row of the table (U_GUILDS, …); returns its offset."""
        self.make_room()
        row = new_row(self.heap, table, WIDTHS[table])
        self.heap[row : row + len(values)] = array("q", values)
        return row

    def add_several(self, table: int, numbers: array[int]) -> list[int]:
        """As `add`, of several whole rows at once, which costs less."""
        width, found = WIDTHS[table], list[int]()
        while not room(self.heap, len(numbers) // width):
            self._grow(self.heap[SPARE] + _LEAST_GROWTH)
        heap, done = self.heap, 0
        while done < len(numbers):
            first = new_row(heap, table, width)
            end = first + min((heap[table + U_END] - first) // width * width, len(numbers) - done)
            heap[first:end] = numbers[done : done + end - first]
            heap[table + U_NEXT] = end
            found += range(first, end, width)
            done += end - first
        return found

    def put(self, numbers: bytes) -> int:
        """Numbers in a row that belong to no table, as bytes; returns the offset of the first."""
        heap, count = self.heap, len(numbers) // 8
        if heap[TOP] + heap[SPARE] + count > len(heap):
            self._grow(heap[SPARE] + count)
        at = heap[TOP]
        heap[TOP] = at + count
        if count:
            memoryview(heap).cast("B")[8 * at : 8 * (at + count)] = numbers
        return at

    def new_member(self, user: int, guild: int) -> int:
        """The row of somebody of whom nothing is known."""
        self.make_room()
        heap = self.heap
        row = new_row(heap, U_MEMBERS, MEMBER)
        heap[row : row + MEMBER] = _NOBODY
        heap[row + M_USER], heap[row + M_GUILD] = user, guild
        return row

    def new_channel(self, channel_id: int, guild: int) -> int:
        """The row of a channel in which nobody is; it is to be weighed."""
        return self.add(U_CHANNELS, channel_id, guild, *_EMPTY_CHANNEL)

    def new_channels(self, ids: Sequence[int], guilds: Sequence[int]) -> list[int]:
        """As `new_channel`, for each of these ids and guilds."""
        rows = array("q", (0, 0, *_EMPTY_CHANNEL)) * len(ids)
        rows[C_ID::CHANNEL], rows[C_GUILD::CHANNEL] = array("q", ids), array("q", guilds)
        return self.add_several(U_CHANNELS, rows)

    def parts(self, table: int) -> Iterator[tuple[int, int]]:
        """Where rows of the table are: offsets [from, to), in the order in which they were added."""
        heap, block, last = self.heap, self.heap[table + U_FIRST], self.heap[table + U_BLOCK]
        while last >= 0:
            yield block + BLOCK, heap[table + U_NEXT] if block == last else _full(heap, table, block)
            if block == last:
                return
            block = heap[block + BLOCK_NEXT]

    def rows(self, table: int) -> Iterator[int]:
        """The offsets of the table's rows, in the order in which they were added."""
        width = WIDTHS[table]
        for start, end in self.parts(table):
            yield from range(start, end, width)

    def count(self, table: int) -> int:
        """How many rows the table has."""
        return sum(end - start for start, end in self.parts(table)) // WIDTHS[table]

    def clear(self, table: int) -> array[int]:
        """Empty the table; returns what was in it."""
        heap, taken = self.heap, array("q")
        for start, end in self.parts(table):
            taken += heap[start:end]
            heap[start:end] = array("q", bytes(8 * (end - start)))  # so that no link to what was there seems right
        first = heap[table + U_FIRST]
        if first >= 0:
            heap[table + U_BLOCK], heap[table + U_NEXT] = first, first + BLOCK
            heap[table + U_END] = heap[first + BLOCK_END]
        return taken

    # -- what the kernel stops for ---------------------------------------------------------------------------------

    def reserve(self, numbers: int) -> None:
        """Have room for so many more numbers, rather than growing often."""
        heap = self.heap
        missing = heap[TOP] + heap[SPARE] + numbers - len(heap)
        if missing > 0:
            self._lengthen(missing)

    def supply(self) -> None:
        """See to what the kernel stopped for; then the call that stopped can be repeated."""
        heap = self.heap
        if heap[STOPPED_FOR] == FOR_ROOM:
            self._grow(heap[SPARE] + _LEAST_GROWTH)
        elif heap[STOPPED_FOR] == FOR_DAY:
            self._see_days(heap[STOPPED_ZONE], heap[STOPPED_AT])
        else:
            raise AssertionError(f"the kernel stopped for {heap[STOPPED_FOR]}")

    def make_room(self) -> None:
        """Have room for what one event may add."""
        while not room(self.heap, _EVENT):
            self._grow(self.heap[SPARE] + _LEAST_GROWTH)

    def _grow(self, numbers: int) -> None:
        self._lengthen(max(numbers, len(self.heap) // 8))

    def _lengthen(self, numbers: int) -> None:
        """So many more zeros: as many bytes of them elsewhere would be as many new pages of memory."""
        left = 8 * numbers
        while left:
            part = min(left, len(_ZEROS))
            self.heap.frombytes(_ZEROS[:part])
            left -= part

    def _see_days(self, zone: int, moment: int) -> None:
        """Put the local days around the instant into the zone's calendar, which has no hole."""
        heap, info = self.heap, self._zone_names[zone]
        first, end = moment - DAY_MS, moment + _DAYS_AHEAD * DAY_MS
        low, high = heap[zone + Z_FROM], heap[zone + Z_TO]
        if low < high:
            first, end = min(first, heap[low]), max(end, heap[high - DAY])
        found: list[int] = []
        at = first
        while at <= end:
            day = local_day(info, at)
            found += (day.start, day.day)
            at = day.end
        found += (at, 0)
        start = self.put(array("q", found).tobytes())
        heap[zone + Z_FROM], heap[zone + Z_TO] = start, start + len(found)

    # -- what the kernel looks up ----------------------------------------------------------------------------------

    def zone(self, info: ZoneInfo) -> int:
        """The row of the zone."""
        row = self.zones.get(info.key)
        if row is None:
            row = self.zones[info.key] = self.add(U_ZONES, 0, 0)
            self._zone_names[row] = info
        return row

    def role_set(self, roles: tuple[int, ...]) -> int:
        """The row of the set of roles, ascending."""
        self._name_role_sets()
        key = array("q", roles).tobytes()
        row = self.role_sets.get(key)
        if row is None:
            first = self.put(key)
            row = self.role_sets[key] = self.add(U_ROLE_SETS, first, first + len(roles))
        return row

    def role_rows(self, roles: bytes, ends: Sequence[int]) -> list[int]:
        """As `role_set`, of several sets at once, which costs less: `roles` as bytes of 64-bit numbers, one set behind
        the other, and which is the first role behind each.
        """
        self._name_role_sets()
        rows = self.role_sets
        keys = [roles[8 * first : 8 * end] for first, end in pairwise((0, *ends))]
        new = [key for key in dict.fromkeys(keys) if key not in rows]
        begin = self.put(b"".join(new))
        places = pairwise(accumulate((len(key) // 8 for key in new), initial=begin))
        rows.update(zip(new, self.add_several(U_ROLE_SETS, array("q", chain.from_iterable(places))), strict=True))
        return [rows[key] for key in keys]

    @property
    def has_role_sets(self) -> bool:
        """Whether any set of roles was ever held, but for the empty one."""
        return len(self.role_sets) > 1 or bool(self._unnamed)

    def new_role_sets(self, places: array[int]) -> list[int]:
        """As `role_rows`, of sets of which each is new and none is empty: where the roles of each were `put`, and where
        they end. It costs a fifth of that, unless somebody looks for any set later.
        """
        found = self.add_several(U_ROLE_SETS, places)
        self._unnamed += found
        return found

    def _name_role_sets(self) -> None:
        """Have sets found by the roles in them."""
        heap = self.heap
        for row in self._unnamed:
            self.role_sets[heap[heap[row + L_FROM] : heap[row + L_TO]].tobytes()] = row
        self._unnamed.clear()

    def roles_of(self, row: int) -> tuple[int, ...]:
        """The set of roles of a row."""
        heap = self.heap
        return tuple(heap[heap[row + L_FROM] : heap[row + L_TO]])


_EVENT: Final = 8
_NOBODY: Final = array("q", [0, 0, 0, NO_ROLES, 0, NOT_YET, NOT_YET, *[-1] * (MEMBER - M_PLACES)])
_EMPTY_CHANNEL: Final = (1, 0, 0, 0, 100, 0, -1, 0)
_ZERO: Final = ord("0")
_ZEROS: Final = memoryview(bytes(1 << 18))


def _full(heap: array[int], table: int, block: int) -> int:
    """Where the rows of a block that is full end: its last numbers may be too few for one more."""
    width = WIDTHS[table]
    return block + BLOCK + (heap[block + BLOCK_END] - block - BLOCK) // width * width


def _new_heap() -> array[int]:
    heap = array("q", bytes(8 * HEAP))
    heap[TOP] = HEAP
    heap[FREE_SESSION] = heap[FREE_SESSION_DAY] = heap[FREE_AWARD] = -1
    for table, width in WIDTHS.items():
        heap[table + U_WIDTH], heap[table + U_ROWS] = width, FIRST_ROWS
        heap[table + U_FIRST] = heap[table + U_BLOCK] = -1
        heap[SPARE] += BLOCK + FIRST_ROWS * width
    heap[BUCKET : BUCKET + BUCKETS] = array("q", [-1]) * BUCKETS
    crcs = _crc_table()
    heap[CRC : CRC + len(crcs)] = crcs
    return heap


def _renewed(heap: array[int]) -> array[int]:
    """A heap as it was when it was new, but as long as it has become."""
    numbers, end = memoryview(heap).cast("B"), 8 * heap[TOP]
    for at in range(8 * HEAP, end, len(_ZEROS)):
        part = min(len(_ZEROS), end - at)
        numbers[at : at + part] = _ZEROS[:part]
    numbers[: 8 * HEAP] = memoryview(_new_heap()).cast("B")
    return heap


@cache
def _crc_table() -> array[int]:
    """What `exp.crc_of` looks up, from CRC on."""
    digits = CRC_PARTS * CRC_DIGITS
    zeros = [crc32(bytes([_ZERO]) * count) for count in range(digits + 1)]
    parts = [
        crc32(f"{number:0{CRC_DIGITS}}".ljust(CRC_DIGITS * (part + 1), "0").rjust(digits, "0").encode()) ^ zeros[digits]
        for part in range(CRC_PARTS)
        for number in range(CRC_PART)
    ]
    if CRC + len(parts) != CRC_ZEROS:
        raise AssertionError("the table of CRCs is not as long as the kernel takes it for")
    return array("q", parts + zeros)
