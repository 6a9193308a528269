"""The boards, read on the reader's threads: out of memory where they are kept, else out of the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from store import board_queries, studyroom
from store.beyond import Beyond
from store.engine import Database
from tracker.clock import Clock
from tracker.errors import DatabaseError
from tracker.ids import GuildId, UserId
from tracker.ingest.kept_boards import KeptBoards, KeptPage
from tracker.ingest.reader import Reader
from tracker.ingest.unwritten import Unwritten
from tracker.reports.boards import Board, BoardPeriod, InVoice, Measure, Standing, Studyroom

__all__ = ["Boards"]

T = TypeVar("T")

_LOG = logging.getLogger("tracker.ingest")


class Boards:
    """Reads what members are shown of each other. Each method raises DatabaseError if it cannot be read.

    `kept`: None reads everything from the database; otherwise it must be told of every flush. `unwritten`: None knows
    nothing beyond the tables; otherwise it, and `kept`, must be told of every look and flush.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        reader: Reader,
        kept: KeptBoards | None = None,
        unwritten: Unwritten | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._reader = reader
        self._kept = kept
        self._unwritten = unwritten
        self._loads: dict[tuple[GuildId, BoardPeriod], asyncio.Task[None]] = {}

    async def studyroom(self, guild: GuildId, sessions: Sequence[InVoice]) -> Studyroom:
        """Those who have one of these open sessions, with their names and today's voice time."""
        now = self._clock.now()
        return await self._reader.read(lambda: studyroom.read_studyroom(self._database, guild, sessions, now=now))

    async def studyroom_at_once(self, guild: GuildId, sessions: Sequence[InVoice]) -> Studyroom | None:
        """As `studyroom`, as of the last look; None: it takes a flush to tell."""
        now, unwritten = self._clock.now(), self._unwritten
        if unwritten is None:
            return None
        users = {session.user_id for session in sessions}

        def tell(beyond: Beyond) -> Studyroom:
            return studyroom.read_studyroom(self._database, guild, sessions, now=now, beyond=beyond)

        return await self._reader.read(lambda: unwritten.read(guild, studyroom.TABLES, lambda: users, tell))

    def looks(self) -> bool:
        """Whether what happened since the last flush is known, so that a look is enough for `studyroom_at_once`."""
        return self._unwritten is not None

    def keeps(self, guild: GuildId, period: BoardPeriod) -> bool:
        """Whether a board seems to be kept in memory, so that a look is enough for the `_at_once` that is about it."""
        return self._unwritten is not None and self._kept is not None and self._kept.has(guild, period)

    async def board_at_once(
        self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId
    ) -> Board | None:
        """As `board`, as of the last look; None: it takes a flush to tell."""
        now, unwritten, kept = self._clock.now(), self._unwritten, self._kept
        if unwritten is None or kept is None:
            return None
        found: KeptPage | None = None

        def users() -> Collection[UserId]:
            nonlocal found
            found = kept.page(guild, period=period, measure=measure, page=page, asker=asker, now=now)
            return () if found is None else found.users

        def tell(beyond: Beyond) -> Board | None:
            if found is None or found.position != beyond.position:
                return None
            return found.board(board_queries.read_named(self._database, guild, found.users, beyond))

        return await self._reader.read(lambda: unwritten.read(guild, board_queries.NAMED_TABLES, users, tell))

    async def standing_at_once(self, guild: GuildId, user: UserId) -> Standing | None:
        """As `standing`, as of the last look; None: it takes a flush to tell."""
        now, unwritten, kept = self._clock.now(), self._unwritten, self._kept
        if unwritten is None or kept is None:
            return None

        def tell(beyond: Beyond) -> Standing | None:
            place = kept.place(guild, user, now, at=beyond.position)
            if place is None:
                return None
            return board_queries.read_standing(self._database, guild, user, now=now, place=place, beyond=beyond)

        return await self._reader.read(
            lambda: unwritten.read(guild, board_queries.STANDING_TABLES, lambda: (user,), tell)
        )

    async def board(self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId) -> Board:
        """A page (0 is the first) of the leaderboard, and where `asker` is on it."""
        now = self._clock.now()

        def read() -> Board:
            known = None
            if self._kept is not None:
                known = self._kept.board(guild, period=period, measure=measure, page=page, asker=asker, now=now)
            if known is not None:
                return known
            return board_queries.read_board(
                self._database, guild, period=period, measure=measure, page=page, asker=asker, now=now
            )

        board = await self._reader.read(read)
        self._keep(guild, period, board.total)
        return board

    async def standing(self, guild: GuildId, user: UserId) -> Standing:
        """Where a member stands."""
        now = self._clock.now()

        def read() -> Standing:
            place = None if self._kept is None else self._kept.place(guild, user, now)
            return board_queries.read_standing(self._database, guild, user, now=now, place=place)

        standing = await self._reader.read(read)
        self._keep(guild, "all", standing.total)
        return standing

    async def read(self, job: Callable[[], T]) -> T:
        """What `job` reads or makes of it, on a reader's thread. Raises what it raises."""
        return await self._reader.read(job)

    async def settled(self) -> None:
        """Wait until the boards that are being read to be kept are there."""
        while self._loads:
            await asyncio.wait(self._loads.values())

    def _keep(self, guild: GuildId, period: BoardPeriod, total: int) -> None:
        """Keep a board of so many from now on. Nobody waits for that: the first answer came from the database."""
        key = (guild, period)
        if self._kept is None or key in self._loads or not self._kept.wants(guild, period, total):
            return
        self._loads[key] = asyncio.create_task(self._load(self._kept, guild, period), name="keep a leaderboard")
        self._loads[key].add_done_callback(lambda _: self._loads.pop(key))

    async def _load(self, kept: KeptBoards, guild: GuildId, period: BoardPeriod) -> None:
        now = self._clock.now()
        try:
            await self._reader.read(lambda: kept.keep(guild, period, now))
        except DatabaseError as error:
            _LOG.info("a leaderboard is not kept, and will be read each time: %s", error)
