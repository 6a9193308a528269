"""The boards, read on the reader's threads: out of memory where they are kept, else out of the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from store import board_queries, studyroom
from store.engine import Database
from tracker.clock import Clock
from tracker.errors import DatabaseError
from tracker.ids import GuildId, UserId
from tracker.ingest.kept_boards import KeptBoards
from tracker.ingest.reader import Reader
from tracker.reports.boards import Board, BoardPeriod, InVoice, Measure, Standing, Studyroom

__all__ = ["Boards"]

_LOG = logging.getLogger("tracker.ingest")


class Boards:
    """Reads what members are shown of each other. Each method raises DatabaseError if it cannot be read.

    `kept`: None reads everything from the database; otherwise it must be told of every flush.
    """

    def __init__(self, database: Database, clock: Clock, reader: Reader, kept: KeptBoards | None = None) -> None:
        self._database = database
        self._clock = clock
        self._reader = reader
        self._kept = kept
        self._loads: dict[tuple[GuildId, BoardPeriod], asyncio.Task[None]] = {}

    async def studyroom(self, guild: GuildId, sessions: Sequence[InVoice]) -> Studyroom:
        """Those who have one of these open sessions, with their names and today's voice time."""
        now = self._clock.now()
        return await self._reader.read(lambda: studyroom.read_studyroom(self._database, guild, sessions, now=now))

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
