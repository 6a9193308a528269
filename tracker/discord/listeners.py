"""From hikari's events to the ingest. Each listener does its work without awaiting, so events keep the gateway's order.

A gateway session that is resumed has missed nothing. A new one has: its guilds are lost from the instant at which the
old connection fell silent until the snapshot of each arrives, which `resync` compares with what is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import hikari

from tracker.discord import describe, translate
from tracker.discord.arrivals import Arrivals, found_in
from tracker.discord.gate import Listener
from tracker.discord.resync import Present, close_all, resync
from tracker.discord.roll import Roll
from tracker.discord.sight import Intake
from tracker.events.envelope import Event
from tracker.ids import ChannelId, GuildId, Ms, RoleId, UserId, mint_event_id

__all__ = ["Ears", "Listeners"]


class Ears(Protocol):
    """hikari's event manager, as `gate` makes it."""

    def hear(self, kind: type[hikari.Event], listener: Listener) -> None:
        """Handle events of exactly this kind with a listener that never awaits."""
        ...


class Listeners:
    """Hears what the gateway says and tells the ingest.

    It keeps what only Discord's own events can tell and no fold needs: each thread's parent, each guild's AFK channel,
    since when a shard is silent, and the messages of a guild whose snapshot has not come yet. `arrivals` (None: nobody)
    is told what is found in a guild that is seen again.
    """

    def __init__(self, intake: Intake, arrivals: Arrivals | None = None) -> None:
        self._intake = intake
        self._arrivals = arrivals
        self._roll = Roll(intake)
        self._threads: dict[int, ChannelId] = {}
        self._afk: dict[int, ChannelId | None] = {}
        self._silent_since: dict[int, Ms] = {}
        self._early: dict[GuildId, list[Event]] = {}
        self._closing = False

    def subscribe(self, events: Ears) -> None:
        """Hear everything that makes a fact, and nothing else: hikari skips the decoding of what nobody hears."""
        heard: dict[type[hikari.Event], Listener] = {
            hikari.VoiceStateUpdateEvent: self._on_voice,
            hikari.GuildMessageCreateEvent: self._on_message,
            hikari.GuildMessageDeleteEvent: self._on_delete,
            hikari.GuildBulkMessageDeleteEvent: self._on_bulk_delete,
            hikari.InteractionCreateEvent: self._on_interaction,
            hikari.MemberCreateEvent: self._on_member,
            hikari.MemberUpdateEvent: self._on_member,
            hikari.MemberDeleteEvent: self._on_member_left,
            hikari.MemberChunkEvent: self._on_chunk,
            hikari.RequestGuildMembersRateLimitedEvent: self._on_limited,
            hikari.GuildChannelCreateEvent: self._on_channel,
            hikari.GuildChannelUpdateEvent: self._on_channel,
            hikari.GuildThreadCreateEvent: self._on_thread,
            hikari.GuildThreadAccessEvent: self._on_thread,
            hikari.GuildThreadUpdateEvent: self._on_thread,
            hikari.GuildThreadDeleteEvent: self._on_thread_deleted,
            hikari.ThreadListSyncEvent: self._on_threads,
            hikari.RoleCreateEvent: self._on_role,
            hikari.RoleUpdateEvent: self._on_role,
            hikari.RoleDeleteEvent: self._on_role_deleted,
            hikari.GuildUpdateEvent: self._on_guild_update,
            hikari.GuildAvailableEvent: self._on_snapshot,
            hikari.GuildJoinEvent: self._on_snapshot,
            hikari.GuildUnavailableEvent: self._on_unavailable,
            hikari.GuildLeaveEvent: self._on_removed,
            hikari.ShardReadyEvent: self._on_new_session,
            hikari.ShardResumedEvent: self._on_resumed,
            hikari.ShardDisconnectedEvent: self._on_disconnected,
        }
        for kind, listener in heard.items():
            events.hear(kind, listener)

    def is_current(self, guild: GuildId) -> bool:
        """Whether all that the gateway has to tell of the guild's members is known: no silence, no open roll call."""
        lost = self._intake.sight.lost_at(guild) is not None
        return not (lost or self._silent_since or self._roll.calls(guild))

    async def close(self) -> None:
        """Stop what runs by itself. The silence that follows is our own doing and holds nothing."""
        self._closing = True
        await self._roll.close()

    # -- activity --------------------------------------------------------------------------------------------------

    async def _on_voice(self, event: hikari.VoiceStateUpdateEvent) -> None:
        sight = self._intake.sight
        fact = translate.voice(event.state, sight, self._intake.clock.now())
        if fact is not None and sight.lost_at(fact.guild_id) is None:  # else the snapshot to come says who is where
            self._intake.accept(fact)

    async def _on_message(self, event: hikari.GuildMessageCreateEvent) -> None:
        self._accept_in_time(translate.message(event, self._intake.sight, self._threads))

    async def _on_delete(self, event: hikari.GuildMessageDeleteEvent) -> None:
        now = self._intake.clock.now()
        self._accept_in_time(
            *translate.deletions(event.guild_id, event.channel_id, [event.message_id], self._threads, now)
        )

    async def _on_bulk_delete(self, event: hikari.GuildBulkMessageDeleteEvent) -> None:
        now = self._intake.clock.now()
        self._accept_in_time(
            *translate.deletions(event.guild_id, event.channel_id, event.message_ids, self._threads, now)
        )

    async def _on_interaction(self, event: hikari.InteractionCreateEvent) -> None:
        self._accept_in_time(translate.interaction(event.interaction, self._intake.sight, self._threads))

    def _accept_in_time(self, *facts: Event | None) -> None:
        """Accept; but what a lost guild's members write waits for its snapshot.

        Otherwise it would push the guild's time beyond the instant at which unseen sessions must end.
        """
        for fact in facts:
            if fact is None:
                continue
            if self._intake.sight.lost_at(fact.guild_id) is None:
                self._intake.accept(fact)
            else:
                self._early.setdefault(fact.guild_id, []).append(fact)

    # -- members, channels, roles ----------------------------------------------------------------------------------

    async def _on_member(self, event: hikari.MemberCreateEvent | hikari.MemberUpdateEvent) -> None:
        self._roll.joined(GuildId(event.guild_id), UserId(event.user_id))
        if self._intake.sight.lost_at(GuildId(event.guild_id)) is None:
            self._intake.accept(*describe.member(event.member, self._intake.sight, self._intake.clock.now()))

    async def _on_member_left(self, event: hikari.MemberDeleteEvent) -> None:
        guild, user, sight = GuildId(event.guild_id), UserId(event.user_id), self._intake.sight
        if sight.lost_at(guild) is None:
            self._intake.accept(*describe.left(guild, user, sight, self._intake.clock.now()))

    async def _on_chunk(self, event: hikari.MemberChunkEvent) -> None:
        guild = GuildId(event.guild_id)
        if self._intake.sight.lost_at(guild) is None:
            facts = list(self._roll.answered(event))
            self._intake.accept(*facts)
            if self._arrivals is not None:
                self._arrivals.answered(guild, facts, complete=not self._roll.calls(guild))

    async def _on_limited(self, event: hikari.RequestGuildMembersRateLimitedEvent) -> None:
        self._roll.limited(event)

    async def _on_channel(self, event: hikari.GuildChannelCreateEvent | hikari.GuildChannelUpdateEvent) -> None:
        afk = self._afk.get(event.guild_id) == ChannelId(event.channel_id)
        now = self._intake.clock.now()
        if self._intake.sight.lost_at(GuildId(event.guild_id)) is None:
            self._intake.accept(*describe.channel(event.channel, afk=afk, sight=self._intake.sight, now=now))

    async def _on_role(self, event: hikari.RoleCreateEvent | hikari.RoleUpdateEvent) -> None:
        if self._intake.sight.lost_at(GuildId(event.guild_id)) is None:
            self._intake.accept(*describe.role(event.role, self._intake.sight, self._intake.clock.now()))

    async def _on_role_deleted(self, event: hikari.RoleDeleteEvent) -> None:
        guild, sight, now = GuildId(event.guild_id), self._intake.sight, self._intake.clock.now()
        if sight.lost_at(guild) is None:
            self._intake.accept(*describe.without_role(guild, RoleId(event.role_id), sight, now))

    async def _on_guild_update(self, event: hikari.GuildUpdateEvent) -> None:
        """The one thing in it that counts: another AFK channel."""
        guild, sight, now = GuildId(event.guild_id), self._intake.sight, self._intake.clock.now()
        before, afk = self._afk.get(guild), _channel_id(event.guild.afk_channel_id)
        self._afk[guild] = afk
        if before == afk or sight.lost_at(guild) is not None:
            return
        for channel in (before, afk):
            known = None if channel is None else sight.channel(guild, channel)
            if known is not None and known.afk != (channel == afk):
                data = replace(known, afk=channel == afk)
                event_id = mint_event_id(now)
                self._intake.accept(Event(id=event_id, guild_id=guild, channel_id=channel, occurred_at=now, data=data))

    # -- threads ---------------------------------------------------------------------------------------------------

    async def _on_thread(
        self, event: hikari.GuildThreadCreateEvent | hikari.GuildThreadAccessEvent | hikari.GuildThreadUpdateEvent
    ) -> None:
        self._threads[event.thread_id] = ChannelId(event.thread.parent_id)

    async def _on_thread_deleted(self, event: hikari.GuildThreadDeleteEvent) -> None:
        self._threads.pop(event.thread_id, None)

    async def _on_threads(self, event: hikari.ThreadListSyncEvent) -> None:
        self._threads.update((int(t), ChannelId(thread.parent_id)) for t, thread in event.threads.items())

    # -- seeing guilds and losing sight of them ----------------------------------------------------------------------

    async def _on_snapshot(self, event: hikari.GuildAvailableEvent | hikari.GuildJoinEvent) -> None:
        guild, sight, now = GuildId(event.guild_id), self._intake.sight, self._intake.clock.now()
        afk = self._afk[guild] = _channel_id(event.guild.afk_channel_id)
        self._threads.update((int(t), ChannelId(thread.parent_id)) for t, thread in event.threads.items())
        differences: list[Event] = []
        for channel in event.channels.values():
            differences += describe.channel(channel, afk=ChannelId(channel.id) == afk, sight=sight, now=now)
        for role in event.roles.values():
            differences += describe.role(role, sight, now)
        for member in event.members.values():
            differences += describe.member(member, sight, now)
        there = {
            UserId(user): Present(channel_id=ChannelId(state.channel_id), flags=translate.flags_in(state))
            for user, state in event.voice_states.items()
            if state.channel_id is not None and not (state.member is not None and state.member.is_bot)
        }
        open_before, lost_at = len(set(sight.in_voice(guild))), sight.lost_at(guild)
        seen_before = lost_at is not None and any(True for _ in sight.members(guild))
        facts = resync(guild, there, sight, back_at=now, differences=differences)
        self._intake.accept(*facts)
        self._intake.accept(*self._early.pop(guild, ()))
        self._roll.call(event.shard, guild)
        if self._arrivals is not None:
            away_ms = Ms(now - lost_at) if lost_at is not None and seen_before else None
            self._arrivals.seen(guild, found_in(facts, open_before=open_before, away_ms=away_ms), facts)

    async def _on_unavailable(self, event: hikari.GuildUnavailableEvent) -> None:
        self._lose(GuildId(event.guild_id))

    async def _on_removed(self, event: hikari.GuildLeaveEvent) -> None:
        guild = GuildId(event.guild_id)
        self._lose(guild)
        self._close(guild)
        self._early.pop(guild, None)
        self._afk.pop(guild, None)

    def _lose(self, guild: GuildId) -> None:
        self._roll.drop(guild)
        if self._arrivals is not None:
            self._arrivals.lost(guild)
        self._intake.gone([guild], self._intake.clock.now())

    def _close(self, guild: GuildId) -> None:
        lost_at = self._intake.sight.lost_at(guild)
        if lost_at is not None:
            self._intake.accept(*close_all(guild, self._intake.sight, lost_at))

    # -- gateway sessions ------------------------------------------------------------------------------------------

    def silent(self, shard_id: int) -> None:
        """From now on nothing is heard from the shard: time may not go on until it is known what was missed."""
        if shard_id not in self._silent_since and not self._closing:
            self._silent_since[shard_id] = self._intake.clock.now()
            self._intake.hold(("shard", shard_id))

    async def _on_disconnected(self, event: hikari.ShardDisconnectedEvent) -> None:
        self.silent(event.shard.id)

    async def _on_resumed(self, event: hikari.ShardResumedEvent) -> None:
        """Discord has sent again what was missed: nothing to do but to let time go on."""
        self._heard_again(event.shard.id)
        self._roll.call_again(event.shard.id)

    async def _on_new_session(self, event: hikari.ShardReadyEvent) -> None:
        shard, now = event.shard, self._intake.clock.now()
        known = [g for g in self._intake.sight.guilds() if (g >> 22) % shard.shard_count == shard.id]
        self._intake.gone(known, self._silent_since.get(shard.id, now))
        ours = {GuildId(guild) for guild in event.unavailable_guilds}
        for guild in known:
            self._roll.drop(guild)
            if self._arrivals is not None:
                self._arrivals.lost(guild)
            if guild not in ours:
                self._close(guild)
        self._heard_again(shard.id)

    def _heard_again(self, shard_id: int) -> None:
        self._silent_since.pop(shard_id, None)
        self._intake.release(("shard", shard_id))


def _channel_id(value: int | None) -> ChannelId | None:
    return None if value is None else ChannelId(value)
