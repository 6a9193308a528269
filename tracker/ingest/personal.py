"""What members ask about themselves: read on the reader's threads, decided as facts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from store import archive_erasure, personal, why_queries
from store.beyond import Beyond
from store.engine import Database
from store.personal import Given, Traces
from tracker.clock import from_ms
from tracker.events.envelope import Event
from tracker.events.member import MemberForgotten, MemberOptedIn, MemberOptedOut
from tracker.ids import GuildId, UserId, mint_event_id, partition_of
from tracker.ingest.export_files import Export, write_export
from tracker.ingest.ingest import Ingest
from tracker.ingest.reader import Reader
from tracker.ingest.unwritten import Unwritten
from tracker.reports.kept_about import Kept
from tracker.reports.why_model import DayFacts

__all__ = ["Personal"]


class Personal:
    """One member of one guild at a time. What reads or erases raises DatabaseError if the database is away."""

    def __init__(
        self, database: Database, ingest: Ingest, reader: Reader, unwritten: Unwritten | None = None
    ) -> None:  # fmt: skip
        """`unwritten`: None knows nothing beyond the tables; otherwise it must be told of every look and flush."""
        self._unwritten = unwritten
        self._database = database
        self._ingest = ingest
        self._reader = reader

    async def day(self, guild: GuildId, user: UserId, day: int | None) -> DayFacts:
        """What the tables hold of the member's local day `day` (yyyymmdd; None: today)."""
        return await self._reader.read(
            lambda: why_queries.read_day(self._database, guild, user, day, now=self._ingest.clock.now())
        )

    def looks(self) -> bool:
        """Whether what happened since the last flush is known, so that a look is enough for `day_at_once`."""
        return self._unwritten is not None

    async def day_at_once(self, guild: GuildId, user: UserId, day: int | None) -> DayFacts | None:
        """As `day`, as of the last look; None: it takes a flush to tell."""
        now, unwritten = self._ingest.clock.now(), self._unwritten
        if unwritten is None:
            return None

        def tell(beyond: Beyond) -> DayFacts:
            return why_queries.read_day(self._database, guild, user, day, now=now, beyond=beyond)

        return await self._reader.read(lambda: unwritten.read(guild, why_queries.TABLES, lambda: (user,), tell))

    async def kept(self, guild: GuildId, user: UserId) -> Kept | None:
        """What is stored about the member, in figures, as of the last flush; None: nothing."""
        return await self._reader.read(partial(personal.read_kept, self._database, guild, user))

    async def given(self, guild: GuildId, user: UserId) -> Given | None:
        """What the tracker gave the member on Discord; None: nothing."""
        return await self._reader.read(partial(personal.read_given, self._database, guild, user))

    async def export(self, guild: GuildId, user: UserId, folder: Path) -> Export:
        """All that is stored about the member, as of the last flush, as files in `folder`.

        Reads the whole partition's log. Raises OSError for a full disk, LogCorruptError.
        """
        now = from_ms(self._ingest.clock.now())
        about = {"guild_id": str(guild), "user_id": str(user), "exported_at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}

        def write() -> Export:
            return write_export(personal.read_export(self._database, guild, user), folder, about)

        return await self._reader.read(write)

    def opt_out(self, guild: GuildId, user: UserId) -> None:
        """The member makes no events from now on; a voice session ends now."""
        self._accept(guild, user, MemberOptedOut())

    def opt_in(self, guild: GuildId, user: UserId) -> None:
        """The member is counted again from now on."""
        self._accept(guild, user, MemberOptedIn())

    async def forget(self, guild: GuildId, user: UserId, *, opt_out: bool) -> bool:
        """Erase the member: rows, announcements, names in the log, and who they are in the log.

        False: a part of the gateway is silent, and the rows go with the first flush after that.

        `opt_out`: note afterwards, of somebody otherwise unknown, that they want to stay uncounted. What the log says
        by name goes first: whatever fails, doing it again completes it. Reads the whole partition's log.
        """
        await self._ingest.flush()
        traces = await self._reader.read(partial(personal.read_traces, self._database, guild, user))
        await self._erase(guild, user, traces)
        self._accept(guild, user, MemberForgotten())
        if opt_out:
            self.opt_out(guild, user)
        complete = await self._ingest.flush()
        later = await self._reader.read(partial(personal.read_traces, self._database, guild, user, after=traces))
        await self._erase(guild, user, later)
        return complete

    async def _erase(self, guild: GuildId, user: UserId, traces: Traces) -> None:
        """Files of the archive are written anew where the writer does not wait for that."""
        partition, data = partition_of(guild, self._database.partitions), dict(traces.data)
        begun = await self._ingest.write(partial(archive_erasure.begin, self._database, partition, data))
        ready = await self._reader.read(partial(archive_erasure.written, self._database, begun, data)) if begun else []
        await self._ingest.write(partial(personal.erase, self._database, guild, user, traces, ready))

    def _accept(self, guild: GuildId, user: UserId, data: MemberForgotten | MemberOptedOut | MemberOptedIn) -> None:
        now = self._ingest.clock.now()
        self._ingest.accept(Event(id=mint_event_id(now), guild_id=guild, user_id=user, occurred_at=now, data=data))
