"""Leaderboards of big guilds, kept in memory from one question to the next and brought up to date by every flush.

A board of 100,000 members takes 100 to 200 ms out of the database, and 2 ms out of memory, where it takes 3.3 MB. What
is not kept, or may not be true any more, is read from the database: that is always right.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cachetools import LRUCache

from store.board_queries import PAGE, Named, Place, read_named
from store.engine import Database
from store.state import FlushBatch
from tracker.ids import GuildId, Ms, Position, UserId
from tracker.ingest.held import Span, news_of, span_of
from tracker.ingest.keeping import IDLE_S, KEEP_FROM, Keeping
from tracker.reports.boards import Board, BoardLine, BoardPeriod, BoardScope, Measure, scope_of

if TYPE_CHECKING:  # with them comes numpy, 14 MiB that a bot in small guilds never needs
    from tracker.reports.kept import GuildRows, KeptBoard, Ranked

__all__ = ["KeptBoards", "KeptPage"]

_MOST_BYTES: Final = 64 * 2**20
_CHANGES_KEPT: Final = 64

_Key = tuple[GuildId, BoardPeriod]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPage:
    """A page of a board that is true at `position`; who is on it is known by ids."""

    scope: BoardScope
    measure: Measure
    asker: UserId
    ranked: Ranked
    position: Position
    as_of: Ms

    @property
    def users(self) -> set[UserId]:
        """Whose names are to be found."""
        return {user for user, _ in self.ranked.lines} | (set() if self.ranked.own is None else {self.asker})

    def board(self, named: Mapping[UserId, Named]) -> Board | None:
        """The page with names. None: somebody on it is on no board any more."""
        ranked = self.ranked
        if not self.users <= named.keys():
            return None
        return Board(
            scope=self.scope,
            measure=self.measure,
            page=ranked.first // PAGE,
            pages=max(1, -(-ranked.total // PAGE)),
            total=ranked.total,
            lines=tuple(_line(ranked.first + n, *line, named) for n, line in enumerate(ranked.lines, start=1)),
            own=None if ranked.own is None else _line(ranked.own[0], self.asker, ranked.own[1], named),
            as_of=self.as_of,
        )


class KeptBoards:
    """At most `most_bytes` of boards, the least recently used going first, none for longer than `idle_s` unused.

    `keep_from`: boards with fewer members are not worth it. Every method may be called from any thread.
    """

    def __init__(
        self,
        database: Database,
        *,
        keep_from: int = KEEP_FROM,
        most_bytes: int = _MOST_BYTES,
        idle_s: float = IDLE_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keep_from = keep_from
        self._boards: Keeping[_Key, KeptBoard] = Keeping(
            database.partitions, self._brought, most_bytes=most_bytes, idle_s=idle_s, timer=timer
        )
        self._changes: LRUCache[tuple[GuildId, Span], GuildRows] = LRUCache(_CHANGES_KEPT)
        self._hits = 0
        self._misses = 0

    @property
    def nbytes(self) -> int:
        """What the boards take in memory."""
        return self._boards.nbytes

    def figures(self) -> dict[str, int]:
        """How many questions were answered out of memory (`hits`) or not (`misses`); the `bytes` it takes."""
        with self._boards.told:
            return {"hits": self._hits, "misses": self._misses, "bytes": self._boards.nbytes}

    def wants(self, guild: GuildId, period: BoardPeriod, total: int) -> bool:
        """Whether a board on which there are `total` members should be kept, and is not yet."""
        return total >= self._keep_from and not self._boards.has((guild, period))

    def looked(self, batches: Sequence[FlushBatch]) -> None:
        """What a look told of; once and in order."""
        self._boards.looked(batches)

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """What was just committed; once and in order. Until this returns, nobody who waits for the flush may ask."""
        self._boards.flushed(batches)

    def gathered(self, batches: Sequence[FlushBatch]) -> None:
        """All looks since the last flush as one."""
        self._boards.gathered(batches)

    def keep_up(self) -> bool:
        """Do a little of what the next question would do first. False: nothing is left."""
        return self._boards.keep_up()

    def keep(self, guild: GuildId, period: BoardPeriod, now: Ms) -> None:
        """Read a board and keep it from now on. Raises DatabaseError."""
        from store.board_rows import read_kept_board

        self._boards.load((guild, period), guild, lambda: read_kept_board(self._database, guild, period, now=now))

    def board(
        self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId, now: Ms
    ) -> Board | None:
        """As `board_queries.read_board`, out of memory but for the names. None: it must be read."""
        found = self.page(guild, period=period, measure=measure, page=page, asker=asker, now=now)
        return None if found is None else found.board(read_named(self._database, guild, found.users))

    def page(
        self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId, now: Ms
    ) -> KeptPage | None:
        """A page of a board as of the last look or flush, whose names are still to be found. None: as `board`."""
        with self._boards.told:
            kept = self._current(guild, period, now)
            if kept is None:
                return None
            ranked = kept.ranked(measure, page=page, size=PAGE, asker=asker)
            return KeptPage(
                scope=kept.scope, measure=measure, asker=asker, ranked=ranked, position=kept.position, as_of=kept.as_of
            )

    def place(self, guild: GuildId, user: UserId, now: Ms, *, at: Position | None = None) -> Place | None:
        """The place of `user` by all-time EXP. None: it must be counted, or the board is not that of position `at`."""
        with self._boards.told:
            kept = self._current(guild, "all", now)
            if kept is None or at not in (None, kept.position):
                return None
            ranked = kept.ranked("exp", page=0, size=PAGE, asker=user)
        return Place(None if ranked.own is None else ranked.own[0], ranked.total)

    def has(self, guild: GuildId, period: BoardPeriod) -> bool:
        """Whether the board seems to be kept. At once, on any thread."""
        return self._boards.has((guild, period))

    # -- under the lock --------------------------------------------------------------------------------------------

    def _current(self, guild: GuildId, period: BoardPeriod, now: Ms) -> KeptBoard | None:
        """The board, if it is still about the scope that is asked for: at local midnight another day begins."""
        key = (guild, period)
        board = self._boards.use(key)
        if board is not None and scope_of(period, now, board.settings.zone, board.scope.season) != board.scope:
            self._boards.drop(key)
            board = None
        self._hits += board is not None
        self._misses += board is None
        return board

    def _brought(self, board: KeptBoard, guild: GuildId, batch: FlushBatch) -> bool:
        """Bring the board up to date. False: what changed cannot be told by deltas."""
        from tracker.reports.kept import rows_of

        key = (guild, span_of(batch))
        changed = self._changes.get(key)
        if changed is None:  # the same for all boards of the guild: made once
            changed = self._changes[key] = rows_of(news_of(batch), guild)
        if changed.doubtful:
            return False
        board.apply(changed, batch.position, batch.as_of)
        return True


def _line(place: int, user: UserId, value: int, named: Mapping[UserId, Named]) -> BoardLine:
    return BoardLine(place=place, user_id=user, name=named[user].name, value=value, exp=named[user].exp)
