"""How long the commands' answers take inside the process, in a guild of many members with a long history.

From the call of the desk to the finished embed: the look that brings everything up to date, the read, the words. What
Discord's side adds is not in it. Meanwhile the guild lives on: some hundred members in voice, twenty events a second.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

import store.lease
import store.log
import store.state
from scripts.benchlib.figures import Figure, percentile
from scripts.benchlib.place import Place
from scripts.community import Plan
from scripts.simulate import write
from store.engine import Database, open_database
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

__all__ = ["fill_history", "measure"]

_AIM_MS = 50.0
_LOAD_EVERY_S = 0.05
_TURN_S = 0.000_5  # as `tracker run`
_LOCALE = "ko"

Ask = Callable[[], Awaitable[object]]


def measure(place: Place) -> list[Figure]:
    """Milliseconds of each command's answer: the first one after a start; p50, p95 and the longest of the others."""
    # Counting ten million events takes minutes: only where the database is kept from one bench to the next.
    events, members = (10_000_000, 100_000) if place.cache else (300_000, 10_000)
    if place.quick:
        events, members = 5_000, 300
    figures: list[Figure] = []
    for dialect in place.kinds():
        with place.lasting(
            dialect, f"commands_{events}_{members}", lambda url: fill_history(url, events, members)
        ) as url:
            database = open_database(url)
            runs = [asyncio.run(_run(database, place)) for _ in range(place.runs)]
            database.close()
        about = f"{events:,} events, {members:,} members, {dialect}"
        figures += _figures(dialect, about, runs)
    return figures


@dataclass(slots=True)
class _Times:
    """Milliseconds by command. `first`: of the first answer; `kept_mib`: what is kept in memory takes in the end."""

    first: dict[str, float] = field(default_factory=dict)
    later: dict[str, list[float]] = field(default_factory=dict)
    kept_mib: float = 0.0
    kept_reports_mib: float = 0.0


def _figures(dialect: str, about: str, runs: list[_Times]) -> Iterator[Figure]:
    def figure(name: str, what: str, values: list[float], aim: float | None = None, unit: str = "ms") -> Figure:
        note = "from the desk's call to the embed; twenty events a second, and a flush a minute, meanwhile"
        name, what = f"commands.{dialect}.{name}", f"{what}, {about}"
        return Figure(name=name, what=what, unit=unit, runs=tuple(values), aim=aim, note=note)

    for command in runs[0].later:
        for name, share, held in (("p50", 0.5, None), ("p95", 0.95, _AIM_MS), ("max", 1.0, None)):
            values = [percentile(run.later[command], share) for run in runs]
            yield figure(f"{command}.{name}", f"/{command} {name}", values, held)
        yield figure(f"{command}.first", f"/{command} first", [run.first[command] for run in runs])
    yield figure("kept", "boards kept in memory", [run.kept_mib for run in runs], unit="MiB")
    reports = [run.kept_reports_mib for run in runs]
    yield figure("kept_reports", "what reports are made of, kept in memory", reports, unit="MiB")


def fill_history(url: str, events: int, members: int) -> None:
    """Ten guilds, one of them big; up to two months, a season running since the fourth day."""
    database = open_database(url)
    plan = Plan(
        guilds=10, members=min(300, members), days=60, tick_s=0, crowd=members, activity=14, season_day=3
    )  # on a day, one in seven of those who would be there in a lively guild
    write(database, plan, events=events, flush_events=200_000)
    database.close()


async def _run(database: Database, place: Place) -> _Times:
    sys.setswitchinterval(_TURN_S)
    times, rounds = _Times(), place.scaled(40, 3)
    async with _house(database) as house:
        commands = house.commands()
        for name, ask in commands.items():
            times.first[name] = await _timed(ask)
        await house.boards.settled()
        await house.histories.settled()
        asked = [name for name in commands for _ in range(rounds)]
        house.random.shuffle(asked)
        for name in asked:
            times.later.setdefault(name, []).append(await _timed(commands[name]))
            await asyncio.sleep(house.random.uniform(0.0, 0.1))
        times.kept_mib = house.kept.nbytes / 2**20
        times.kept_reports_mib = house.kept_reports.figures()["bytes"] / 2**20
    return times


async def _timed(ask: Ask) -> float:
    began = time.perf_counter()
    await ask()
    return (time.perf_counter() - began) * 1000


class _GoingOn:
    """Real time, beginning where the history ends."""

    def __init__(self, begin: int) -> None:
        self._begin = begin
        self._started = time.monotonic()

    def now(self) -> Ms:
        return Ms(self._begin + int((time.monotonic() - self._started) * 1000))


class _House:
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
async def _house(database: Database) -> AsyncIterator[_House]:
    """A bot without Discord on this database, with the load on it. Everything it wrote stays."""
    lease = store.lease.acquire(database, now=SystemClock().now())
    failures: list[Exception] = []
    try:
        states = store.state.recover_all(database)
        newest = max(guild.last_at for state in states.values() for guild in state.guilds.values())
        clock = _GoingOn(max(newest, *(state.as_of for state in states.values())) + 1000)
        ingest = Ingest(database, lease, states, store.log.head(database), clock, Limits(), fatal=failures.append)
        guild = max(ingest.sight.guilds(), key=lambda guild: len(list(ingest.sight.members(guild))))
        house = _House(database, ingest, guild)
        heap.settle()
        ingest.start()
        house.histories.start()
        load = [asyncio.create_task(job) for job in (house.live(), _flush_each_minute(ingest))]
        try:
            yield house
        finally:
            for task in load:
                task.cancel()
            await house.histories.close()
            await ingest.close(60)
            house.reader.close()
            house.tidying.close()
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
