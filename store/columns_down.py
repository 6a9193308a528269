"""The log put down by group of guilds by the process that reads it: what it is told, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from store.columns_chunk import Chunk, Ints
from store.columns_roles import Packed
from tracker.events import kinds

__all__ = ["AHEAD", "Begun", "Down", "Part"]

AHEAD: Final = np.isin(np.arange(256), [kinds.SETTINGS, kinds.FORGOTTEN])
"""The kinds that a replay has to see before it folds anything: what is in force, or was forgotten, all along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """Where to put events: the file's descriptor, from where on there is room, and the groups' bounds.

    `until`: only what occurred up to that instant (None: all). `first_set`: the number of the first set of roles that
    is met. `threads`: how many may read at once.
    """

    file: int
    start: int
    bounds: Ints
    until: int | None
    first_set: int
    threads: int


class Begun:
    """The log is read as of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The next events of what was asked for, up to the position `upto`, are in the file.

    `events`: how many were read. `slices`: see `columns_slices`, begins from the file's. `end`: where what was put
    down ends. `newest`: the last instant of which they speak. `ahead`: chunks of those that are AHEAD, one at least
    if there was any event. `role_sets`: the
    sets of roles with the next numbers. `places`: the ids of guilds and channels with the next ones, from 0 on.
    """

    upto: int
    events: int
    slices: Ints
    end: int
    newest: int
    ahead: list[Chunk]
    role_sets: Packed
    places: Ints
