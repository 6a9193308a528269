"""Where commands get boards from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from tracker.discord.desk import FreshDesk
from tracker.discord.sight import Intake
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, UserId
from tracker.reports.boards import Board, BoardPeriod, InVoice, Measure, Standing, Studyroom

__all__ = ["BoardDesk", "BoardReader"]

T = TypeVar("T")


class BoardReader(Protocol):
    """Reads boards from the database, off the event loop. Raises DatabaseError if it cannot be read."""

    async def studyroom(self, guild: GuildId, sessions: Sequence[InVoice]) -> Studyroom:
        """Those who have one of these open sessions, with their names and today's voice time."""
        ...

    async def board(self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId) -> Board:
        """A page (0 is the first) of the leaderboard, and where `asker` is on it."""
        ...

    async def standing(self, guild: GuildId, user: UserId) -> Standing:
        """Where a member stands."""
        ...

    async def read(self, job: Callable[[], T]) -> T:
        """Do something else that somebody waits for, off the event loop."""
        ...

    def looks(self) -> bool:
        """Whether what happened since the last flush is known, so that a look is enough for `studyroom_at_once`."""
        ...

    def keeps(self, guild: GuildId, period: BoardPeriod) -> bool:
        """Whether a board seems to be kept in memory, so that a look is enough for the `_at_once` that is about it."""
        ...

    async def studyroom_at_once(self, guild: GuildId, sessions: Sequence[InVoice]) -> Studyroom | None:
        """As of the last look; None: it takes a flush to tell."""
        ...

    async def board_at_once(
        self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId
    ) -> Board | None:
        """As of the last look; None: it takes a flush to tell."""
        ...

    async def standing_at_once(self, guild: GuildId, user: UserId) -> Standing | None:
        """As of the last look; None: it takes a flush to tell."""
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
        """Who is in which tracked voice channel now."""
        sight = self._intake.sight
        if self._reader.looks():
            known = await self._looked(
                guild, lambda: self._reader.studyroom_at_once(guild, sight.in_tracked_voice(guild))
            )  # fmt: skip
            if known is not None:
                return known
        return await self._fresh(lambda: self._reader.studyroom(guild, sight.in_tracked_voice(guild)))

    async def board(self, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId) -> Board:
        """As `BoardReader.board`, as of now."""
        if self._reader.keeps(guild, period):
            known = await self._looked(
                guild,
                lambda: self._reader.board_at_once(guild, period=period, measure=measure, page=page, asker=asker),
            )
            if known is not None:
                return known
        return await self._fresh(
            lambda: self._reader.board(guild, period=period, measure=measure, page=page, asker=asker)
        )

    async def standing(self, guild: GuildId, user: UserId) -> Standing:
        """As `BoardReader.standing`, as of now."""
        if self._reader.keeps(guild, "all"):
            known = await self._looked(guild, lambda: self._reader.standing_at_once(guild, user))
            if known is not None:
                return known
        return await self._fresh(lambda: self._reader.standing(guild, user))

    async def draw(self, picture: Callable[[], T]) -> T:
        """What `picture` makes, off the event loop."""
        return await self._reader.read(picture)

    def settings(self, guild: GuildId) -> GuildSettings:
        """The guild's settings in force."""
        return self._intake.sight.settings(guild)

    def takes_part(self, guild: GuildId, user: UserId) -> bool:
        """Whether somebody is a member whose figures others may see: not one who opted out."""
        known = self._intake.sight.member(guild, user)
        return known is not None and not known.opted_out
