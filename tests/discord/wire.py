"""A guild in the sandbox, and the front-end that is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.discord.intake import FoldIntake
from tracker.discord.bot import Front
from tracker.errors import NotFoundError
from tracker.ids import ChannelId, GuildId, RoleId, UserId
from tracker.reports.build import sum_up
from tracker.reports.model import MemberEntry, MemberReport, Report, Sums
from tracker.reports.window import Window
from tracker.sandbox import Member, Sandbox


@dataclass
class CannedReader:
    """Answers with `answer`: a report, or the error that is raised."""

    answer: Report | Exception = field(default_factory=lambda: NotFoundError("nothing is canned"))
    asked: list[tuple[GuildId, RoleId | None, str, int | None]] = field(default_factory=list)

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        self.asked.append((guild, role, period, day))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def keeps(self, guild: GuildId, role: RoleId | None, window: Window) -> bool:
        return False

    async def report_at_once(self, guild: GuildId, role: RoleId | None, window: Window) -> Report | None:
        return None

    async def member_report_at_once(
        self, guild: GuildId, role: RoleId | None, user: UserId, window: Window
    ) -> tuple[MemberReport | None] | None:
        return None

    async def report_of(self, guild: GuildId, role: RoleId | None, window: Window) -> Report:
        """The answer as a report of that window; a range is noted with both its days as one number."""
        days = window.first_day if window.period != "range" else window.first_day * 10**8 + window.last_day
        canned = await self.report(guild, role, window.period, days)
        return replace(canned, guild_id=guild, role_id=role, window=window)

    async def member_report(
        self, guild: GuildId, role: RoleId | None, user: UserId, window: Window
    ) -> MemberReport | None:
        """What the first of the answer's top list did; nobody else is among them."""
        report = await self.report_of(guild, role, window)
        member = next((entry for entry in report.top if entry.user_id == user), None)
        if member is None:
            return None
        return MemberReport(
            guild_id=guild,
            role_id=role,
            role_name=report.role_name,
            window=window,
            as_of=report.as_of,
            member=member,
            members=report.members,
            did=sum_up([member]),
            change=Sums(voice_ms=-60_000, exp=3),
            away_ms=report.away_ms,
        )

    async def full_list_at_once(
        self, guild: GuildId, role: RoleId | None, window: Window
    ) -> Sequence[MemberEntry] | None:  # fmt: skip
        return None

    async def full_list(self, guild: GuildId, role: RoleId | None, window: Window) -> Sequence[MemberEntry]:
        return (await self.report_of(guild, role, window)).top


@dataclass
class CannedPictures:
    """Draws nothing: `png` is the picture. `drawn`: what it was asked for."""

    png: bytes | None = None
    drawn: list[Report] = field(default_factory=list)

    async def picture(self, report: Report, locale: str | None, *, scheduled: bool = False) -> bytes | None:
        self.drawn.append(report)
        return self.png


class Town:
    """One guild with two voice channels, a text channel and three members: Ana, 민준 and a bot called Beep."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.guild = self.world.add_guild("study", afk_channel="AFK")
        self.talk = self.world.add_channel(self.guild, "🎙️대화", kind="voice")
        self.study = self.world.add_channel(self.guild, "📝-공부방", kind="voice")
        self.text = self.world.add_channel(self.guild, "잡담", kind="text")
        self.role = self.world.add_role(self.guild, "스터디")
        self.ana = self.world.add_member(self.guild, "ana", global_name="Ana", roles=[self.role])
        self.minjun = self.world.add_member(self.guild, "minjun", nick="민준")
        self.beep = self.world.add_member(self.guild, "beep", bot=True)

    @property
    def guild_id(self) -> GuildId:
        return GuildId(self.guild.id)


class Wire(Town):
    """The town, and a front-end in it that is not started yet, with the fold behind it."""

    def __init__(self, intake: FoldIntake, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.intake = intake
        self.reader = CannedReader()
        self.pictures = CannedPictures()
        self.front = self.new_front()

    def new_front(self, *, token: str | None = None, rest_url: str | None = None) -> Front:
        """A front-end like the one that a new process would make."""
        return Front(
            token=self.sandbox.token if token is None else token,
            intake=self.intake,
            reader=self.reader,
            pictures=self.pictures,
            rest_url=rest_url or self.sandbox.rest_url,
            rest_retries=0,
        )

    async def start(self) -> None:
        """Start, and wait until the guild's snapshot and all its members are known."""
        await self.front.start()
        await self.know(2)

    async def know(self, members: int) -> None:
        """Wait until so many members are known."""
        await self.intake.when(lambda: len(list(self.intake.sight.members(self.guild_id))) >= members)

    async def restart(self, *, away_ms: int) -> None:
        """The process ends, `away_ms` go by, another one comes up: its guilds are lost since the end."""
        await self.front.close()
        at = self.intake.clock.now()
        self.intake.held.clear()
        self.intake.gone(self.intake.sight.guilds(), at)
        self.intake.clock.ms += away_ms
        self.front = self.new_front()

    async def settle(self) -> None:
        """Wait until all that the world has done so far has come through: a message is, behind all the rest."""
        before = len(self.intake.of("message.sent"))
        self.world.send_message(self.ana, self.text)
        await self.intake.until(before + 1, "message.sent")

    def seen(self, *types: str) -> list[tuple[str, int | None, int | None]]:
        """(type, user, channel) of the accepted events of these types."""
        return [(e.type, e.user_id, e.channel_id) for e in self.intake.of(*types)]

    def whereabouts(self, member: Member) -> ChannelId | None:
        """Where the fold believes the member to be."""
        return self.intake.sight.channel_of(self.guild_id, UserId(member.id))
