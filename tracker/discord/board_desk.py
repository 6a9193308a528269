"""Where commands get boards from."""

from __future__ import annotations

from typing import Protocol

from tracker.discord.desk import FreshDesk
from tracker.discord.sight import Intake
from tracker.ids import GuildId, UserId
from tracker.reports.boards import Board, BoardPeriod, Measure, Studyroom

__all__ = ["BoardDesk", "BoardReader"]


class BoardReader(Protocol):
    """Reads boards from the database, off the event loop. Raises DatabaseError if it cannot be read."""

    async def studyroom(self, guild: GuildId) -> Studyroom:
        """Who is in which tracked voice channel."""
        ...

    async def board(self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId) -> Board:
        """A page (0 is the first) of the leaderboard, and where `asker` is on it."""
        ...


class BoardDesk(FreshDesk):
    """A reader of boards whose answers are as of now. Its methods raise DatabaseError if the database is away."""

    def __init__(self, intake: Intake, reader: BoardReader) -> None:
        super().__init__(intake)
        self._reader = reader

    def shows_boards(self, guild: GuildId) -> bool:
        """Whether the guild wants its members' figures shown to each other."""
        return self._intake.sight.settings(guild).boards_enabled

    async def studyroom(self, guild: GuildId) -> Studyroom:
        """As `BoardReader.studyroom`, as of now."""
        return await self._fresh(lambda: self._reader.studyroom(guild))

    async def board(self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId) -> Board:
        """As `BoardReader.board`, as of now."""
        return await self._fresh(
            lambda: self._reader.board(guild, period=period, measure=measure, page=page, asker=asker)
        )
