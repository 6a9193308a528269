"""Brings members' tier roles and nicknames in line with what they have come to: one PATCH for each who differs.

The rows of `member_sync` say what is desired, not what to do. So it does not matter how often a member is tried, or
where a process died: whoever looks next compares again, and sends only what is different then. Roles that are not a
tier's are sent back as they are; what somebody else changes in them meanwhile is watched by `Flights` and put right.

Members of one guild are served one after the other, as Discord limits them by guild; several guilds at a time. Trouble
of the network is hikari's first (it waits and tries again), then that of a later round.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import hikari

from store.member_sync import MemberSync
from tracker.discord.flights import Flight, Flights
from tracker.discord.hierarchy import Hierarchy
from tracker.discord.member_calls import REFUSED, TROUBLE, MemberCalls, is_gone, short
from tracker.discord.member_plan import (
    NickPlan,
    RolePlan,
    concerns_nickname,
    nick_block,
    plan_nick,
    plan_roles,
)
from tracker.discord.sight import Intake, KnownMember
from tracker.discord.texts import translate
from tracker.discord.tugs import TugsOfWar
from tracker.errors import DatabaseError
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, Ms, UserId
from tracker.ingest.members import Members

__all__ = ["MemberOutbox"]

_LOG = logging.getLogger("tracker.discord.member_outbox")
_GUILDS_AT_ONCE: Final = 8
_MEMBERS_A_TURN: Final = 20
_TURNS: Final = 3
_FIRST_PAUSE_MS: Final = 5_000
_LONGEST_PAUSE_MS: Final = 3_600_000
_LONGEST_ABSENCE_MS: Final = 60_000
_LONGEST_TROUBLE_MS: Final = 300_000


class _LaterError(Exception):
    """The guild is not to be asked for anything more for a while."""


class MemberOutbox:
    """`deliver` sets to work on whatever is due and does not wait for it; whoever calls it decides how often.

    `is_current`: whether all that the gateway has to tell of a guild's members is known. If it is not, they wait: a set
    of roles that is out of date would undo what others have done to it.
    """

    def __init__(
        self,
        *,
        rest: hikari.api.RESTClient,
        intake: Intake,
        members: Members,
        hierarchy: Hierarchy,
        flights: Flights,
        is_current: Callable[[GuildId], bool],
    ) -> None:
        self._intake = intake
        self._members = members
        self._hierarchy = hierarchy
        self._flights = flights
        self._is_current = is_current
        self._calls = MemberCalls(rest=rest, intake=intake, hierarchy=hierarchy, flights=flights)
        self._said: set[tuple[GuildId, str]] = set()
        self._above: dict[GuildId, set[UserId]] = {}
        self._troubles: dict[GuildId, int] = {}
        self._tugs = TugsOfWar()
        self._improved: set[GuildId] = set()
        self._busy: dict[GuildId, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_GUILDS_AT_ONCE)
        self._closing = False

    async def deliver(self) -> None:
        """Set to work on every guild in which somebody is due. Raises DatabaseError: then the next round does it."""
        self._improved |= self._hierarchy.take_improved()
        for guild in list(self._improved):
            await self._members.retry_blocked(guild)
            self._improved.discard(guild)
            self._said = {said for said in self._said if said[0] != guild}
        await self._retry_lowered()
        now = self._intake.clock.now()
        for guild in await self._members.due_guilds(now):
            if not self.is_ready(guild):
                self._members.postpone(guild, self._when_back(guild, now))
            self._set_to_work(guild)
        for guild in self._flights.guilds_with_losses():
            self._set_to_work(guild)

    async def _retry_lowered(self) -> None:
        """Who stood above the bot when they were tried, and does not any more, because a role was taken from them."""
        for guild, users in list(self._above.items()):
            lowered = {user for user in users if self.is_ready(guild) and not self._is_above(guild, user)}
            if lowered:
                await self._members.make_pending(guild, lowered)
                users -= lowered

    def _is_above(self, guild: GuildId, user: UserId) -> bool:
        known = self._intake.sight.member(guild, user)
        return known is not None and self._hierarchy.member_above_bot(guild, user, known.role_ids)

    def _set_to_work(self, guild: GuildId) -> None:
        if self.is_ready(guild) and guild not in self._busy and not self._closing:
            task = self._busy[guild] = asyncio.create_task(self._serve(guild), name=f"members of guild {guild}")
            task.add_done_callback(lambda _: self._busy.pop(guild))

    @property
    def losses(self) -> int:
        """In how many guilds there is something to be put right that others changed while our change was on its way."""
        return len(self._flights.guilds_with_losses())

    async def done(self) -> None:
        """Wait until nothing is being worked on."""
        while self._busy:
            finished, _ = await asyncio.wait(list(self._busy.values()))
            await asyncio.sleep(0)  # a callback takes them off the list
            for task in finished:
                if not task.cancelled():
                    task.result()

    async def close(self) -> None:
        """Stop at once. What is under way may or may not arrive; the next process will see."""
        self._closing = True
        for task in self._busy.values():
            task.cancel()
        await self.done()

    def is_ready(self, guild: GuildId) -> bool:
        """Whether the guild is seen, with all its members."""
        return self._hierarchy.knows(guild) and self._is_current(guild)

    def _when_back(self, guild: GuildId, now: Ms) -> Ms:
        """When to look again whether the guild is seen: soon at first."""
        lost_at = self._intake.sight.lost_at(guild)
        away = 0 if lost_at is None else now - lost_at
        return Ms(now + min(max(away, _FIRST_PAUSE_MS), _LONGEST_ABSENCE_MS))

    async def _serve(self, guild: GuildId) -> None:
        """Everybody in the guild who is due, a handful at a time: then other guilds have their turn."""
        try:
            while not self._closing and self.is_ready(guild):
                async with self._places:
                    await self._put_right(guild)
                    now = self._intake.clock.now()
                    rows = await self._members.due(guild, now, limit=_MEMBERS_A_TURN)
                    for sync in rows:
                        if self.is_ready(guild):
                            await self._try(sync)
                if not rows and guild not in self._flights.guilds_with_losses():
                    return
        except _LaterError:
            pass
        except DatabaseError as error:
            _LOG.warning("members of guild %s wait for the database: %s", guild, error)
        except asyncio.CancelledError:
            # Ours only if we are being stopped; hikari, when it is closed, cancels who waits for its rate limits.
            _LOG.debug("members of guild %s are left for the next process", guild)

    async def _put_right(self, guild: GuildId) -> None:
        try:
            await self._calls.put_right(guild)
        except TROUBLE as error:
            self._pause(guild)
            raise _LaterError from error

    async def _try(self, sync: MemberSync) -> None:
        """One member. Raises _LaterError if Discord cannot be asked now."""
        try:
            await self._bring(sync)
            self._troubles.pop(sync.guild_id, None)
        except REFUSED as error:
            if is_gone(error):
                await self._members.mark_sent(sync, managed=False, set_nick=None)
                return
            settings = self._intake.sight.settings(sync.guild_id)
            await self._block(sync, translate(settings.locale)("sync.block.refused", answer=short(error)))
        except DatabaseError:
            raise
        except TROUBLE as error:
            await self._fail(sync, error)
            self._pause(
                sync.guild_id, int(error.retry_after * 1000) if isinstance(error, hikari.RateLimitTooLongError) else 0
            )
            raise _LaterError from error
        except Exception as error:  # whatever is wrong with one member, the others have their turn
            _LOG.exception("member %s of guild %s could not be brought in line", sync.user_id, sync.guild_id)
            await self._fail(sync, error)

    async def _fail(self, sync: MemberSync, error: Exception) -> None:
        pause = min(_FIRST_PAUSE_MS << min(sync.attempts, 20), _LONGEST_PAUSE_MS)
        await self._members.mark_failed(sync, short(error), Ms(self._intake.clock.now() + pause))

    def _pause(self, guild: GuildId, asked: int = 0) -> None:
        """Ask for nothing more in the guild for a while: longer each time, until something arrives again."""
        number = self._troubles[guild] = self._troubles.get(guild, -1) + 1
        pause = max(asked, min(_FIRST_PAUSE_MS << min(number, 20), _LONGEST_TROUBLE_MS))
        self._members.postpone(guild, Ms(self._intake.clock.now() + pause))

    async def _bring(self, sync: MemberSync) -> None:
        """Compare and send; again after a fresh look if Discord refuses what by all we know it should not."""
        refused: tuple[frozenset[int], NickPlan | None, hikari.HTTPResponseError] | None = None
        for _ in range(_TURNS):
            settings = self._intake.sight.settings(sync.guild_id)
            known = self._intake.sight.member(sync.guild_id, sync.user_id)
            if known is None:
                await self._members.mark_sent(sync, managed=False, set_nick=None)
                return
            roles, nick, nick_blocked = await self._plan(sync, settings, known, afresh=refused is not None)
            if roles.block is not None:
                await self._block(sync, roles.block)
                return
            if refused is not None and refused[:2] == (roles.wanted, nick):
                break
            try:
                nick = await self._send(sync, settings, roles, nick)
            except REFUSED as error:
                refused = (roles.wanted, nick, error)
            else:
                await self._note(sync, nick, nick_blocked)
                return
        if refused is not None:
            raise refused[2]

    async def _plan(
        self, sync: MemberSync, settings: GuildSettings, known: KnownMember, *, afresh: bool
    ) -> tuple[RolePlan, NickPlan | None, str | None]:
        """What to send, and why a nickname is not in it though it should be. The member is fetched only if need be:
        for their nickname, or for the roles of somebody of whom the gateway's news are not kept.
        """
        guild, user, look = sync.guild_id, sync.user_id, None
        held = self._calls.held(guild, user, known)
        if afresh or known.opted_out:
            look = await self._calls.look(guild, user)
            held = look.roles
        roles = plan_roles(sync, settings, held, self._hierarchy)
        if roles.block is not None or not concerns_nickname(sync, settings):
            return roles, None, None
        blocked = nick_block(sync, settings, held, self._hierarchy)
        if blocked is not None:
            return roles, None, blocked
        if look is None:
            look = await self._calls.look(guild, user)
            roles = plan_roles(sync, settings, look.roles, self._hierarchy)
        nick = plan_nick(sync, settings, look)
        undone = nick.changes and nick.managed and sync.set_nick is not None and nick.there is None
        if undone and self._tugs.is_lost(guild, user, self._intake.clock.now()):
            return roles, None, translate(settings.locale)("sync.block.tug")
        return roles, nick, None

    async def _send(
        self, sync: MemberSync, settings: GuildSettings, roles: RolePlan, nick: NickPlan | None
    ) -> NickPlan | None:
        """Gives back `nick` with the nickname as Discord took it: another one would count as the member's own."""
        named = nick is not None and nick.changes
        if not roles.changes and not named:
            return nick
        if nick is not None and named and nick.managed and nick.nick is not None:
            await self._members.mark_meant(sync, nick=nick.nick, original=nick.original, there=nick.there)
        there = await self._calls.patch(
            sync.guild_id,
            sync.user_id,
            nickname=nick.nick if nick is not None and named else hikari.UNDEFINED,
            flight=Flight(wanted=roles.wanted, ours=roles.ours) if roles.changes else None,
            held=roles.held,
            reason=translate(settings.locale)("sync.reason", level=sync.level),
        )
        return nick if nick is None or not named else replace(nick, nick=there)

    async def _note(self, sync: MemberSync, nick: NickPlan | None, nick_blocked: str | None) -> None:
        if nick_blocked is not None:
            if self._is_above(sync.guild_id, sync.user_id):
                self._above.setdefault(sync.guild_id, set()).add(sync.user_id)
            await self._block(sync, nick_blocked)
        elif nick is None:
            await self._members.mark_sent(sync, managed=False, set_nick=None)
        else:
            await self._members.mark_sent(sync, managed=nick.managed, set_nick=nick.nick if nick.managed else None)

    async def _block(self, sync: MemberSync, reason: str) -> None:
        said = (sync.guild_id, reason)
        if said not in self._said:  # a role out of reach blocks everybody who should have it
            self._said.add(said)
            _LOG.warning("guild %s: members are blocked, first %s: %s", sync.guild_id, sync.user_id, reason)
        await self._members.mark_blocked(sync, reason, managed=sync.managed, set_nick=sync.set_nick)
