"""A report's figures out of what is kept in memory: `build.build_report` is given the few members that it shows.

The order of the members and the meaning of each figure are those of `tracker/reports/build.py`; tests hold them equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tracker.ids import Ms, UserId
from tracker.reports.build import LOW_COUNT, TOP_COUNT
from tracker.reports.kept import Numbers
from tracker.reports.kept_days import EXP, INTERACTIONS, LAST_AT, MESSAGES, SESSIONS, VOICE_MS
from tracker.reports.model import Activity, Report, Sums, percent_of

__all__ = ["Before", "Figures", "activities", "before_of", "figures_of", "find", "place_of", "sums_of", "with_all"]

_PIECES: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`members` of a window, how many were `active`, the `sums`, and what the first and the last of them did.

    `ranks`: of those of the first who come behind somebody who did nothing, because EXP was taken from them.
    """

    members: int
    active: int
    sums: Sums
    shown: tuple[Activity, ...]
    ranks: Mapping[UserId, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The sums of the window before, and how many percent of its members were active."""

    sums: Sums
    percent: int


def before_of(did: Sequence[Numbers]) -> Before:
    """`did`: as `KeptDays.of` says of all members."""
    return Before(sums=sums_of(did), percent=percent_of(_active(did), len(did[0])))


def figures_of(users: Numbers, doers: Numbers, did: Sequence[Numbers]) -> Figures:
    """`users` ascending; `doers`, `did`: as `KeptDays.those_of` says of them."""
    voice, exp, messages = did[VOICE_MS], did[EXP], did[MESSAGES]
    first = _first_of(voice, exp, messages)
    odd = first[(voice[first] == 0) & (exp[first] < 0)]
    idle = len(users) - len(doers)
    numbers = np.arange(len(doers), dtype=np.int64)
    shown = np.union1d(first, _least([voice, exp, messages, -numbers], LOW_COUNT))
    did_something = [
        _activity(user, row)
        for user, row in zip(doers[shown].tolist(), np.stack([column[shown] for column in did], axis=1), strict=True)
    ]
    return Figures(
        members=len(users),
        active=_active(did),
        sums=sums_of(did),
        shown=(*did_something, *(Activity(user_id=user) for user in _last_idle(users, doers))),
        ranks={
            UserId(int(doers[place])): _ahead([-voice, -exp, -messages, numbers], place) + idle + 1
            for place in odd.tolist()
        },
    )


def _first_of(voice: Numbers, exp: Numbers, messages: Numbers) -> Numbers:
    """Where the first ones are of those who did anything: by voice, EXP, messages and then as they stand."""
    if np.count_nonzero(voice > 0) >= TOP_COUNT:  # then nobody else is among them
        return _least([-voice, -exp, -messages, np.arange(len(voice), dtype=np.int64)], TOP_COUNT)
    best = np.flatnonzero((voice > 0) | (exp > 0) | (messages > 0))
    keys = [-voice[best], -exp[best], -messages[best], np.arange(len(best), dtype=np.int64)]
    return best[_least(keys, TOP_COUNT)]


def _last_idle(users: Numbers, doers: Numbers) -> list[UserId]:
    """The last ones of `users` who are not among `doers`; as many as may be among those with the least activity."""
    size = 8 * LOW_COUNT
    while True:
        last = users[-size:]
        begin = int(np.searchsorted(doers, last[0])) if len(last) else 0
        idle = np.setdiff1d(last, doers[begin:], assume_unique=True)
        if len(idle) >= LOW_COUNT or size >= len(users):
            return [UserId(user) for user in idle[-LOW_COUNT:].tolist()]
        size *= 8


def find(users: Numbers, user: int) -> int | None:
    """Where somebody is among `users` (ascending); None if they are not."""
    at = int(np.searchsorted(users, user))
    return at if at < len(users) and users[at] == user else None


def place_of(user: UserId, users: Numbers, doers: Numbers, did: Sequence[Numbers]) -> tuple[int, Activity]:
    """The rank (1 is the first) of one of `users`, and what they did. The others: as in `figures_of`."""
    own = np.zeros(len(did), dtype=np.int64)
    at = find(doers, user)
    if at is not None:
        own = np.array([column[at] for column in did], dtype=np.int64)
    ahead, equal = 0, np.ones(len(doers), dtype=np.bool_)
    for column in (VOICE_MS, EXP, MESSAGES):
        ahead += int(np.count_nonzero(did[column][equal] > own[column]))
        equal &= did[column] == own[column]
    ahead += int(np.count_nonzero(doers[equal] < user))
    mine = (int(own[VOICE_MS]), int(own[EXP]), int(own[MESSAGES]))
    if mine < (0, 0, 0):  # behind all who did nothing
        ahead += len(users) - len(doers)
    elif mine == (0, 0, 0):  # among them
        ahead += int(np.searchsorted(users, user)) - int(np.searchsorted(doers, user))
    return ahead + 1, _activity(user, own)


def activities(doers: Numbers, did: Sequence[Numbers]) -> dict[UserId, Activity]:
    """What each of them did."""
    found = (_activity(user, row) for user, row in zip(doers.tolist(), np.stack(did, axis=1), strict=True))
    return {activity.user_id: activity for activity in found}


def _active(did: Sequence[Numbers]) -> int:
    return int(np.count_nonzero((did[VOICE_MS] > 0) | (did[MESSAGES] > 0) | (did[INTERACTIONS] > 0)))


def sums_of(did: Sequence[Numbers]) -> Sums:
    """The sums over all members."""
    totals = [int(column.sum()) for column in did]
    return Sums(
        voice_ms=totals[VOICE_MS],
        sessions=totals[SESSIONS],
        messages=totals[MESSAGES],
        interactions=totals[INTERACTIONS],
        exp=totals[EXP],
    )


def with_all(report: Report, figures: Figures, before: Sums) -> Report:
    """`report` is of those who are shown only: what it should say of everybody."""

    left_out = figures.members - report.members
    return replace(
        report,
        members=figures.members,
        active=figures.active,
        sums=figures.sums,
        change=figures.sums.minus(before),
        top=tuple(replace(entry, rank=figures.ranks.get(entry.user_id, entry.rank)) for entry in report.top),
        low=tuple(replace(entry, rank=entry.rank + left_out) for entry in report.low),
    )


def _activity(user: int, row: Numbers) -> Activity:
    values = row.tolist()
    return Activity(
        user_id=UserId(user),
        voice_ms=values[VOICE_MS],
        sessions=values[SESSIONS],
        messages=values[MESSAGES],
        interactions=values[INTERACTIONS],
        exp=values[EXP],
        last_seen=Ms(values[LAST_AT]) if values[LAST_AT] else None,
    )


def _ahead(keys: Sequence[Numbers], place: int) -> int:
    """How many come before the one at `place`, by the first key, then the next."""
    count, equal = 0, np.arange(len(keys[0]), dtype=np.int64)
    for key in keys:
        values = key[equal]
        count += int(np.count_nonzero(values < key[place]))
        equal = equal[values == key[place]]
    return count


def _least(keys: Sequence[Numbers], count: int) -> Numbers:
    """Where the `count` least are, by the first key, then the next. The last key has no value twice.

    Nothing is sorted: finding the value at a place takes a fraction of the time.
    """
    among: Numbers | None = None  # None: all
    found: list[Numbers] = []
    for key in keys:
        values = key if among is None else key[among]
        if len(values) <= count:
            break
        limit = _value_at(values, count)
        less, same = np.flatnonzero(values < limit), np.flatnonzero(values == limit)
        found.append(less if among is None else among[less])
        among = same if among is None else among[same]
        count -= len(less)
    return np.concatenate([*found, np.arange(len(keys[0]), dtype=np.int64) if among is None else among])


def _value_at(values: Numbers, place: int) -> int:
    """The value that the `place`th least one has (1 is the first)."""
    size = len(values) // _PIECES
    if place <= _PIECES and size > 1:
        # The least of each of many pieces: at least `place` values are no larger than the `place`th of those.
        least = values[: size * _PIECES].reshape(_PIECES, size).min(axis=1)
        values = values[values <= np.partition(least, place - 1)[place - 1]]
    return int(np.partition(values, place - 1)[place - 1])
