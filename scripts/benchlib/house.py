"""The bot's parts between Discord and a database, with a guild that lives on meanwhile, and what its members ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

import store.lease
import store.log
import store.state
from store.engine import Database
from store.kept_rows import read_floor
from tracker import heap
from tracker.clock import SystemClock
from tracker.discord.board_desk import BoardDesk
from tracker.discord.board_embeds import board_embed, studyroom_embed
from tracker.discord.board_pages import page_buttons
from tracker.discord.desk import ReportDesk
from tracker.discord.embeds import report_embed
from tracker.discord.rank_embed import rank_embed
from tracker.discord.rank_picture import rank_picture
from tracker.discord.report_member_embed import member_embed
from tracker.discord.why_desk import WhyDesk
from tracker.discord.why_embed import why_embed
from tracker.events.envelope import Event
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, EventId, GuildId, Ms, RoleId, UserId, mint_event_id
from tracker.ingest import Ingest, Limits
from tracker.ingest.boards import Boards
from tracker.ingest.histories import Histories
from tracker.ingest.kept_boards import KeptBoards
from tracker.ingest.kept_reports import KeptReports
from tracker.ingest.personal import Personal
from tracker.ingest.reader import Reader
from tracker.ingest.tidying import Tidying
from tracker.ingest.unwritten import Unwritten
from tracker.projections.days import previous_day
from tracker.reports.boards import BOARD_PERIODS, MEASURES, BoardPeriod
from tracker.reports.window import PERIODS, Period, Window, between, containing

__all__ = ["Ask", "House", "house"]

_LOAD_EVERY_S = 0.05
_LOCALE = "ko"

Ask = Callable[[], Awaitable[object]]


class _GoingOn:
    """Real time, beginning where the history ends."""

    def __init__(self, begin: int) -> None:
        self._begin = begin
        self._started = time.monotonic()

    def now(self) -> Ms:
        return Ms(self._begin + int((time.monotonic() - self._started) * 1000))


class House:
    """The bot's parts between Discord and the database, and what the guild's members ask of them."""

    def __init__(self, database: Database, ingest: Ingest, guild: GuildId) -> None:
        self.random = Random(1)
        self.kept_reports = KeptReports(database)
        ingest.tell(self.kept_reports)
        self.reader = Reader(database, ingest.clock, self.kept_reports, calm=ingest.calm)
        self.histories = Histories(self.reader)
        self.kept = KeptBoards(database)
        ingest.tell(self.kept)
        unwritten = Unwritten(database)
        ingest.tell(unwritten)
        self.tidying = Tidying(database)
        ingest.flushed.add(self.tidying.flushed)
        self.boards = Boards(database, ingest.clock, self.reader, self.kept, unwritten)
        self._ingest = ingest
        self._guild = guild
        self._desk = BoardDesk(ingest, self.boards)
        self._reports = ReportDesk(ingest, self.reader)
        self._days = WhyDesk(ingest, Personal(database, ingest, self.reader, unwritten))
        sight = ingest.sight
        self._members = list(sight.members(guild))
        self._rooms = sorted({session.channel_id for session in sight.in_tracked_voice(guild)}) or [
            ChannelId(guild + 1)
        ]
        self._first_day = read_floor(database, guild).first_day
        self._serial = 0

    def commands(self) -> Mapping[str, Ask]:
        """Each kind of question, with a way to ask one about somebody or something at random."""
        roles = {role for user in self._members[:50] for role in self._roles(user)}
        role = min(roles)
        asks: dict[str, Ask] = {f"leaderboard {p}": lambda p=p: self._board(p) for p in BOARD_PERIODS}  # type: ignore[misc]
        asks |= {"rank": lambda: self._rank(drawn=True), "rank in words": lambda: self._rank(drawn=False)}
        asks |= {"studyroom": self._studyroom, "why": self._why}
        for period in PERIODS:
            asks[f"report role {period}"] = lambda period=period: self._report(role, period)  # type: ignore[misc]
            asks[f"report everyone {period}"] = lambda period=period: self._report(None, period)  # type: ignore[misc]
        asks["report role dates"] = lambda: self._report_of(role, self._dates())
        asks["report everyone dates"] = lambda: self._report_of(None, self._dates())
        asks["report one member"] = lambda: self._member_report(containing("weekly", self._today, self._zone))
        asks["report one member dates"] = lambda: self._member_report(self._dates())
        return asks

    def _roles(self, user: UserId) -> tuple[RoleId, ...]:
        known = self._ingest.sight.member(self._guild, user)
        return () if known is None else known.role_ids

    async def _board(self, period: BoardPeriod) -> object:
        measure = "exp" if period == "season" else self.random.choice(MEASURES)
        asker = self.random.choice(self._members)
        page = self.random.choice((0, 0, 0, self.random.randrange(10), self.random.randrange(10_000)))
        board = await self._desk.board(self._guild, period=period, measure=measure, page=page, asker=asker)
        embed = board_embed(board, self._desk.settings(self._guild).curve, asker, _LOCALE)
        return embed, page_buttons(board, _LOCALE)

    async def _rank(self, *, drawn: bool) -> object:
        standing = await self._desk.standing(self._guild, self.random.choice(self._members))
        settings, picture = self._desk.settings(self._guild), None
        if drawn:
            picture = await self._desk.draw(partial(rank_picture, standing, settings, _LOCALE, private=True))
        return rank_embed(standing, settings, _LOCALE, private=True, picture=picture)

    async def _why(self) -> object:
        why = await self._days.why(self._guild, self.random.choice(self._members), None)
        return why_embed(why, _LOCALE, of=None)

    async def _studyroom(self) -> object:
        return studyroom_embed(await self._desk.studyroom(self._guild), _LOCALE, totals=True)

    @property
    def _today(self) -> int:
        return self._reports.today(self._guild)

    @property
    def _zone(self) -> ZoneInfo:
        return self._reports.zone(self._guild)

    def _dates(self) -> Window:
        """Any two days of the history."""
        days = [self._today]
        while days[-1] > self._first_day:
            days.append(previous_day(days[-1]))
        first, last = sorted(self.random.choices(days, k=2))
        return between(first, last, self._zone)

    async def _report(self, role: RoleId | None, period: Period) -> object:
        return await self._report_of(role, containing(period, self._today, self._zone))

    async def _report_of(self, role: RoleId | None, window: Window) -> object:
        return report_embed(await self._reports.report_of(self._guild, role, window), _LOCALE)

    async def _member_report(self, window: Window) -> object:
        found = await self._reports.member_report(self._guild, None, self.random.choice(self._members), window)
        return None if found is None else member_embed(found, _LOCALE)

    async def live(self) -> None:
        """For ever: messages, and members who come into voice and leave."""
        crowd = self.random.sample(self._members, min(500, len(self._members)))
        for user in crowd[: len(crowd) // 2]:
            self._voice(user)
        while True:
            await asyncio.sleep(_LOAD_EVERY_S)
            if self.random.random() < 0.5:
                self._voice(self.random.choice(crowd))
            else:
                self._message(self.random.choice(self._members))

    def _voice(self, user: UserId) -> None:
        now = self._ingest.clock.now()
        here = self._ingest.sight.channel_of(self._guild, user)
        room = self.random.choice(self._rooms) if here is None else here
        data = VoiceJoined() if here is None else VoiceLeft()
        self._accept(mint_event_id(now), user, room, data, now)

    def _message(self, user: UserId) -> None:
        now = self._ingest.clock.now()
        self._serial += 1
        message = (now - DISCORD_EPOCH_MS << 22) + self._serial
        self._accept(message_sent_id(message), user, ChannelId(self._guild + 900), MessageSent(), now)

    def _accept(
        self, event_id: EventId, user: UserId, channel: ChannelId, data: VoiceJoined | VoiceLeft | MessageSent, at: Ms
    ) -> None:
        self._ingest.accept(
            Event(id=event_id, guild_id=self._guild, user_id=user, channel_id=channel, occurred_at=at, data=data)
        )


@asynccontextmanager
async def house(database: Database) -> AsyncIterator[House]:
    """A bot without Discord on this database, with the load on it. Everything it wrote stays."""
    lease = store.lease.acquire(database, now=SystemClock().now())
    failures: list[Exception] = []
    try:
        states = store.state.recover_all(database)
        newest = max(guild.last_at for state in states.values() for guild in state.guilds.values())
        clock = _GoingOn(max(newest, *(state.as_of for state in states.values())) + 1000)
        ingest = Ingest(database, lease, states, store.log.head(database), clock, Limits(), fatal=failures.append)
        guild = max(ingest.sight.guilds(), key=lambda guild: len(list(ingest.sight.members(guild))))
        made = House(database, ingest, guild)
        heap.settle()
        ingest.start()
        made.histories.start()
        load = [asyncio.create_task(job) for job in (made.live(), _flush_each_minute(ingest))]
        try:
            yield made
        finally:
            for task in load:
                task.cancel()
            await made.histories.close()
            await ingest.close(60)
            made.reader.close()
            made.tidying.close()
    finally:
        store.lease.release(database, lease)
    if failures:
        raise RuntimeError(f"the ingest failed: {failures[0]}")


async def _flush_each_minute(ingest: Ingest) -> None:
    """As `tracker run`."""
    while True:
        await asyncio.sleep(60)
        await ingest.flush()
        heap.tidy()
