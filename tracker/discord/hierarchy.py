"""Who stands above whom in each guild: the owner, the roles, and where among them the bot's own are.

hikari's cache stays off, so what decides beforehand whether Discord will let the bot change a member is kept here: at
most a few hundred small facts a guild. A guild is known from its snapshot on, as far as the gateway has told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import hikari

from tracker.discord.listeners import Ears
from tracker.ids import GuildId, RoleId, UserId

__all__ = ["DANGEROUS", "Hierarchy", "RoleFacts"]

_P = hikari.Permissions

DANGEROUS: Final = (
    _P.ADMINISTRATOR,
    _P.MANAGE_GUILD,
    _P.MANAGE_ROLES,
    _P.MANAGE_CHANNELS,
    _P.BAN_MEMBERS,
    _P.KICK_MEMBERS,
    _P.MODERATE_MEMBERS,
    _P.MANAGE_WEBHOOKS,
    _P.MANAGE_NICKNAMES,
    _P.MANAGE_MESSAGES,
    _P.MANAGE_THREADS,
    _P.MANAGE_EVENTS,
    _P.MANAGE_GUILD_EXPRESSIONS,
    _P.MENTION_ROLES,
    _P.MUTE_MEMBERS,
    _P.DEAFEN_MEMBERS,
    _P.MOVE_MEMBERS,
    _P.VIEW_AUDIT_LOG,
)
"""What nobody should be given for being active, the worst first."""

_NEEDED: Final = _P.MANAGE_ROLES | _P.MANAGE_NICKNAMES
_EVERYTHING: Final = _P.all_permissions()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """A role as Discord last described it. `managed`: it belongs to a bot, an integration or boosting."""

    name: str
    position: int
    permissions: hikari.Permissions
    managed: bool


@dataclass(slots=True, kw_only=True)
class _Guild:
    """`own`: the bot's own roles."""

    owner: int
    roles: dict[int, RoleFacts] = field(default_factory=dict)
    own: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """How far the bot's arm reaches. `beyond`: the roles that it may not give or take."""

    owner: int
    permissions: hikari.Permissions
    beyond: frozenset[int]

    def is_farther_than(self, before: _Reach) -> bool:
        """Whether something may work now that did not before."""
        gained = self.permissions & ~before.permissions & _NEEDED
        return bool(gained) or self.owner != before.owner or bool(before.beyond - self.beyond)


