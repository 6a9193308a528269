"""Events by group of guilds, as they are put down in the file of a replay (`store.replay_groups`).

Whoever reads the log lays them out: the replay itself, or the process that reads SQLite's pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from store.columns_chunk import Ints
from store.columns_rest import Rest
from store.replay_arranging import BASES, COLUMNS, HEAD, KIND_BITS, NUMBERED, WIDTHS
from tracker.events import kinds

if TYPE_CHECKING:
    from store.columns_places import Places

__all__ = [
    "EVENTS", "FIRST", "GROUP", "REST", "SIZE", "START", "Laid", "Numbers", "lay", "lay_fast",
]  # fmt: skip

GROUP, FIRST, START, EVENTS, SIZE, REST = range(6)
"""What is known of a slice: its group, the lowest position of its events, where it begins, how many events it has, how
many bytes their numbers take, and how many bytes behind them say what is in no column.
"""

_NEVER: Final = (1 << 63) - 1
_NEAR_BITS: Final = 8
_POSITION: Final = COLUMNS.index("position")


class Numbers(Protocol):
    """Events as columns: `columns.EventColumns`, or what becomes of them."""

    @property
    def position(self) -> Ints: ...
    @property
    def kind(self) -> npt.NDArray[np.uint8]: ...
    @property
    def guild(self) -> Ints: ...
    @property
    def subject(self) -> Ints: ...
    @property
    def channel(self) -> Ints: ...
    @property
    def at(self) -> Ints: ...
    @property
    def arg(self) -> Ints: ...
    @property
    def rest(self) -> Rest: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """`content`: slices, each one's numbers first (see `replay_arranging.HEAD`), and its rest then (Kept).

    `slices`: a row for each, by ascending groups. `newest`: the last instant of which the events speak, 0 at least.
    """

    content: memoryview
    slices: Ints
    newest: int


_encode = msgspec.msgpack.Encoder().encode


def lay_fast(columns: Numbers, bounds: Ints, until: int | None, places: Places | None = None) -> Laid:
    """The events up to the instant (None: all), by group; `bounds`: the guild with which each but the first begins.

    `places`: numbers for guilds and channels (None: they stay as they are). Needs numba.
    """
    from store.columns_gather import taken_apart
    from store.columns_lay import laid, measured

    guild, channel, whose = columns.guild, columns.channel, np.ascontiguousarray(columns.guild)
    if places is not None:
        guild, channel = places.numbers(whose), places.numbers(np.ascontiguousarray(channel))
    n, several = len(whose), len(bounds) + 1
    all_said = (columns.kind, columns.subject, guild, channel, columns.at, columns.arg, columns.position)
    said = [np.ascontiguousarray(one) for one in all_said]
    group, place, counts = np.empty(n, np.int16), np.empty(n, np.int32), np.zeros(several, np.int64)
    low = np.full((several, len(COLUMNS)), _NEVER, np.int64)
    high = np.full((several, len(COLUMNS)), -_NEVER - 1, np.int64)
    upto = _NEVER if until is None else until
    newest = int(measured(*said, whose, upto, bounds, *_near(bounds), group, place, counts, low, high))
    rests = _rests(columns.rest, group[columns.rest.rows], place[columns.rest.rows], taken_apart)
    bases, widths = _packed(low, high)
    slices, starts = _slices(counts, widths, low[:, _POSITION], rests)
    content = np.zeros(_size(slices), np.uint8)
    _put_heads(content, slices, bases, widths, numbered=places is not None)
    filled = content, content.view(np.uint16), content.view(np.uint32), content.view(np.uint64)
    laid(*said, group, place, starts, bases, widths, *filled)
    return _laid(content, slices, rests, newest)


def _packed(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """The base and the width of each group's columns. Of a group without events: any."""
    span = high.view(np.uint64) - low.view(np.uint64)  # right although the difference may be too big for a sign
    widths = np.select([span < 1 << 8, span < 1 << 16, span < 1 << 32], [1, 2, 4], 8)
    return np.where(widths == 8, 0, low), widths


def _newest(columns: Numbers, wanted: npt.NDArray[np.bool_]) -> int:
    ticked = wanted & (columns.kind == kinds.TICKED)
    return max(int(columns.at[wanted & ~ticked].max(initial=0)), int(columns.arg[ticked].max(initial=0)))


def _near(bounds: Ints) -> tuple[Ints, int]:
    """Where to look for a guild among the bounds: for each of equal stretches from the first bound on."""
    if not len(bounds):
        return np.zeros(1, np.int64), 0
    first = int(bounds[0])
    shift = max((int(bounds[-1]) - first).bit_length() - _NEAR_BITS, 0)
    return np.searchsorted(bounds, _edges(first, shift), side="right"), shift


