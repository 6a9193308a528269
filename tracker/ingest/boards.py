"""The boards, read from the database on the reader's threads."""

from __future__ import annotations

from store import board_queries
from store.engine import Database
from tracker.clock import Clock
from tracker.ids import GuildId, UserId
from tracker.ingest.reader import Reader
from tracker.reports.boards import Board, BoardPeriod, Measure, Standing, Studyroom

__all__ = ["Boards"]


class Boards:
    """Reads what members are shown of each other. Each method raises DatabaseError if it cannot be read."""

    def __init__(self, database: Database, clock: Clock, reader: Reader) -> None:
        self._database = database
        self._clock = clock
        self._reader = reader

    async def studyroom(self, guild: GuildId) -> Studyroom:
        """Who is in which tracked voice channel."""
        return await self._reader.read(
            lambda: board_queries.read_studyroom(self._database, guild, now=self._clock.now())
        )

    async def board(self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId) -> Board:
        """A page (0 is the first) of the leaderboard, and where `asker` is on it."""
        return await self._reader.read(
            lambda: board_queries.read_board(
                self._database,
                guild,
                period=period,
                measure=measure,
                page=page,
                asker=asker,
                now=self._clock.now(),
            )
        )

    async def standing(self, guild: GuildId, user: UserId) -> Standing:
        """Where a member stands."""
        return await self._reader.read(
            lambda: board_queries.read_standing(self._database, guild, user, now=self._clock.now())
        )
