"""Leaderboards of big guilds, kept in memory from one question to the next and brought up to date by every flush.

A board of 100,000 members takes 100 to 200 ms out of the database, and 2 ms out of memory, where it takes 3.3 MB. What
is not kept, or may not be true any more, is read from the database: that is always right.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from store.board_queries import PAGE, Named, Place, read_named
from store.engine import Database
from store.state import FlushBatch
from tracker.ids import GuildId, Ms, Partition, UserId, partition_of
from tracker.reports.boards import Board, BoardLine, BoardPeriod, Measure, scope_of

if TYPE_CHECKING:  # with them comes numpy, 14 MiB that a bot in small guilds never needs
    from tracker.reports.kept import KeptBoard, Ranked

__all__ = ["KeptBoards"]

_LOG = logging.getLogger("tracker.ingest")

_KEEP_FROM: Final = 2_000
_MOST_BYTES: Final = 64 * 2**20
_IDLE_S: Final = 3600.0

_Key = tuple[GuildId, BoardPeriod]


@dataclass(slots=True)
class _Kept:
    board: KeptBoard
    used_at: float


@dataclass(slots=True)
class _Load:
    """A board that is being read: the flushes that it may have missed wait here."""

    guild: GuildId
    missed: list[FlushBatch] = field(default_factory=list)


class KeptBoards:
    """At most `most_bytes` of boards, the least recently used going first, none for longer than `idle_s` unused.

    `keep_from`: boards with fewer members are not worth it. Every method may be called from any thread.
    """

    def __init__(
        self,
        database: Database,
        *,
        keep_from: int = _KEEP_FROM,
        most_bytes: int = _MOST_BYTES,
        idle_s: float = _IDLE_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keep_from = keep_from
        self._most_bytes = most_bytes
        self._idle_s = idle_s
        self._timer = timer
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()  # the least recently used first
        self._loads: list[_Load] = []

    @property
    def nbytes(self) -> int:
        """What the boards take in memory."""
        with self._lock:
            return self._size()

    def wants(self, guild: GuildId, period: BoardPeriod, total: int) -> bool:
        """Whether a board on which there are `total` members should be kept, and is not yet."""
        with self._lock:
            return total >= self._keep_from and (guild, period) not in self._kept

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """What was just committed; once and in order. Until this returns, nobody who waits for the flush may ask."""
        with self._lock:
            self._age()
            for load in self._loads:
                load.missed += [b for b in batches if b.partition == self._partition(load.guild)]
            try:
                for batch in batches:
                    self._apply(batch)
            except Exception:  # a board that cannot be trusted is worse than none
                _LOG.exception("the leaderboards in memory could not be brought up to date: reading them anew")
                self._kept.clear()
            self._shrink()

    def keep(self, guild: GuildId, period: BoardPeriod, now: Ms) -> None:
        """Read a board and keep it from now on. Raises DatabaseError."""
        from store.board_rows import read_kept_board

        load = _Load(guild)
        with self._lock:
            self._loads.append(load)
        try:
            board = read_kept_board(self._database, guild, period, now=now)
        except BaseException:
            with self._lock:
                self._loads.remove(load)
            raise
        with self._lock:
            self._loads.remove(load)
            if all(self._brought(board, guild, batch) for batch in load.missed):
                self._kept[guild, period] = _Kept(board, self._timer())
                self._kept.move_to_end((guild, period))
                self._shrink()

    def board(
        self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId, now: Ms
    ) -> Board | None:
        """As `board_queries.read_board`, out of memory but for the names. None: it must be read."""
        with self._lock:
            kept = self._current(guild, period, now)
            if kept is None:
                return None
            ranked = kept.ranked(measure, page=page, size=PAGE, asker=asker)
            scope, as_of = kept.scope, kept.as_of
        users = {user for user, _ in ranked.lines} | (set() if ranked.own is None else {asker})
        named = read_named(self._database, guild, users)
        if len(named) < len(users):
            return None  # somebody left just now
        return Board(
            scope=scope,
            measure=measure,
            page=ranked.first // PAGE,
            pages=max(1, -(-ranked.total // PAGE)),
            total=ranked.total,
            lines=tuple(_line(ranked.first + n, *line, named) for n, line in enumerate(ranked.lines, start=1)),
            own=None if ranked.own is None else _line(ranked.own[0], asker, ranked.own[1], named),
            as_of=as_of,
        )

    def place(self, guild: GuildId, user: UserId, now: Ms) -> Place | None:
        """The place of `user` by all-time EXP. None: it must be counted."""
        with self._lock:
            kept = self._current(guild, "all", now)
            ranked: Ranked | None = None if kept is None else kept.ranked("exp", page=0, size=PAGE, asker=user)
        if ranked is None:
            return None
        return Place(None if ranked.own is None else ranked.own[0], ranked.total)

    # -- under the lock --------------------------------------------------------------------------------------------

    def _current(self, guild: GuildId, period: BoardPeriod, now: Ms) -> KeptBoard | None:
        """The board, if it is still about the scope that is asked for: at local midnight another day begins."""
        kept = self._kept.get((guild, period))
        if kept is None:
            return None
        if scope_of(period, now, kept.board.settings.zone, kept.board.scope.season) != kept.board.scope:
            del self._kept[guild, period]
            return None
        kept.used_at = self._timer()
        self._kept.move_to_end((guild, period))
        return kept.board

    def _apply(self, batch: FlushBatch) -> None:
        concerned = [key for key in self._kept if self._partition(key[0]) == batch.partition]
        doubtful = [key for key in concerned if not self._brought(self._kept[key].board, key[0], batch)]
        for key in doubtful:
            del self._kept[key]

    def _brought(self, board: KeptBoard, guild: GuildId, batch: FlushBatch) -> bool:
        """Bring the board up to date. False: what changed cannot be told by deltas."""
        from tracker.reports.kept import GuildRows, rows_by_guild

        changed = rows_by_guild(batch.changes, {guild}).get(guild, GuildRows())
        if changed.doubtful and batch.position > board.position:
            return False
        board.apply(changed, batch.position, batch.as_of)
        return True

    def _age(self) -> None:
        oldest = self._timer() - self._idle_s
        for key in [key for key, kept in self._kept.items() if kept.used_at < oldest]:
            del self._kept[key]

    def _shrink(self) -> None:
        while self._kept and self._size() > self._most_bytes:
            self._kept.popitem(last=False)

    def _size(self) -> int:
        return sum(kept.board.nbytes for kept in self._kept.values())

    def _partition(self, guild: GuildId) -> Partition:
        return partition_of(guild, self._database.partitions)


def _line(place: int, user: UserId, value: int, named: dict[UserId, Named]) -> BoardLine:
    return BoardLine(place=place, user_id=user, name=named[user].name, value=value, exp=named[user].exp)
