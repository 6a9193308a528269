"""What is kept of big guilds in memory from one question to the next: found by key, bounded, brought up to date.

Each part says up to which position it is true. Flushes and looks are noted, and applied to a part when it is asked for
or, at the latest, at the next flush; what a part missed while it was read waits for it. Whatever deltas cannot tell is
let go of, and read anew when somebody asks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Generic, Protocol, TypeVar

from store.state import FlushBatch
from tracker.ids import GuildId, Partition, Position, partition_of
from tracker.ingest.held import Continued

__all__ = ["IDLE_S", "KEEP_FROM", "Keeping", "Part"]

_LOG = logging.getLogger("tracker.ingest")

KEEP_FROM: Final = 2_000
"""Guilds with fewer members are read from the database: that is quick."""
IDLE_S: Final = 3600.0
"""What nobody asked for in so long is let go of."""
_AT_ONCE: Final = 4
_LATELY_S: Final = 60.0
"""What nobody asked for in so long is not kept up between answers."""


class Part(Protocol):
    """Something that is kept, true at `position`."""

    @property
    def position(self) -> Position: ...

    @property
    def nbytes(self) -> int: ...


P = TypeVar("P", bound=Part)
K = TypeVar("K", bound=Hashable)

Bring = Callable[[P, GuildId, FlushBatch], bool]
"""Brings a part up to date with what nobody was told of before. False: that cannot be told by deltas."""


@dataclass(slots=True)
class _Kept(Generic[P]):
    guild: GuildId
    part: P
    used_at: float
    held_at: float = float("-inf")


@dataclass(slots=True)
class _Load:
    """Something that is being read: what it may have missed waits here. `void`: it is not to be kept."""

    guild: GuildId
    missed: list[FlushBatch] = field(default_factory=list)
    void: bool = False


class Keeping(Generic[K, P]):
    """At most `most_bytes`, the least recently used going first, nothing for longer than `idle_s` unused.

    `told`: the lock under which everything below is done, and what is notified after each flush. `partitions`: of the
    database. Any thread may ask and tell.
    """

    def __init__(
        self, partitions: int, bring: Bring[P], *, most_bytes: int, idle_s: float, timer: Callable[[], float] | None
    ) -> None:
        self.told = threading.Condition(threading.RLock())
        self._partitions = partitions
        self._bring = bring
        self._most_bytes = most_bytes
        self._idle_s = idle_s
        self._timer = timer or time.monotonic
        self._kept: OrderedDict[K, _Kept[P]] = OrderedDict()  # the least recently used first
        self._loads: list[_Load] = []
        self._looks: dict[Partition, list[FlushBatch]] = {}
        self._flushed: dict[Partition, Position] = {}

    # -- being told ------------------------------------------------------------------------------------------------

    def looked(self, batches: Sequence[FlushBatch]) -> None:
        """What is in the log and not in the tables yet; once and in order."""
        with self.told:
            for batch in batches:
                self._note(batch)

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """What was just committed; once and in order. Until this returns, nobody who waits for the flush may ask."""
        with self.told:
            self._age()
            for batch in batches:
                self._note(batch)
                for key in [key for key, kept in self._kept.items() if self._of(kept.guild) == batch.partition]:
                    self.get(key)
                self._looks[batch.partition].clear()
                self._flushed[batch.partition] = batch.position
            self._shrink()
            self.told.notify_all()

    def gathered(self, batches: Sequence[FlushBatch]) -> None:
        """All looks since the last flush as one: it takes their place, unless some part knows a few of them only."""
        with self.told:
            for batch in batches:
                looks = self._looks.get(batch.partition)
                if looks and looks[-1].position == batch.position:
                    kept = [kept for kept in self._kept.values() if self._of(kept.guild) == batch.partition]
                    if not any(map(self._is_between, kept)):
                        self._looks[batch.partition] = [batch]

    def _note(self, batch: FlushBatch) -> None:
        looks = self._looks.setdefault(batch.partition, [])
        if looks and not isinstance(batch, Continued):
            # The fold was loaded anew, as of the tables: what looks told of comes once more.
            looks.clear()
            self._drop(lambda guild: self._of(guild) == batch.partition)
        looks.append(batch)
        for load in self._loads:
            if self._of(load.guild) == batch.partition:
                load.missed.append(batch)

    # -- asking ----------------------------------------------------------------------------------------------------

    def has(self, key: K) -> bool:
        """Whether it is kept. Without the lock: it may be gone a moment later."""
        return key in self._kept

    def peek(self, key: K) -> P | None:
        """The part, if it is kept, as it is."""
        kept = self._kept.get(key)
        return None if kept is None else kept.part

    def get(self, key: K, *, steps: int | None = None) -> P | None:
        """The part, up to date with all that was told; None if it is not kept (any more).

        `steps`: by so many looks only.
        """
        kept = self._kept.get(key)
        if kept is None:
            return None
        try:
            news = self._news(kept)[:steps]
            fine = all(self._brought(kept.part, kept.guild, batch) for batch in news)
        except Exception:  # what cannot be trusted is worse than nothing
            _LOG.exception("what is kept in memory could not be brought up to date: reading it anew")
            self._kept.clear()
            return None
        if not fine:
            del self._kept[key]
            return None
        return kept.part

    def keep_up(self) -> bool:
        """Bring some parts, those used last first, up to date by one look. False: all are that somebody may ask for.

        What was not used lately is left to the next flush.
        """
        lately = self._timer() - _LATELY_S
        with self.told:
            behind = (
                key
                for key, kept in reversed(self._kept.items())
                if (kept.used_at >= lately and self._news(kept)) or self._is_between(kept)
            )
            some = list(islice(behind, _AT_ONCE))
            for key in some:
                self.get(key, steps=1)
        return bool(some)

    def use(self, key: K) -> P | None:
        """`get`, by somebody who wants it: it stays for another while."""
        part = self.get(key)
        if part is not None:
            self._kept[key].used_at = self._timer()
            self._kept.move_to_end(key)
        return part

    def hold(self, concerned: Callable[[K], bool]) -> None:
        """Let what goes along with something that was used stay for another while, used or not."""
        now = self._timer()
        for key, kept in self._kept.items():
            if concerned(key):
                kept.held_at = now

    def drop(self, key: K) -> None:
        """Keep it no longer."""
        self._kept.pop(key, None)

    def looks(self, guild: GuildId, position: Position) -> list[FlushBatch] | None:
        """What is not in tables that stand at `position`; None: those have moved on since they were asked."""
        partition = self._of(guild)
        if position < self._flushed.get(partition, 0):
            return None
        return [batch for batch in self._looks.get(partition, ()) if batch.position > position]

    def wait_for(self, condition: Callable[[], bool], within_s: float) -> None:
        """Until the condition holds after a flush; no longer than so many seconds."""
        with self.told:
            self.told.wait_for(condition, within_s)

    def load(self, key: K, guild: GuildId, read: Callable[[], P]) -> None:
        """Read a part, without the lock, and keep it from now on, if what it missed can be told. Raises as `read`."""
        with self._missing_nothing(guild) as load:
            part = read()
        with self.told:
            self._loads.remove(load)
            if not load.void and all(self._brought(part, guild, batch) for batch in load.missed):
                self._kept[key] = _Kept(guild, part, self._timer())
                self._kept.move_to_end(key)
                self._shrink()

    @property
    def nbytes(self) -> int:
        """What all of it takes in memory, roughly."""
        with self.told:
            return sum(kept.part.nbytes for kept in self._kept.values())

    @contextmanager
    def _missing_nothing(self, guild: GuildId) -> Iterator[_Load]:
        """What is told is noted from now on, until the load is taken off the list, or reading fails."""
        with self.told:
            load = _Load(guild, list(self._looks.get(self._of(guild), ())))
            self._loads.append(load)
        try:
            yield load
        except BaseException:
            with self.told:
                self._loads.remove(load)
            raise

    # -- under the lock --------------------------------------------------------------------------------------------

    def _news(self, kept: _Kept[P]) -> Sequence[FlushBatch]:
        """What a part has not been told of."""
        looks = self._looks.get(self._of(kept.guild), ())
        if not looks or kept.part.position >= looks[-1].position:
            return ()
        return [batch for batch in looks if batch.position > kept.part.position]

    def _is_between(self, kept: _Kept[P]) -> bool:
        """Whether a part has been told of some looks, and of others not."""
        return 0 < len(self._news(kept)) < len(self._looks[self._of(kept.guild)])

    def _brought(self, part: P, guild: GuildId, batch: FlushBatch) -> bool:
        if batch.position <= part.position:
            return True
        return guild not in batch.recounted and self._bring(part, guild, batch)

    def _drop(self, concerned: Callable[[GuildId], bool]) -> None:
        for key in [key for key, kept in self._kept.items() if concerned(kept.guild)]:
            del self._kept[key]
        for load in self._loads:
            load.void = load.void or concerned(load.guild)

    def _age(self) -> None:
        oldest = self._timer() - self._idle_s
        for key in [key for key, kept in self._kept.items() if max(kept.used_at, kept.held_at) < oldest]:
            del self._kept[key]

    def _shrink(self) -> None:
        while self._kept and self.nbytes > self._most_bytes:
            self._kept.popitem(last=False)

    def _of(self, guild: GuildId) -> Partition:
        return partition_of(guild, self._partitions)
