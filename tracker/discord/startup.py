"""Bringing each guild up after a start: what was found, who is brought in line, and a summary of it.

A guild is brought up whenever its snapshot comes, so also after a connection that could not be resumed; its summary is
posted once a process. Everything is said in one log line each.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from store.member_sync import State
from tracker.discord.alignment import Desired, compare
from tracker.discord.arrivals import FoundVoice
from tracker.discord.owing import Owe
from tracker.discord.sight import Intake
from tracker.discord.start_embed import StartPost, SyncFigures
from tracker.discord.unavoidable import unavoidable
from tracker.errors import DatabaseError
from tracker.events.envelope import Event
from tracker.events.member import MemberJoined, MemberLeft
from tracker.ids import GuildId, UserId
from tracker.ingest.leave_lines import clock_text

__all__ = ["StartUp", "Synced"]

_LOG = logging.getLogger("tracker.start")

_PATIENCE_S: Final = 60.0
"""After that, a summary is posted that says what is still going on."""
_AT_ONCE: Final = 4
"""Guilds that are compared at the same time."""
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.25, 60.0
_BETWEEN_LINES_S: Final = 5.0
_AGAIN_S: Final = 15.0
_WINDOW_MS: Final = 600_000
_MOST_AT_ONCE: Final = 5_000


class Synced(Protocol):
    """How members should look, and how far that is (`tracker.ingest.members`). All raise DatabaseError."""

    async def desired(self, guild: GuildId) -> Mapping[UserId, Desired]:
        """Everyone in the guild of whom anything is desired."""
        ...

    async def make_pending(self, guild: GuildId, users: Collection[UserId]) -> int:
        """Have these brought in line; gives how many of them will be."""
        ...

    async def counts(self, guild: GuildId | None = None) -> Mapping[State, int]:
        """How many members are in each state."""
        ...


@dataclass(slots=True, kw_only=True)
class _Guild:
    """How far a guild has come. `figures` None: not compared yet, or (`off`) nothing to compare."""

    guild_id: GuildId
    voice: FoundVoice
    new: int = 0
    gone: int = 0
    known: int | None = None
    figures: SyncFigures | None = None
    off: bool = False
    complete: asyncio.Event = field(default_factory=asyncio.Event)


class StartUp:
    """`Arrivals` that follows each guild. `synced` None leaves members as they are; `owe` None posts no summary."""

    def __init__(
        self, intake: Intake, *, synced: Synced | None, owe: Owe | None, patience_s: float = _PATIENCE_S
    ) -> None:
        self._intake = intake
        self._synced = synced
        self._owe = owe
        self._patience_s = patience_s
        self._started_at = intake.clock.now()
        self._guilds: dict[GuildId, _Guild] = {}
        self._following: dict[GuildId, list[asyncio.Task[None]]] = {}
        self._told: set[GuildId] = set()
        self._commands: int | None = None
        self._commands_known = asyncio.Event()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    # -- what the listeners tell (Arrivals) ------------------------------------------------------------------------

    def seen(self, guild: GuildId, voice: FoundVoice, facts: Iterable[Event]) -> None:
        """The snapshot has come."""
        away = "" if voice.away_ms is None else f" (away {clock_text(voice.away_ms)})"
        _LOG.info(
            "guild %d: voice: %d sessions taken over, %d begun, %d closed%s",
            guild, voice.taken_over, voice.begun, voice.closed, away,
        )  # fmt: skip
        self.lost(guild)
        state = self._guilds[guild] = _Guild(guild_id=guild, voice=voice)
        _count(state, facts)
        work = asyncio.create_task(self._bring_in_line(state), name=f"bring up {guild}")
        self._following[guild] = [work]
        if self._owe is not None and guild not in self._told:
            telling = self._tell(state, work, self._owe)
            self._following[guild].append(asyncio.create_task(telling, name=f"tell of the start in {guild}"))

    def answered(self, guild: GuildId, facts: Iterable[Event], *, complete: bool) -> None:
        """Members have answered."""
        state = self._guilds.get(guild)
        if state is None or state.known is not None:
            return
        _count(state, facts)
        if complete:
            state.known = len(list(self._intake.sight.members(guild)))
            _LOG.info("guild %d: %d members known, %d new, %d gone", guild, state.known, state.new, state.gone)
            state.complete.set()

    def lost(self, guild: GuildId) -> None:
        """The guild is not seen any more."""
        self._guilds.pop(guild, None)
        for task in self._following.pop(guild, ()):
            task.cancel()

    def synchronised(self, commands: int) -> None:
        """Discord has taken so many slash commands."""
        _LOG.info("slash commands: %d synchronised", commands)
        self._commands = commands
        self._commands_known.set()

    async def close(self) -> None:
        """Follow nothing any more."""
        tasks = [task for tasks in self._following.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- bringing members in line ----------------------------------------------------------------------------------

    async def _bring_in_line(self, state: _Guild) -> None:
        await state.complete.wait()
        if self._synced is None:
            state.off = True
            return
        while True:
            try:
                async with self._turns:
                    wrong = await self._compare(state, self._synced)
                if wrong:
                    await self._watch(state, self._synced, wrong)
            except DatabaseError as error:
                _LOG.warning("guild %d: tier roles and nicknames: %s; trying again", state.guild_id, error)
                await asyncio.sleep(_AGAIN_S)
            except Exception:
                _LOG.exception("guild %d: tier roles and nicknames could not be compared", state.guild_id)
                return
            else:
                return

    async def _compare(self, state: _Guild, synced: Synced) -> frozenset[UserId]:
        """Who must be changed; they are pending from now on."""
        guild, sight = state.guild_id, self._intake.sight
        settings = sight.settings(guild)
        set_up = bool(settings.tiers.tiers) or settings.nickname.enabled
        if set_up:
            await self._intake.flush()  # what is desired follows from figures; those of the last minute too
        desired = await synced.desired(guild)
        if not desired and not set_up:
            state.off = True
            _LOG.info("guild %d: tier roles and nicknames: none are set up", guild)
            return frozenset()
        found = await compare(sight, guild, desired)
        for start in range(0, len(found.wrong), _MOST_AT_ONCE):
            await synced.make_pending(guild, found.wrong[start : start + _MOST_AT_ONCE])
        count = len(found.wrong)
        _LOG.info("guild %d: tier roles and nicknames: %d to change, %d already right", guild, count, found.right)
        state.figures = SyncFigures(to_change=count, unchanged=found.right, left=count)
        return frozenset(found.wrong)

    async def _watch(self, state: _Guild, synced: Synced, wrong: frozenset[UserId]) -> None:
        """Follow until none is pending any more, with a line now and then: at first each 5 s, later each minute."""
        loop, guild, total = asyncio.get_running_loop(), state.guild_id, len(wrong)
        pause, said_at = _FIRST_LOOK_S, loop.time()
        while left := min((await synced.counts(guild)).get("pending", 0), total):
            state.figures = _so_far(state.figures, total, left)
            if loop.time() - said_at >= max(_BETWEEN_LINES_S, pause):
                said_at = loop.time()
                _LOG.info("guild %d: tier roles and nicknames: %d of %d done", guild, total - left, total)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_LOOK_S)
        state.figures = figures = _outcome(await synced.desired(guild), wrong, state.figures)
        _LOG.info(
            "guild %d: tier roles and nicknames: changed %d, already right %d, failed %d, blocked %d",
            guild, figures.changed, figures.unchanged, figures.failed, figures.blocked,
        )  # fmt: skip

    # -- the summary -----------------------------------------------------------------------------------------------

    async def _tell(self, state: _Guild, work: asyncio.Task[None], owe: Owe) -> None:
        """Owe the summary once all is done, or after a while."""
        known = asyncio.create_task(self._commands_known.wait())
        try:
            await asyncio.wait({work, known}, timeout=self._patience_s)
        finally:
            known.cancel()
        self._told.add(state.guild_id)
        channel = self._intake.sight.settings(state.guild_id).log_channel_id
        if channel is None:
            return
        # At most one in each ten minutes of the clock, however often the bot starts.
        key = f"start:{state.guild_id}:{self._started_at // _WINDOW_MS * _WINDOW_MS}"
        try:
            if not await owe(state.guild_id, channel, key=key, payload=self._summary(state).text()):
                _LOG.info("guild %d: no summary of this start: there was one a few minutes ago", state.guild_id)
        except DatabaseError as error:
            _LOG.warning("guild %d: no summary of this start: %s", state.guild_id, error)

    def _summary(self, state: _Guild) -> StartPost:
        voice = state.voice
        return StartPost(
            at=self._intake.clock.now(),
            away_ms=voice.away_ms,
            taken_over=voice.taken_over,
            begun=voice.begun,
            closed=voice.closed,
            known=state.known,
            new=state.new,
            gone=state.gone,
            sync=state.figures,
            sync_off=state.off,
            commands=self._commands,
        )


def _count(state: _Guild, facts: Iterable[Event]) -> None:
    for fact in facts:
        state.new += isinstance(fact.data, MemberJoined)
        state.gone += isinstance(fact.data, MemberLeft)


def _so_far(figures: SyncFigures | None, total: int, left: int) -> SyncFigures:
    unchanged = 0 if figures is None else figures.unchanged
    return SyncFigures(to_change=total, unchanged=unchanged, changed=total - left, left=left)


def _outcome(desired: Mapping[UserId, Desired], wrong: Collection[UserId], figures: SyncFigures | None) -> SyncFigures:
    """What became of those who were to be changed. Who is desired nothing of any more (or left) counts as changed.

    Those of whom only the owner's nickname is blocked are as right as they can be.
    """
    rows = [desired[user] for user in wrong if user in desired]
    right = sum(row.state == "blocked" and row.error in unavoidable() for row in rows)
    states = [row.state for row in rows]
    return SyncFigures(
        to_change=len(wrong) - right,
        unchanged=(0 if figures is None else figures.unchanged) + right,
        changed=states.count("sent") + len(wrong) - len(rows),
        failed=states.count("failed"),
        blocked=states.count("blocked") - right,
        left=states.count("pending"),
    )
