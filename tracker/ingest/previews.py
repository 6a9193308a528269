"""What other rules would do, worked out on the reader's threads."""

from __future__ import annotations

from store.engine import Database
from store.preview_queries import read_footing, read_people
from tracker.clock import Clock
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, UserId
from tracker.ingest.reader import Reader
from tracker.reports.preview import Footing, Preview, preview

__all__ = ["Previews"]


class Previews:
    """Reads the members and compares. Each method raises DatabaseError if the database cannot be read."""

    def __init__(self, database: Database, clock: Clock, reader: Reader) -> None:
        self._database = database
        self._clock = clock
        self._reader = reader

    async def preview(
        self, guild: GuildId, before: GuildSettings, after: GuildSettings, *, season_over: bool = False
    ) -> Preview:
        """What it would mean for the guild's members if `after` were in force in the place of `before`.

        `season_over`: a new season has begun, in which nobody has earned anything.
        """

        def compare() -> Preview:
            people = read_people(self._database, guild, after, now=self._clock.now())
            if season_over:
                people = [(exp, 0, roles) for exp, _, roles in people]
            return preview(people, before, after)

        return await self._reader.read(compare)

    async def footing(self, guild: GuildId, user: UserId, rules: GuildSettings) -> Footing:
        """What a member's nickname and tiers follow from under these rules."""
        return await self._reader.read(lambda: read_footing(self._database, guild, user, rules, now=self._clock.now()))
