"""What a report's charts show, as whole numbers: voice by day or by hour, by hour of the week, and how that is counted.

Sessions come in as what changes in each quarter of an hour (`Turn`), because every zone's hours begin on a quarter:
the database sums them up, and what is left here depends on the length of the window, not on how busy it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from tracker.ids import Ms
from tracker.projections.days import next_day
from tracker.reports.window import Window

__all__ = [
    "HOURS", "QUARTER_MS", "WEEKDAYS", "Cell", "ChartData", "DaySum", "PartSession", "Quarter", "Step", "Turn",
    "hours_of_day", "hours_on_clock", "quarters_of", "spread", "steps_by_day", "week_of",
]  # fmt: skip

QUARTER_MS: Final = 900_000
HOURS: Final = 24
WEEKDAYS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One day of a window (`hour` None), or one hour on the clock of its only day.

    An hour that the clock shows twice is one step, one that it skips is a step with nothing. `messages` None: they are
    counted by day and not known by hour.
    """

    day: int
    hour: int | None
    voice_ms: int
    messages: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """An hour of the week, over all of a window: `length_ms` of it have been, `voice_ms` were spent in voice then.

    `voice_ms / length_ms` is how many were in voice on average; `length_ms` 0: the window had no such hour so far.
    """

    voice_ms: int = 0
    length_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartData:
    """`count`: the steps of the window, of which those in `current` have begun; `before`: those of the window before.

    Steps of both windows go side by side from the first one on. `week`: Monday first, each with the hours 0 to 23;
    None for a window of one day, which `current` already shows by the hour.
    """

    count: int
    current: tuple[Step, ...]
    before: tuple[Step, ...]
    week: tuple[tuple[Cell, ...], ...] | None


@dataclass(frozen=True, slots=True)
class Turn:
    """What changes in a quarter of an hour, the `quarter`th since 1970, among sessions all of whose time is tracked.

    `people`: how many came less how many went; `offset_ms`: how far into the quarter, summed up with the same signs.
    """

    quarter: int
    people: int
    offset_ms: int


@dataclass(frozen=True, slots=True)
class PartSession:
    """A session of which only `voice_ms` of its time [start, end) are tracked."""

    start: Ms
    end: Ms
    voice_ms: int


@dataclass(frozen=True, slots=True)
class Quarter:
    """The time [start, end), at most a quarter of an hour, and how much voice time fell into it."""

    start: Ms
    end: Ms
    voice_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySum:
    """The sums of a local day (yyyymmdd)."""

    day: int
    voice_ms: int
    messages: int


def quarters_of(start: Ms, end: Ms, turns: Iterable[Turn], parts: Iterable[PartSession]) -> list[Quarter]:
    """The voice time in [start, end) by quarters of an hour. `turns` must be of sessions cut to [start, end).

    Which part of a session was tracked is not kept: where it was not all of it, its time is spread evenly.
    """
    if end <= start:
        return []
    edges = [start, *range((start // QUARTER_MS + 1) * QUARTER_MS, end, QUARTER_MS), end]
    turned = {turn.quarter: turn for turn in turns}
    added = spread(edges, parts)
    found, present = [], 0
    for index, (low, high) in enumerate(pairwise(edges)):
        quarter, voice = low // QUARTER_MS, present * (high - low)
        turn = turned.get(quarter)
        if turn is not None:
            voice += turn.people * (high - quarter * QUARTER_MS) - turn.offset_ms
            present += turn.people
        found.append(Quarter(Ms(low), Ms(high), voice + added[index]))
    return found


def hours_of_day(window: Window, quarters: Iterable[Quarter]) -> tuple[Step, ...]:
    """The hours of a window of one day, up to the last of `quarters`."""
    voice, last = [0] * HOURS, -1
    for quarter in quarters:
        hour = _local(quarter.start, window.zone).hour
        voice[hour] += quarter.voice_ms
        last = max(last, hour)
    return tuple(Step(day=window.first_day, hour=hour, voice_ms=voice[hour], messages=None) for hour in range(last + 1))


def hours_on_clock(zone: ZoneInfo, quarters: Iterable[Quarter]) -> tuple[int, ...]:
    """Voice time by the hour on the clock in `zone`, whatever the day."""
    voice = [0] * HOURS
    for quarter in quarters:
        voice[_local(quarter.start, zone).hour] += quarter.voice_ms
    return tuple(voice)


def steps_by_day(window: Window, last_day: int, sums: Mapping[int, DaySum]) -> tuple[Step, ...]:
    """The days of a window up to `last_day` (or its own last), also those with nothing."""
    steps, day = [], window.first_day
    while day <= min(last_day, window.last_day):
        did = sums.get(day) or DaySum(day=day, voice_ms=0, messages=0)
        steps.append(Step(day=day, hour=None, voice_ms=did.voice_ms, messages=did.messages))
        day = next_day(day)
    return tuple(steps)


def week_of(zone: ZoneInfo, quarters: Iterable[Quarter]) -> tuple[tuple[Cell, ...], ...]:
    """Voice time by weekday and hour on the clock in `zone`."""
    voice, length = ([[0] * HOURS for _ in range(WEEKDAYS)] for _ in range(2))
    for quarter in quarters:
        local = _local(quarter.start, zone)
        voice[local.weekday()][local.hour] += quarter.voice_ms
        length[local.weekday()][local.hour] += quarter.end - quarter.start
    return tuple(
        tuple(Cell(voice_ms=v, length_ms=n) for v, n in zip(*row, strict=True))
        for row in zip(voice, length, strict=True)
    )


def spread(edges: Sequence[int], parts: Iterable[PartSession]) -> list[int]:
    """Each session's time in the stretches between the edges; all of them together have all of it that is inside.

    The edges in between begin quarters of an hour.
    """
    added = [0] * (len(edges) - 1)
    for part in parts:
        span = part.end - part.start
        if span <= 0:
            continue
        first = max(0, (part.start // QUARTER_MS) - (edges[0] // QUARTER_MS))
        for index in range(first, len(added)):
            if edges[index] >= part.end:
                break
            low, high = (min(max(e, part.start), part.end) - part.start for e in (edges[index], edges[index + 1]))
            added[index] += part.voice_ms * high // span - part.voice_ms * low // span
    return added


def _local(moment: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(moment // 1000, zone)
