"""Folding the log anew, in columns: the engine of rebuilds, of as-of and of what-if.

Events are folded in the order of the log, which for what came live is the canonical order, and rows leave the memory as
they come. Where it is not (history was imported), or where the log says later what was in force from the beginning, the
guild is folded once more, by itself, in canonical order; what was handed out of it before is taken back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Final, Protocol

from store.columns import LogReader
from store.columns_chunk import Ints
from store.harvest import Harvest
from store.replay_feed import Feed, Preset
from tracker.ids import GuildId, Partition
from tracker.projections.kernel.compiled import Compiled, can_compile, compiled, is_kept
from tracker.projections.standing import StandingRules

__all__ = ["WORTH_COMPILING", "Behind", "Preset", "Replay", "Sink", "kernel_for", "must_compile"]

WORTH_COMPILING: Final = 300_000
"""So many events are folded sooner by the compiled kernel, even though it takes half a minute to compile it once."""

_MOST_BEHIND: Final = 4
_MOST_WAITING: Final = 6_000_000


class Sink(Protocol):
    """Takes rows of read models; see `store.shadow.Shadow`."""

    def add(
        self, name: str, partition: Partition, columns: Sequence[Any], nulls: Mapping[str, Any] | None, *, fresh: bool
    ) -> None:
        """Takes rows; those of one key are one after the other what became of it."""

    def restart(self, partition: Partition, guilds: Collection[int]) -> None:
        """What was added of these guilds so far counts for nothing."""


class Behind:
    """A sink that works in a thread of its own, behind the replays (of any thread) that fill it.

    Use it in a `with`: what went wrong in there is raised by a later call, or at the end.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sink")
        self._waiting: deque[Future[None]] = deque()
        self._turn = Lock()

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown(cancel_futures=kind is not None)
        if kind is None:
            self._done(0)

    def add(
        self, name: str, partition: Partition, columns: Sequence[Any], nulls: Mapping[str, Any] | None, *, fresh: bool
    ) -> None:
        """As the sink's own. Waits while there is much to be done."""
        self._do(partial(self._sink.add, name, partition, columns, nulls, fresh=fresh))

    def restart(self, partition: Partition, guilds: Collection[int]) -> None:
        """As the sink's own."""
        self._do(partial(self._sink.restart, partition, frozenset(guilds)))

    def _do(self, job: Callable[[], None]) -> None:
        with self._turn:
            self._waiting.append(self._thread.submit(job))
            self._done(_MOST_BEHIND)

    def _done(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()


def must_compile(events: int) -> bool:
    """Whether folding so many events begins with compiling the kernel, which is done once on a machine."""
    return events >= WORTH_COMPILING and can_compile() and not is_kept()


def kernel_for(events: int) -> Compiled | None:
    """The compiled kernel, if so many events are worth it and numba is installed; None: as it stands."""
    return compiled() if events >= WORTH_COMPILING and can_compile() else None


@dataclass(slots=True)
class _Part:
    feed: Feed
    harvest: Harvest


class Replay:
    """One partition's log up to a position, on its way into a sink: `read`, then `finish`.

    `guilds`: only these; None: all. `presets`: by guild id, settings that are in force from its first event on.
    `until`: only what occurred up to that instant. `nobody`: these subjects are folded without a user.
    """

    def __init__(
        self,
        reader: LogReader,
        partition: Partition,
        sink: Sink,
        *,
        kernel: Compiled | None,
        guilds: Collection[GuildId] | None = None,
        presets: Mapping[int, Preset] | None = None,
        until: int | None = None,
        nobody: Collection[int] = (),
    ) -> None:
        self._reader = reader
        self._partition = partition
        self._sink = sink
        self._kernel = kernel
        self._guilds = guilds
        self._presets = dict(presets or {})
        self._until = until
        self._nobody = nobody
        self._parts: list[_Part] = []

    def read(self, upto: int, progress: Callable[[int], None] | None = None) -> None:
        """Fold the log up to the position. `progress` is told how many more events were folded. Raises as LogReader."""
        users = _unlinked(self._reader.subjects(self._partition)[1], self._nobody)
        feed = self._fold(users, upto, self._guilds, progress, canonical=False).feed
        again = feed.again
        if again:
            self._sink.restart(self._partition, again)
            self._parts[0].harvest.leave_out(again)
            self._presets |= feed.retroactive
            guilds = [GuildId(guild) for guild in sorted(again)]
            self._fold(_unlinked(users, feed.erased), upto, guilds, None, canonical=True)

    def _fold(
        self,
        users: Ints,
        upto: int,
        guilds: Collection[GuildId] | None,
        progress: Callable[[int], None] | None,
        *,
        canonical: bool,
    ) -> _Part:
        feed = Feed(self._partition, users, compiled=self._kernel, presets=self._presets, until=self._until)
        part = _Part(feed, Harvest(feed))
        self._parts.append(part)
        for columns in self._reader.batches(self._partition, upto=upto, guilds=guilds, canonical=canonical):
            feed.fold(columns, self._reader.role_sets)
            if part.harvest.waiting > _MOST_WAITING:
                self._hand_over(part)
            if progress is not None:
                progress(len(columns))
        return part

    @property
    def newest(self) -> int:
        """The last instant of which the log speaks: its newest tick or event."""
        found = [part.feed.ticked for part in self._parts]
        return max(found + [guild.last_at for part in self._parts for guild in part.feed.state.guilds.values()])

    @property
    def forgotten(self) -> list[tuple[int, int]]:
        """(guild id, user id) of those who were forgotten although the table of subjects still knows who they are."""
        return [member for part in self._parts for member in part.feed.forgotten]

    def finish(self, as_of: int) -> dict[int, StandingRules]:
        """Time has come to `as_of`: hand over the rest. Returns the rules by which each guild's members are judged."""
        rules: dict[int, StandingRules] = {}
        for part in self._parts:
            part.feed.advance(as_of)
            self._hand_over(part)
            for rows in part.harvest.rest():
                self._sink.add(rows.name, self._partition, rows.columns, rows.nulls, fresh=rows.fresh)
            rules |= part.feed.state.rules()
        return rules

    def _hand_over(self, part: _Part) -> None:
        for rows in part.harvest.deltas():
            self._sink.add(rows.name, self._partition, rows.columns, rows.nulls, fresh=rows.fresh)


def _unlinked(users: Ints, subjects: Collection[int]) -> Ints:
    """The users by subject id, as if nobody knew who these subjects are."""
    known = users.copy()
    known[[subject for subject in subjects if subject < len(users)]] = 0
    return known
