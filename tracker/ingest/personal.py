"""What members ask about themselves: read on the reader's threads, decided as facts."""

from __future__ import annotations

from store import why_queries
from store.engine import Database
from tracker.ids import GuildId, UserId
from tracker.ingest.ingest import Ingest
from tracker.ingest.reader import Reader
from tracker.reports.why_model import DayFacts

__all__ = ["Personal"]


class Personal:
    """One member of one guild at a time. What reads raises DatabaseError if the database is away."""

    def __init__(self, database: Database, ingest: Ingest, reader: Reader) -> None:
        self._database = database
        self._ingest = ingest
        self._reader = reader

    async def day(self, guild: GuildId, user: UserId, day: int | None) -> DayFacts:
        """What the tables hold of the member's local day `day` (yyyymmdd; None: today)."""
        return await self._reader.read(
            lambda: why_queries.read_day(self._database, guild, user, day, now=self._ingest.clock.now())
        )
