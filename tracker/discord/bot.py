"""The Discord front-end as one thing to start and to close: hikari's client, the listeners, the commands."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Final

import hikari
import lightbulb
from hikari.impl import CacheSettings
from hikari.impl.config import CacheComponents

from tracker.discord import settings_commands
from tracker.discord.backfill import Backfiller
from tracker.discord.board_desk import BoardDesk, BoardReader
from tracker.discord.board_pages import BoardPresses
from tracker.discord.channel_access import ChannelAccess
from tracker.discord.commands.leaderboard import LeaderboardCommand
from tracker.discord.commands.privacy import PRIVACY
from tracker.discord.commands.rank import RankCommand
from tracker.discord.commands.report import ReportCommand
from tracker.discord.commands.studyroom import StudyroomCommand
from tracker.discord.commands.why import WhyCommand
from tracker.discord.desk import Pictures, ReportDesk, ReportReader
from tracker.discord.flights import Flights
from tracker.discord.gate import GatedEvents
from tracker.discord.hierarchy import Hierarchy
from tracker.discord.listeners import Listeners
from tracker.discord.login import refusal
from tracker.discord.member_outbox import MemberOutbox
from tracker.discord.owing import Owe
from tracker.discord.preview_desk import PreviewReader
from tracker.discord.privacy_desk import PrivacyDesk
from tracker.discord.privacy_presses import ForgetPresses
from tracker.discord.report_presses import ReportPresses
from tracker.discord.sight import Intake
from tracker.discord.startup import StartUp
from tracker.discord.surroundings import Surroundings
from tracker.discord.texts import command_texts
from tracker.discord.unblocking import Blocked, News, Unblocking
from tracker.discord.why_desk import WhyDesk
from tracker.ingest.backfills import Backfills
from tracker.ingest.members import Members
from tracker.ingest.personal import Personal
from tracker.ingest.rules import Rules

__all__ = ["INTENTS", "Front"]

_LOG = logging.getLogger("tracker.discord")

INTENTS: Final = (
    hikari.Intents.GUILDS
    | hikari.Intents.GUILD_MEMBERS
    | hikari.Intents.GUILD_VOICE_STATES
    | hikari.Intents.GUILD_MESSAGES
)
"""All that counting needs. What people write is not among it."""

_GOODBYE_S: Final = 1.5
_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 300.0


class _Bot(hikari.GatewayBot):
    """hikari's client with our event manager in the place of its own, and with nothing cached."""

    def __init__(self, token: str, *, rest_url: str | None, rest_retries: int) -> None:
        super().__init__(
            token,
            banner=None,
            logs=None,
            suppress_optimization_warning=True,
            intents=INTENTS,
            auto_chunk_members=False,
            cache_settings=CacheSettings(components=CacheComponents.NONE),
            rest_url=rest_url,
            max_retries=rest_retries,
        )
        self.gated = GatedEvents(self._entity_factory, self._event_factory, INTENTS, auto_chunk_members=False)
        self._event_manager = self.gated