class Hierarchy:
    """Fed by the gateway; asked on the event loop. In a guild that is not known nothing stands above anything."""

    def __init__(self) -> None:
        self._guilds: dict[int, _Guild] = {}
        self._improved: set[GuildId] = set()

    def subscribe(self, events: Ears) -> None:
        """Hear what changes it."""
        events.hear(hikari.GuildAvailableEvent, self._on_snapshot)
        events.hear(hikari.GuildJoinEvent, self._on_snapshot)
        events.hear(hikari.GuildUpdateEvent, self._on_guild)
        events.hear(hikari.GuildUnavailableEvent, self._on_gone)
        events.hear(hikari.GuildLeaveEvent, self._on_gone)
        events.hear(hikari.RoleCreateEvent, self._on_role)
        events.hear(hikari.RoleUpdateEvent, self._on_role)
        events.hear(hikari.RoleDeleteEvent, self._on_role_deleted)
        events.hear(hikari.MemberUpdateEvent, self._on_member)
        events.hear(hikari.MemberChunkEvent, self._on_chunk)

    # -- what is known ---------------------------------------------------------------------------------------------

    def knows(self, guild: GuildId) -> bool:
        """Whether the guild's snapshot has come, and the guild has not gone since."""
        return guild in self._guilds

    def owner(self, guild: GuildId) -> UserId | None:
        """Who owns the guild; None if the guild is not known."""
        known = self._guilds.get(guild)
        return None if known is None else UserId(known.owner)

    def role(self, guild: GuildId, role: RoleId) -> RoleFacts | None:
        """The role; None if there is none of that id (any more)."""
        known = self._guilds.get(guild)
        return None if known is None else known.roles.get(role)

    def above_bot(self, guild: GuildId, role: RoleId) -> bool:
        """Whether the role does not stand below the highest of the bot's own: the bot may not give or take it."""
        known = self._guilds.get(guild)
        facts = None if known is None else known.roles.get(role)
        return known is not None and facts is not None and not _is_below(role, facts, _height(known))

    def highest_own(self, guild: GuildId) -> RoleFacts | None:
        """The highest of the bot's own roles; None if it has none, or the guild is not known."""
        known = self._guilds.get(guild)
        return None if known is None else known.roles.get(-_height(known)[1])

    def member_above_bot(self, guild: GuildId, user: UserId, role_ids: Iterable[int]) -> bool:
        """Whether a member with these roles cannot be renamed by the bot: nobody can but by standing higher."""
        known = self._guilds.get(guild)
        if known is None:
            return False
        if user == known.owner:
            return True
        height = _height(known)
        held = ((role, known.roles[role]) for role in role_ids if role in known.roles)
        return any(not _is_below(role, facts, height) for role, facts in held)

    def dangerous(self, guild: GuildId, role: RoleId) -> tuple[str, ...]:
        """The names of the permissions in a role that nobody should be given for being active, the worst first."""
        facts = self.role(guild, role)
        return () if facts is None else tuple(str(p.name) for p in DANGEROUS if facts.permissions & p)

    def bot_permissions(self, guild: GuildId) -> hikari.Permissions:
        """What the bot may do in the whole guild; none if the guild is not known."""
        known = self._guilds.get(guild)
        return _P.NONE if known is None else self._permissions(guild, known)

    def take_improved(self) -> frozenset[GuildId]:
        """The guilds in which, since this was last asked, something became possible that may not have been before.

        A guild that is seen (again) is one of them.
        """
        improved = frozenset(self._improved)
        self._improved.clear()
        return improved

    # -- what the gateway says -------------------------------------------------------------------------------------

    async def _on_snapshot(self, event: hikari.GuildAvailableEvent | hikari.GuildJoinEvent) -> None:
        me = event.members.get(event.shard.get_user_id())
        self._guilds[event.guild_id] = _Guild(
            owner=int(event.guild.owner_id),
            roles=_facts(event.roles),
            own=() if me is None else tuple(map(int, me.role_ids)),
        )
        self._improved.add(GuildId(event.guild_id))

    async def _on_gone(self, event: hikari.GuildUnavailableEvent | hikari.GuildLeaveEvent) -> None:
        self._guilds.pop(event.guild_id, None)
        self._improved.discard(GuildId(event.guild_id))

    async def _on_guild(self, event: hikari.GuildUpdateEvent) -> None:
        known = self._guilds.get(event.guild_id)
        if known is not None:
            before = self._reach(event.guild_id, known)
            known.owner, known.roles = int(event.guild.owner_id), _facts(event.roles)
            self._compare(event.guild_id, known, before)

    async def _on_role(self, event: hikari.RoleCreateEvent | hikari.RoleUpdateEvent) -> None:
        known = self._guilds.get(event.guild_id)
        if known is not None:
            before = self._reach(event.guild_id, known)
            known.roles[int(event.role_id)] = _facts_of(event.role)
            self._compare(event.guild_id, known, before)

    async def _on_role_deleted(self, event: hikari.RoleDeleteEvent) -> None:
        known = self._guilds.get(event.guild_id)
        if known is not None:
            before = self._reach(event.guild_id, known)
            known.roles.pop(int(event.role_id), None)
            self._compare(event.guild_id, known, before)

    async def _on_member(self, event: hikari.MemberUpdateEvent) -> None:
        if event.user_id == event.shard.get_user_id():
            self._hear_of_me(event.guild_id, event.member)

    async def _on_chunk(self, event: hikari.MemberChunkEvent) -> None:
        me = event.members.get(event.shard.get_user_id())
        if me is not None:
            self._hear_of_me(event.guild_id, me)

    def _hear_of_me(self, guild: int, me: hikari.Member) -> None:
        known = self._guilds.get(guild)
        if known is not None:
            before = self._reach(guild, known)
            known.own = tuple(map(int, me.role_ids))
            self._compare(guild, known, before)

    def _compare(self, guild: int, known: _Guild, before: _Reach) -> None:
        if self._reach(guild, known).is_farther_than(before):
            self._improved.add(GuildId(guild))

    def _reach(self, guild: int, known: _Guild) -> _Reach:
        height = _height(known)
        beyond = (r for r, facts in known.roles.items() if facts.managed or not _is_below(r, facts, height))
        return _Reach(owner=known.owner, permissions=self._permissions(guild, known), beyond=frozenset(beyond))

    @staticmethod
    def _permissions(guild: int, known: _Guild) -> hikari.Permissions:
        held = _P.NONE
        for role in (guild, *known.own):
            facts = known.roles.get(role)
            if facts is not None:
                held |= facts.permissions
        return _EVERYTHING if held & _P.ADMINISTRATOR else held


def _facts(roles: Mapping[hikari.Snowflake, hikari.Role]) -> dict[int, RoleFacts]:
    return {int(role_id): _facts_of(role) for role_id, role in roles.items()}


def _facts_of(role: hikari.Role) -> RoleFacts:
    return RoleFacts(name=role.name, position=role.position, permissions=role.permissions, managed=role.is_managed)


def _height(known: _Guild) -> tuple[int, int]:
    """Where the highest of the bot's own roles stands; of two in the same position the older one stands higher."""
    own = ((known.roles[role].position, -role) for role in known.own if role in known.roles)
    return max(own, default=(0, 0))


def _is_below(role: int, facts: RoleFacts, height: tuple[int, int]) -> bool:
    return (facts.position, -role) < height
