"""The calls that change or show one member, with the roles of each change watched until the gateway has told of it."""

from __future__ import annotations

import logging
from typing import Final

import aiohttp
import hikari

from tracker.discord.flights import Flight, Flights, Loss
from tracker.discord.hierarchy import Hierarchy
from tracker.discord.member_plan import Look
from tracker.discord.sight import Intake, KnownMember
from tracker.discord.texts import translate
from tracker.ids import GuildId, RoleId, UserId

__all__ = ["REFUSED", "TROUBLE", "MemberCalls", "is_gone", "short"]

_LOG = logging.getLogger("tracker.discord.member_outbox")
_UNKNOWN_MEMBER: Final = (10007, 10013)

REFUSED: Final = (hikari.ForbiddenError, hikari.NotFoundError, hikari.BadRequestError)
"""Asking again would be answered in the same way."""
TROUBLE: Final = (hikari.HTTPError, hikari.ComponentStateConflictError, aiohttp.ClientError, OSError)
"""Asking again later may help. What is refused is among it, so it is to be caught before."""


class MemberCalls:
    """Raises what hikari raises: one of REFUSED, or another one of TROUBLE."""

    def __init__(self, *, rest: hikari.api.RESTClient, intake: Intake, hierarchy: Hierarchy, flights: Flights) -> None:
        self._rest = rest
        self._intake = intake
        self._hierarchy = hierarchy
        self._flights = flights

    def held(self, guild: GuildId, user: UserId, known: KnownMember) -> frozenset[int]:
        """The roles that the member has now, without asking: what was sent counts, though it was not told yet."""
        arriving = self._flights.arriving(guild, user)
        return frozenset(map(int, known.role_ids)) if arriving is None else arriving

    async def look(self, guild: GuildId, user: UserId) -> Look:
        """The member as Discord shows them now."""
        return Look.of(await self._rest.fetch_member(guild, user))

    async def patch(
        self,
        guild: GuildId,
        user: UserId,
        *,
        flight: Flight | None,
        held: frozenset[int],
        reason: str,
        nickname: hikari.UndefinedNoneOr[str] = hikari.UNDEFINED,
    ) -> str | None:
        """Change roles (`flight` None: not those) and nickname (None: take it away) of a member who holds `held`.

        Returns the nickname as it is now: Discord tidies what it is given, by rules of its own.
        """
        if flight is not None:
            self._flights.begin(guild, user, flight, held)
        roles = hikari.UNDEFINED if flight is None else sorted(flight.wanted)
        try:
            member = await self._rest.edit_member(guild, user, nickname=nickname, roles=roles, reason=reason)
        except TROUBLE as error:
            if flight is not None and isinstance(error, REFUSED):
                self._flights.refused(guild, user)
            elif flight is not None:
                self._flights.unanswered(guild, user)
            raise
        if flight is not None:
            self._flights.answered(guild, user)
        return member.nickname

    async def put_right(self, guild: GuildId) -> None:
        """Give back and take again what others gave and took while a change of ours was on its way.

        What could not be put right because of TROUBLE is left for the next time.
        """
        losses = self._flights.take_losses(guild)
        while losses:
            user, loss = losses.popitem()
            try:
                await self._mend(guild, user, loss)
            except REFUSED as error:
                _LOG.warning("roles of member %s of guild %s are not put right: %s", user, guild, short(error))
            except TROUBLE:
                for waiting, its in {**losses, user: loss}.items():
                    self._flights.put_back(guild, waiting, its)
                raise

    async def _mend(self, guild: GuildId, user: UserId, loss: Loss) -> None:
        known = self._intake.sight.member(guild, user)
        if known is None:
            return
        held = (await self.look(guild, user)).roles if known.opted_out else self.held(guild, user, known)
        can = frozenset(role for role in loss.lost | loss.unwanted if self._may_give(guild, RoleId(role)))
        wanted = (held | (loss.lost & can)) - (loss.unwanted & can)
        if wanted == held:
            return
        settings = self._intake.sight.settings(guild)
        ours = frozenset(int(tier.role_id) for tier in settings.tiers.tiers)
        _LOG.info("member %s of guild %s: what others changed while roles were on their way is put right", user, guild)
        flight = Flight(wanted=wanted, ours=ours, loss=loss)
        await self.patch(guild, user, flight=flight, held=held, reason=translate(settings.locale)("sync.reason.mend"))

    def _may_give(self, guild: GuildId, role: RoleId) -> bool:
        facts = self._hierarchy.role(guild, role)
        return facts is not None and not facts.managed and not self._hierarchy.above_bot(guild, role)


def is_gone(error: Exception) -> bool:
    """Whether Discord says that the member is not in the guild."""
    return isinstance(error, hikari.NotFoundError) and error.code in _UNKNOWN_MEMBER


def short(error: Exception) -> str:
    """Status and Discord's own words, in one line; never headers or bodies."""
    if isinstance(error, hikari.HTTPResponseError):
        return f"HTTP {int(error.status)} {error.message}".strip()[:200]
    return type(error).__name__