class Front:
    """Discord, for as long as it is started.

    `rest_url`: None is Discord itself. `rest_retries`: how often a request is made again when the server is away.
    `boards`: None leaves out what members are shown of each other; `rules`: None, what admins
    change, and of that `previews` None what shows its effect first; `personal`: None, what members
    ask about themselves; `pictures`: None, the charts of reports. `backfills`: None, reading what was written before
    (needs `previews`), whose summaries `owe_backfill` owes. `startup`: who follows what a start finds; None, nobody.
    Signals, the event loop and logging belong to the caller.
    """

    def __init__(
        self,
        *,
        token: str,
        intake: Intake,
        reader: ReportReader,
        boards: BoardReader | None = None,
        rules: Rules | None = None,
        previews: PreviewReader | None = None,
        personal: Personal | None = None,
        pictures: Pictures | None = None,
        startup: StartUp | None = None,
        backfills: Backfills | None = None,
        owe_backfill: Owe | None = None,
        rest_url: str | None = None,
        rest_retries: int = 3,
    ) -> None:
        """Raises LoginError if `token` cannot be one."""
        self._server = rest_url
        try:
            self._bot = _Bot(token, rest_url=rest_url, rest_retries=rest_retries)
        except ValueError as error:
            raise refusal(error, server=rest_url) from None
        self._startup = startup
        self._intake = intake
        self._listeners = Listeners(intake, startup)
        self._bot.gated.room = intake.room
        self._bot.gated.silent = self._listeners.silent
        self._listeners.subscribe(self._bot.gated)
        self._hierarchy = Hierarchy()
        self._hierarchy.subscribe(self._bot.gated)
        self._flights = Flights()
        self._flights.subscribe(self._bot.gated)
        self._commands = lightbulb.client_from_app(
            self._bot, default_locale=hikari.Locale.EN_US, localization_provider=command_texts, sync_commands=False
        )
        self._surroundings = Surroundings(self._hierarchy)
        self._surroundings.subscribe(self._bot.gated)
        self._news = News()
        self._news.subscribe(self._bot.gated)
        self._show_reports(ReportDesk(intake, reader, pictures=pictures, surroundings=self._surroundings))
        if boards is not None:
            self._show_boards(BoardDesk(intake, boards))
        self._backfiller: Backfiller | None = None
        if backfills is not None:
            self._backfiller = Backfiller(lambda: self._bot.rest, intake, backfills, owe=owe_backfill)
        if rules is not None:
            settings_commands.offer(
                self._bot,
                self._commands,
                intake=intake,
                hierarchy=self._hierarchy,
                rules=rules,
                previews=previews,
                backfiller=self._backfiller,
            )
        if personal is not None:
            self._answer_about_oneself(intake, personal)
        self._registering: asyncio.Task[None] | None = None

    def _show_reports(self, desk: ReportDesk) -> None:
        self._commands.di.registry_for(lightbulb.di.Contexts.DEFAULT).register_value(ReportDesk, desk)
        self._commands.register(ReportCommand)
        self._bot.gated.subscribe(hikari.ComponentInteractionCreateEvent, ReportPresses(desk).pressed)

    def _show_boards(self, desk: BoardDesk) -> None:
        self._commands.di.registry_for(lightbulb.di.Contexts.DEFAULT).register_value(BoardDesk, desk)
        self._commands.register(StudyroomCommand)
        self._commands.register(LeaderboardCommand)
        self._commands.register(RankCommand)
        self._bot.gated.subscribe(hikari.ComponentInteractionCreateEvent, BoardPresses(desk).pressed)

    def _answer_about_oneself(self, intake: Intake, personal: Personal) -> None:
        registry = self._commands.di.registry_for(lightbulb.di.Contexts.DEFAULT)
        registry.register_value(WhyDesk, WhyDesk(intake, personal))
        self._commands.register(WhyCommand)
        desk = PrivacyDesk(intake, personal, self._bot.rest)
        registry.register_value(PrivacyDesk, desk)
        self._commands.register(PRIVACY)
        self._bot.gated.subscribe(hikari.ComponentInteractionCreateEvent, ForgetPresses(desk).pressed)

    @property
    def rest(self) -> hikari.api.RESTClient:
        """Discord's REST side, for posts; usable while started."""
        return self._bot.rest

    @property
    def hierarchy(self) -> Hierarchy:
        """Who stands above whom, as the gateway has told."""
        return self._hierarchy

    @property
    def surroundings(self) -> Surroundings:
        """What the gateway has told of the guilds' looks and roles."""
        return self._surroundings

    def unblocking(self, blocked: Blocked) -> Unblocking:
        """What has reports posted that Discord refused, once it takes them."""
        return Unblocking(
            intake=self._intake,
            blocked=blocked,
            access=ChannelAccess(lambda: self._bot.rest, self._hierarchy),
            news=self._news,
            has_role=self._surroundings.has_role,
        )

    def member_outbox(self, members: Members) -> MemberOutbox:
        """What brings the members in line that this front-end sees; to be closed before it."""
        return MemberOutbox(
            rest=self._bot.rest,
            intake=self._intake,
            members=members,
            hierarchy=self._hierarchy,
            flights=self._flights,
            is_current=self._listeners.is_current,
        )

    async def start(self) -> None:
        """Log in and wait until every shard is ready. Raises LoginError, after closing what was opened."""
        await self._commands.start()
        try:
            await self._bot.start(check_for_updates=False)
        except (hikari.HikariError, OSError, RuntimeError) as error:
            await self.close()
            raise refusal(error, server=self._server) from None
        except BaseException:
            await self.close()
            raise
        self._registering = asyncio.create_task(self._register_commands(), name="register commands")
        if self._backfiller is not None:
            self._backfiller.start()

    async def registered(self) -> None:
        """Wait until Discord has taken the commands."""
        if self._registering is not None:
            await asyncio.shield(self._registering)

    async def wait(self) -> None:
        """Until closed. Raises LoginError if Discord shuts the bot out meanwhile (a token that was reset, for one)."""
        try:
            await self._bot.join()
        except hikari.ComponentStateConflictError:
            return
        except hikari.HikariError as error:
            raise refusal(error, server=self._server) from None

    async def close(self) -> None:
        """Leave the gateway; nothing is heard from then on. Harmless if not started."""
        if self._registering is not None:
            self._registering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._registering
        if self._backfiller is not None:
            await self._backfiller.close()
        await self._listeners.close()
        if self._startup is not None:
            await self._startup.close()
        if self._bot.is_alive:
            # Nothing is heard as soon as it has begun; a server that does not say goodbye is not waited for.
            leaving = asyncio.ensure_future(self._bot.close())
            await asyncio.wait({leaving}, timeout=_GOODBYE_S)
            if leaving.done():
                with contextlib.suppress(hikari.ComponentStateConflictError):  # closed from two sides at once
                    leaving.result()
            else:
                _LOG.warning("Discord did not close the connection within %g s; leaving all the same", _GOODBYE_S)
        await self._commands.stop()

    async def _register_commands(self) -> None:
        """Tell Discord which commands there are. The bot counts without them, so failing here is no reason to stop."""
        pause = _FIRST_PAUSE_S
        self._commands.sync_commands = True
        while True:
            try:
                await self._commands.sync_application_commands()
            except hikari.HTTPError as error:
                _LOG.warning("Discord did not take the commands (%s); trying again in %g s", _short(error), pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                if self._startup is not None:
                    self._startup.synchronised(len(self._commands.registered_commands))
                return


def _short(error: Any) -> str:
    status = getattr(error, "status", None)
    return type(error).__name__ if status is None else f"HTTP {int(status)}"
