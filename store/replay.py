"""Folding the log anew, in columns: the engine of rebuilds, of as-of and of what-if.

The log is read once and put down by guild; then some guilds after the others are folded, each one's events in canonical
order, and their rows leave the memory. Where the log says later what was in force from the beginning, or whom to
forget, that is known before the first event is folded.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from store.allocation import keeping, no_circles
from store.columns import Archived, EventColumns, LogReader, PutDown
from store.columns_chunk import Ints
from store.columns_down import AHEAD
from store.harvest import Harvest, Rows
from store.replay_feed import Feed, Preset
from store.replay_folding import Folded, fold_all
from store.replay_groups import Groups, bounds_of
from store.replay_sink import Sink, SortedSink
from store.shadow_rows import Sorted
from tracker.events import kinds
from tracker.events.rule import SettingsChanged
from tracker.ids import GuildId, Partition
from tracker.projections.kernel.compiled import Compiled
from tracker.projections.memory import Memory
from tracker.projections.standing import StandingRules

__all__ = ["Preset", "Replay"]

_MOST_WAITING: Final = 6_000_000
_GROUP: Final = 220_000
"""About how many events are folded at once. Half as many are as fast to fold but cost more beside it, as each group's
texts are inserted by a transaction of their own; twice as many take 100 MB more."""


class Replay:
    """One partition's log up to a position, on its way into a sink: `read`, then `finish`. Use it in a `with`.

    `guilds`: only these; None: all. `presets`: by guild id, settings that are in force from its first event on.
    `until`: only what occurred up to that instant. `nobody`: these subjects are folded without a user. `jobs`: how many
    groups of guilds are folded at once, by the compiled kernel. `folder`: where the log is put down (None: the system's
    place). `newest`: the last instant of which the log speaks, its newest tick or event. `forgotten`: (guild id, user
    id) of those of whom the log says so although the table of subjects still knows who they are.
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
        jobs: int = 1,
        folder: Path | None = None,
    ) -> None:
        self.newest = 0
        self.forgotten: list[tuple[int, int]] = []
        self._reader = reader
        self._partition = partition
        self._sink = sink
        self._kernel = kernel
        self._guilds = guilds
        self._given = presets or {}
        self._presets: dict[int, Preset] = dict(self._given)
        self._until = until
        self._nobody = nobody
        self._jobs = jobs if kernel is not None else 1
        self._folder = folder
        self._known: Future[Ints] = Future()
        self._groups: Groups | None = None
        self._heaps: list[array[int]] = []
        self._progress: Callable[[int], None] | None = None
        self._told = 0
        self._over = False

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._heaps = []
        if self._groups is not None:
            self._groups.close()

    @property
    def partition(self) -> Partition:
        """Whose log it is."""
        return self._partition

    @property
    def is_of_all(self) -> bool:
        """Whether it is of all guilds of the partition."""
        return self._guilds is None

    def share(self, heaps: list[array[int]]) -> None:
        """Fold in memory out of `heaps`, if there is some, and leave it there: for the replays that come after."""
        self._heaps = heaps

    # -- the log, put down by guild --------------------------------------------------------------------------------

    def read(self, upto: int, progress: Callable[[int], None] | None = None) -> None:
        """Read the log up to the position. `progress` is told of how many more events have been read, and then again
        folded: half of each. Raises as LogReader.
        """
        groups = self._begin(upto, progress)
        pool = ThreadPoolExecutor(1, thread_name_prefix="subjects")
        self._known = pool.submit(self._read_users)  # meanwhile: a million take a second
        pool.shutdown(wait=False)
        found = self._reader.put_down(
            self._partition,
            upto=upto,
            guilds=self._guilds,
            down=lambda first: groups.down(self._until, first, self._jobs),
        )
        with closing(found), no_circles(), keeping():
            for part in found:
                if self._over:  # nobody waits for it any more
                    return
                if isinstance(part, PutDown):
                    self._adopt(groups, part)
                elif isinstance(part, Archived):
                    self.store(part)
                else:
                    self.take(part)

    def begin(self, upto: int, progress: Callable[[int], None] | None, beside: Executor) -> None:
        """`take` is to be called with the log up to the position, in whatever order. `beside`: does what can wait."""
        self._begin(upto, progress)
        self._known = beside.submit(self._read_users)

    def _begin(self, upto: int, progress: Callable[[int], None] | None) -> Groups:
        self._progress = progress
        bounds = bounds_of(*self._reader.guild_sizes(self._partition), upto, _GROUP, self._jobs)
        self._groups = Groups(bounds, self._folder, fast=self._kernel is not None, role_sets=self._reader.role_sets)
        return self._groups

    def _read_users(self) -> Ints:
        users = self._reader.users(self._partition)
        users[[subject for subject in self._nobody if subject < len(users)]] = 0
        return users

    @property
    def _users(self) -> Ints:
        """By subject; of whom it becomes known while the log is read that they were forgotten: 0."""
        return self._known.result()

    def take(self, columns: EventColumns) -> None:
        """A part of the log. After `begin`."""
        assert self._groups is not None  # noqa: S101
        self._look_out(columns)
        self.newest = max(self.newest, self._groups.add(columns, self._until))
        self._tell(len(columns))

    def store(self, archived: Archived) -> None:
        """A part of the log that is to be read when it is folded. After `begin`."""
        assert self._groups is not None  # noqa: S101
        self._look_out(archived.ahead)
        newest = archived.stored.newest
        self.newest = max(self.newest, newest if self._until is None else min(newest, self._until))
        self._groups.store(archived.stored, archived.ahead, self._until)
        self._tell(archived.stored.events)

    def _adopt(self, groups: Groups, put: PutDown) -> None:
        for columns in put.ahead:
            self._look_out(columns)
        self.newest = max(self.newest, put.newest)
        groups.adopt(put)
        self._tell(put.events)

    def _look_out(self, columns: EventColumns) -> None:
        """See what is in force from the beginning, and who is nobody from the beginning."""
        rare = columns.rest.rows[AHEAD[columns.kind[columns.rest.rows]]]
        for i in rare.tolist():
            guild = int(columns.guild[i])
            if columns.kind[i] == kinds.FORGOTTEN:
                subject = int(columns.subject[i])
                user = int(self._users[subject]) if subject < len(self._users) else 0
                if user > 0:
                    self.forgotten.append((guild, user))
                    self._users[subject] = 0
            elif self._until is None or columns.at[i] <= self._until:
                self._see_settings(columns, i, guild)

    def _see_settings(self, columns: EventColumns, i: int, guild: int) -> None:
        if guild in self._given or "retroactive" not in columns.text(i):
            return
        data = columns.event(i).event.data
        if isinstance(data, SettingsChanged) and data.retroactive:
            before, until = self._presets.get(guild), (int(columns.at[i]), int(columns.position[i]))
            if before is None or before.until is None or before.until < until:
                self._presets[guild] = Preset(document=data.settings, by=data.by, until=until)

    def _tell(self, events: int) -> None:
        if self._progress is not None:
            self._told += events
            halves, self._told = divmod(self._told, 2)
            self._progress(halves)

    # -- the fold --------------------------------------------------------------------------------------------------

    def finish(self, as_of: int) -> dict[int, StandingRules]:
        """Fold what was read; time then comes to `as_of`.

        Returns the rules by which each guild's members are judged.
        """
        [(_, rules)] = fold_all([self], lambda _: as_of)
        return rules

    @property
    def jobs(self) -> int:
        """How many groups of guilds are folded at once."""
        return self._jobs

    def groups(self) -> Iterator[int]:
        """The numbers of the groups of which something was read."""
        assert self._groups is not None  # noqa: S101
        return self._groups.groups()

    def fold_here(self, group: int, as_of: int) -> Folded:
        """Folds a group whose rows are the next to be taken over. Some are handed on meanwhile."""
        return self._fold(group, as_of, self._hand_over)

    def fold_apart(self, group: int, as_of: int) -> Folded:
        """Folds a group in a thread of its own, which must not wait for the others' rows to be taken."""
        rows: list[Rows | Sorted] = []
        found = self._fold(group, as_of, rows.extend)
        rows.extend(found.rows)
        return replace(found, rows=rows)

    def take_over(self, found: Folded) -> dict[int, StandingRules]:
        """Hands on the rows of a group, one group after the other; returns the rules of its guilds."""
        self._hand_over(found.rows)
        self._sink.settle()
        self._tell(found.events)
        return found.rules

    def _fold(self, group: int, as_of: int, hand_over: Callable[[Iterable[Rows | Sorted]], None]) -> Folded:
        assert self._groups is not None  # noqa: S101
        columns = self._groups.columns(group)
        role_sets = self._reader.role_sets
        memory = Memory(self._heap())
        feed = Feed(
            self._partition, self._users,
            compiled=self._kernel, role_sets=role_sets, presets=self._presets, memory=memory,
        )  # fmt: skip
        harvest = self._harvest(feed)

        def pause() -> None:
            if harvest.waiting > _MOST_WAITING:
                hand_over(harvest.deltas())

        feed.fold(columns, pause)
        feed.advance(as_of)
        return Folded(
            rows=_then(harvest.all(), lambda: self._heaps.append(feed.close())),
            rules=feed.state.rules(),
            events=len(columns),
        )

    def _heap(self) -> array[int] | None:
        """That of a group which is done with; None: there is none."""
        try:
            return self._heaps.pop()
        except IndexError:
            return None

    def _harvest(self, feed: Feed) -> Harvest:
        if self._kernel is None or not isinstance(self._sink, SortedSink):
            return Harvest(feed)
        from store.harvest_sorted import SortedHarvest  # made of what numba compiles

        return SortedHarvest(feed, self._partition)

    def _hand_over(self, found: Iterable[Rows | Sorted]) -> None:
        for rows in found:
            if isinstance(rows, Sorted):
                assert isinstance(self._sink, SortedSink)  # noqa: S101
                self._sink.add_sorted(self._partition, rows)
                continue
            self._sink.add(rows.name, self._partition, rows.columns, rows.nulls, fresh=rows.fresh)


def _then(rows: Iterator[Rows | Sorted], end: Callable[[], None]) -> Iterator[Rows | Sorted]:
    yield from rows
    end()
