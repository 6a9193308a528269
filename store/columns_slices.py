"""Events by group of guilds, as they are put down in the file of a replay (`store.replay_groups`).

Whoever reads the log lays them out: the replay itself, or the process that reads SQLite's pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from store.columns_chunk import Ints, Rest
from store.replay_arranging import COLUMNS, KIND_BITS
from tracker.events import kinds

__all__ = ["EVENTS", "FIRST", "GROUP", "REST", "START", "Kept", "Laid", "Numbers", "lay", "lay_fast"]

GROUP, FIRST, START, EVENTS, REST = range(5)
"""What is known of a slice: its group, the position of its first event, where it begins, how many events it has, and
how many bytes behind them say what is in no column.
"""

_EVENT: Final = 8 * len(COLUMNS)
_NEVER: Final = (1 << 63) - 1
_NEAR_BITS: Final = 8


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


class Kept(msgspec.Struct, array_like=True):
    """The rest of a slice; see `columns_chunk.Rest`."""

    rows: list[int]
    ids: list[str]
    versions: list[int]
    recorded_at: list[int]
    texts: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """`content`: slices, each one's numbers first, COLUMNS one after the other, and its rest, a Kept, then.

    `slices`: a row for each, by ascending groups. `newest`: the last instant of which the events speak, 0 at least.
    """

    content: memoryview
    slices: Ints
    newest: int


_encode = msgspec.msgpack.Encoder().encode


def lay_fast(columns: Numbers, bounds: Ints, until: int | None) -> Laid:
    """The events up to the instant (None: all), by group; `bounds`: the guild with which each but the first begins.

    Needs numba.
    """
    from store.columns_lay import counted, laid

    n, several = len(columns.guild), len(bounds) + 1
    group, place, counts = np.empty(n, np.int16), np.empty(n, np.int32), np.zeros(several, np.int64)
    near, shift = _near(bounds)
    latest = _NEVER if until is None else until
    counted(columns.guild, columns.at, latest, bounds, near, shift, group, place, counts)
    rests = _rests(columns.rest, group[columns.rest.rows], place[columns.rest.rows])
    slices = _slices(counts, rests)
    content = np.empty(_size(slices), np.uint8)
    starts = np.zeros(several, np.int64)
    starts[slices[:, GROUP]] = slices[:, START] >> 3
    newest = laid(
        columns.position, columns.kind, columns.guild, columns.subject, columns.channel, columns.at, columns.arg,
        kinds.TICKED, group, place, starts, counts, content.view(np.int64),
    )  # fmt: skip
    return _laid(content, slices, rests, int(newest))


def _near(bounds: Ints) -> tuple[Ints, int]:
    """Where to look for a guild among the bounds: for each of equal stretches from the first bound on."""
    if not len(bounds):
        return np.zeros(1, np.int64), 0
    first = int(bounds[0])
    shift = max((int(bounds[-1]) - first).bit_length() - _NEAR_BITS, 0)
    edges = [min(first + (i << shift), _NEVER) for i in range(1 << _NEAR_BITS)]
    return np.searchsorted(bounds, np.array(edges, np.int64), side="right"), shift


def lay(columns: Numbers, bounds: Ints, until: int | None) -> Laid:
    """As `lay_fast`, without numba."""
    group = np.searchsorted(bounds, columns.guild, side="right").astype(np.int16)
    if until is not None:
        group[columns.at > until] = -1
    order = np.argsort(group, kind="stable")[int(np.count_nonzero(group < 0)) :]
    counts = np.bincount(group[order], minlength=len(bounds) + 1)
    firsts = np.cumsum(counts) - counts
    place = np.full(len(group), -1, np.int64)
    place[order] = np.arange(len(order)) - np.repeat(firsts, counts)
    rests = _rests(columns.rest, group[columns.rest.rows], place[columns.rest.rows])
    slices = _slices(counts, rests)
    content = np.zeros(_size(slices), np.uint8)
    numbers = np.empty((len(COLUMNS), len(order)), np.int64)
    np.take(columns.subject << KIND_BITS | columns.kind, order, out=numbers[0])
    for i, name in enumerate(COLUMNS[1:], start=1):
        np.take(getattr(columns, name), order, out=numbers[i])
    for one, _, start, events, _ in slices.tolist():
        here = content[start : start + _EVENT * events].view(np.int64).reshape(len(COLUMNS), events)
        here[:] = numbers[:, firsts[one] : firsts[one] + events]
    speaks = np.where(columns.kind == kinds.TICKED, columns.arg, columns.at)[order]
    return _laid(content, slices, rests, int(speaks.max(initial=0)))


def _slices(counts: Ints, rests: dict[int, bytes]) -> Ints:
    """The slices of these groups. Each begins at a multiple of eight bytes."""
    groups = np.flatnonzero(counts)
    slices = np.zeros((len(groups), 5), np.int64)
    slices[:, GROUP], slices[:, EVENTS] = groups, counts[groups]
    slices[:, REST] = [len(rests.get(one, b"")) for one in groups.tolist()]
    sizes = _EVENT * slices[:, EVENTS] + (slices[:, REST] + 7 & ~7)
    slices[:, START] = np.cumsum(sizes) - sizes
    return slices


def _size(slices: Ints) -> int:
    if not len(slices):
        return 0
    return int(slices[-1, START] + _EVENT * slices[-1, EVENTS] + (slices[-1, REST] + 7 & ~7))


def _laid(content: npt.NDArray[np.uint8], slices: Ints, rests: dict[int, bytes], newest: int) -> Laid:
    behind = slices[:, START] + _EVENT * slices[:, EVENTS]
    slices[:, FIRST] = content.view(np.int64)[(behind >> 3) - slices[:, EVENTS]]
    for one, start in zip(slices[:, GROUP].tolist(), behind.tolist(), strict=True):
        rest = rests.get(one)
        if rest is not None:
            content[start : start + len(rest)] = np.frombuffer(rest, np.uint8)
    return Laid(content=content.data, slices=slices, newest=newest)


def _rests(rest: Rest, group: npt.NDArray[Any], place: npt.NDArray[Any]) -> dict[int, bytes]:
    """By group, what of its events is in no column. `group`, `place`: of the rest's rows."""
    if not len(group):
        return {}
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order], append=-2)) + 1
    found: dict[int, bytes] = {}
    first = 0
    for end in ends.tolist():
        mine, first = order[first:end], end
        number = int(group[mine[0]])
        if number >= 0:
            found[number] = _encode(_kept(rest, place[mine].tolist(), mine.tolist()))
    return found


def _kept(rest: Rest, rows: list[int], mine: list[int]) -> Kept:
    def picked(values: list[Any]) -> list[Any]:
        return [values[i] for i in mine]

    return Kept(
        rows=rows,
        ids=picked(rest.ids),
        versions=picked(rest.versions),
        recorded_at=picked(rest.recorded_at),
        texts=picked(rest.texts),
    )