@lru_cache(maxsize=64)  # one for each partition, of which there are not many more
def _edges(first: int, shift: int) -> Ints:
    """Where these stretches begin."""
    return np.array([min(first + (i << shift), _NEVER) for i in range(1 << _NEAR_BITS)], np.int64)


def lay(columns: Numbers, bounds: Ints, until: int | None) -> Laid:
    """As `lay_fast`, without numba: each number takes eight bytes."""
    group = np.searchsorted(bounds, columns.guild, side="right").astype(np.int16)
    if until is not None:
        group[columns.at > until] = -1
    order = np.argsort(group, kind="stable")[int(np.count_nonzero(group < 0)) :]
    counts = np.bincount(group[order], minlength=len(bounds) + 1)
    firsts = np.cumsum(counts) - counts
    place = np.full(len(group), -1, np.int64)
    place[order] = np.arange(len(order)) - np.repeat(firsts, counts)
    rests = _rests(columns.rest, group[columns.rest.rows], place[columns.rest.rows], _apart)
    bases = np.zeros((len(counts), len(COLUMNS)), np.int64)
    lowest = np.full(len(counts), _NEVER, np.int64)
    np.minimum.at(lowest, group[order], columns.position[order])
    slices, starts = _slices(counts, bases + 8, lowest, rests)
    content = np.zeros(_size(slices), np.uint8)
    _put_heads(content, slices, bases, bases + 8, numbered=False)
    both = columns.subject << KIND_BITS | columns.kind
    said = (both, columns.guild, columns.channel, columns.at, columns.arg, columns.position)
    numbers = np.stack([column[order] for column in said])
    for one, _, _, events, _, _ in slices.tolist():
        here = content[starts[one, 0] :][: 8 * events * len(COLUMNS)].view(np.int64).reshape(len(COLUMNS), events)
        here[:] = numbers[:, firsts[one] : firsts[one] + events]
    return _laid(content, slices, rests, _newest(columns, group >= 0))


def _slices(counts: Ints, widths: Ints, lowest: Ints, rests: dict[int, bytes]) -> tuple[Ints, Ints]:
    """The slices of these groups, and where the columns of each group begin. Each begins at a multiple of eight."""
    sizes = np.cumsum(counts[:, None] * widths + 7 & ~7, axis=1)
    groups = np.flatnonzero(counts)
    slices = np.zeros((len(groups), 6), np.int64)
    slices[:, GROUP], slices[:, FIRST], slices[:, EVENTS] = groups, lowest[groups], counts[groups]
    slices[:, SIZE] = 8 * HEAD + sizes[groups, -1]
    slices[:, REST] = [len(rests.get(one, b"")) for one in groups.tolist()]
    whole = slices[:, SIZE] + (slices[:, REST] + 7 & ~7)
    slices[:, START] = np.cumsum(whole) - whole
    starts = np.zeros(widths.shape, np.int64)
    starts[:, 1:] = sizes[:, :-1]
    starts[groups] += (8 * HEAD + slices[:, START])[:, None]
    return slices, starts


def _size(slices: Ints) -> int:
    return int(slices[-1, START] + slices[-1, SIZE] + (slices[-1, REST] + 7 & ~7)) if len(slices) else 0


def _put_heads(content: npt.NDArray[np.uint8], slices: Ints, bases: Ints, widths: Ints, *, numbered: bool) -> None:
    numbers = content.view(np.int64)
    for group, start in slices[:, (GROUP, START)].tolist():
        head = numbers[start >> 3 :][:HEAD]
        head[BASES:WIDTHS], head[WIDTHS:NUMBERED], head[NUMBERED] = bases[group], widths[group], numbered


def _laid(content: npt.NDArray[np.uint8], slices: Ints, rests: dict[int, bytes], newest: int) -> Laid:
    for group, start, size in slices[:, (GROUP, START, SIZE)].tolist():
        rest = rests.get(group)
        if rest is not None:
            content[start + size : start + size + len(rest)] = np.frombuffer(rest, np.uint8)
    return Laid(content=content.data, slices=slices, newest=newest)


def _rests(rest: Rest, group: npt.NDArray[Any], place: npt.NDArray[Any], taken: _Taken) -> dict[int, bytes]:
    """By group, what of its events is in no column. `group`, `place`: of the rest's rows."""
    if not len(group):
        return {}
    order = np.argsort(group, kind="stable")
    order = order[int(np.count_nonzero(group < 0)) :]
    ordered, ends = taken(rest, order, place[order]), np.flatnonzero(np.diff(group[order], append=-2)) + 1
    found: dict[int, bytes] = {}
    first = 0
    for end in ends.tolist():
        found[int(group[order[first]])] = _encode(ordered.between(first, end).kept())
        first = end
    return found


_Taken = Callable[[Rest, npt.NDArray[np.intp], npt.NDArray[np.intp]], Rest]
"""`Rest.taken`, of texts that are apart."""


def _apart(rest: Rest, which: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> Rest:
    return rest.taken(which, rows).apart()
