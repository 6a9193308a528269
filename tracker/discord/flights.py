"""Changes of members' roles that are under way, and what others did to the same roles meanwhile.

Discord takes a member's roles as a whole, and a request may wait in hikari's rate limiter for seconds. A role that
somebody else gives in that time is not in the set that is sent, and so is taken away again. The gateway tells both in
order: their change, then ours. What was lost between the two is kept here until it is put right.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import hikari

from tracker.discord.listeners import Ears
from tracker.ids import GuildId, UserId

__all__ = ["Flight", "Flights", "Loss"]

Roles = frozenset[int]

_LONGEST_FLIGHT_S: Final = 600.0
"""After that, the gateway is not waited for any more: it tells within a second or so, or was replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Roles that somebody else gave (`lost`) or took (`unwanted`), undone by a change of ours."""

    lost: Roles
    unwanted: Roles


@dataclass(slots=True, kw_only=True)
class Flight:
    """One change of a member's roles. `wanted`: the whole set that is sent.

    `ours`: the roles that are the tracker's to give and take; what else changes is somebody else's doing, except for
    what this flight itself is to give back or take again (`loss`).
    """

    wanted: Roles
    ours: Roles
    loss: Loss = Loss(lost=frozenset(), unwanted=frozenset())
    others: Roles = frozenset()
    answered_at: float | None = None
    uncertain: bool = False
    echoed: bool = False
    lost: set[int] = field(default_factory=set)
    unwanted: set[int] = field(default_factory=set)

    def seen(self, roles: Roles) -> None:
        """The gateway says that the member has these roles now."""
        others = roles - self.ours
        if roles == self.wanted:
            due = (self.others | self.loss.lost) - self.loss.unwanted
            self.lost |= due - others
            self.unwanted |= others - due
            self.echoed = True
        else:  # before ours: what ours will undo. After it: what others have put right, or undone, themselves
            self.lost -= roles
            self.unwanted &= roles
        self.others = others


class Flights:
    """Heard by the gateway's listeners: a look into a dictionary for each change of a member."""

    def __init__(self) -> None:
        self._flying: dict[tuple[int, int], Flight] = {}
        self._losses: dict[GuildId, dict[UserId, Loss]] = {}

    def subscribe(self, events: Ears) -> None:
        """Hear what members' roles become, and who is not seen any more."""
        events.hear(hikari.MemberUpdateEvent, self._on_member)
        events.hear(hikari.MemberDeleteEvent, self._on_member_left)
        for kind in (hikari.GuildAvailableEvent, hikari.GuildUnavailableEvent, hikari.GuildLeaveEvent):
            events.hear(kind, self._on_guild)

    def begin(self, guild: GuildId, user: UserId, flight: Flight, held: Collection[int]) -> None:
        """A change is about to be sent, by all we know to a member who holds `held`."""
        before = self._flying.get((guild, user))
        if before is not None and before.echoed:  # its answer never came, but it arrived
            self._keep(guild, user, before)
        flight.others = frozenset(held) - flight.ours
        self._flying[guild, user] = flight

    def answered(self, guild: GuildId, user: UserId) -> None:
        """Discord has carried it out."""
        flight = self._flying.get((guild, user))
        if flight is not None:  # the guild was not lost sight of meanwhile
            flight.answered_at = time.monotonic()
            self._land(guild, user, flight)

    def unanswered(self, guild: GuildId, user: UserId) -> None:
        """Nobody knows whether Discord has carried it out; if it has, the gateway will tell."""
        flight = self._flying.get((guild, user))
        if flight is not None:
            flight.uncertain = True
            self._land(guild, user, flight)

    def refused(self, guild: GuildId, user: UserId) -> None:
        """Discord has not carried it out, and will not."""
        self._flying.pop((guild, user), None)

    def arriving(self, guild: GuildId, user: UserId) -> Roles | None:
        """The roles that the member has, of which the gateway has not told yet; None if it has told all."""
        flight = self._flying.get((guild, user))
        if flight is None or flight.answered_at is None:
            return None
        if time.monotonic() - flight.answered_at > _LONGEST_FLIGHT_S:
            del self._flying[guild, user]
            return None
        return flight.wanted

    def guilds_with_losses(self) -> Collection[GuildId]:
        """Where something is to be put right."""
        return list(self._losses)

    def take_losses(self, guild: GuildId) -> dict[UserId, Loss]:
        """What is to be put right in the guild; whoever takes it is to see to it."""
        return self._losses.pop(guild, {})

    def put_back(self, guild: GuildId, user: UserId, loss: Loss) -> None:
        """It could not be put right yet."""
        self._losses.setdefault(guild, {})[user] = loss

    async def _on_member(self, event: hikari.MemberUpdateEvent) -> None:
        key = (int(event.guild_id), int(event.user_id))
        flight = self._flying.get(key)
        if flight is not None:
            flight.seen(frozenset(int(role) for role in event.member.role_ids if role != event.guild_id))
            self._land(GuildId(key[0]), UserId(key[1]), flight)

    async def _on_member_left(self, event: hikari.MemberDeleteEvent) -> None:
        self._flying.pop((event.guild_id, event.user_id), None)

    async def _on_guild(
        self, event: hikari.GuildAvailableEvent | hikari.GuildUnavailableEvent | hikari.GuildLeaveEvent
    ) -> None:
        """What happened in between will never be told."""
        for key in [key for key in self._flying if key[0] == event.guild_id]:
            del self._flying[key]

    def _land(self, guild: GuildId, user: UserId, flight: Flight) -> None:
        if flight.echoed and (flight.uncertain or flight.answered_at is not None):
            del self._flying[guild, user]
            self._keep(guild, user, flight)

    def _keep(self, guild: GuildId, user: UserId, flight: Flight) -> None:
        if flight.lost or flight.unwanted:
            self.put_back(guild, user, Loss(lost=frozenset(flight.lost), unwanted=frozenset(flight.unwanted)))
