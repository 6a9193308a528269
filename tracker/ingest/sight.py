"""The fold's present state as the front-end may read it, between two events, on the event loop."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tracker.events.channel import ChannelDescribed
from tracker.events.settings import DEFAULTS, GuildSettings
from tracker.events.voice import Flags
from tracker.ids import ChannelId, GuildId, Ms, Partition, RoleId, UserId, partition_of
from tracker.projections.guild import GuildState
from tracker.projections.roster import Roster
from tracker.projections.state import PartitionState
from tracker.reports.boards import InVoice

__all__ = ["FoldSight", "KnownMember"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMember:
    """A member as the fold knows them."""

    user_id: UserId
    roster: Roster

    def is_named(self, name: str) -> bool:
        """Whether `name` is the name last heard of (only digests are kept in memory)."""
        return self.roster.is_named(self.user_id, name)

    @property
    def role_ids(self) -> tuple[RoleId, ...]:
        """The whole set, ascending, without @everyone."""
        return tuple(map(RoleId, self.roster.roles(self.user_id)))

    @property
    def bot(self) -> bool:
        """Known to be a bot."""
        return self.roster.is_bot(self.user_id)

    @property
    def opted_out(self) -> bool:
        """Asked not to be tracked: makes no events."""
        return self.roster.is_opted_out(self.user_id)


class FoldSight:
    """Reads the partitions' states; never changes one. `waiting`: guilds that wait to be counted anew."""

    __slots__ = ("_states", "waiting")

    def __init__(self, states: Mapping[Partition, PartitionState]) -> None:
        self._states = states
        self.waiting: Container[GuildId] = frozenset()

    def _guild(self, guild: GuildId) -> GuildState | None:
        return self._states[partition_of(guild, len(self._states))].guilds.get(guild)

    def guilds(self) -> Collection[GuildId]:
        """Every guild that ever had an event."""
        return [GuildId(guild) for state in self._states.values() for guild in state.guilds]

    def lacks_history(self, guild: GuildId) -> bool:
        """Whether history was added to the guild that its figures do not tell of yet."""
        return guild in self.waiting

    def lost_at(self, guild: GuildId) -> Ms | None:
        """Since when the tracker is away from the guild; None if it sees it (or never saw it)."""
        state = self._guild(guild)
        lost_at = None if state is None else state.lost_at
        return None if lost_at is None else Ms(lost_at)

    def all_settings(self) -> Iterable[tuple[GuildId, GuildSettings]]:
        """Every guild with the settings in force there."""
        return [
            (GuildId(g), guild.voice.settings) for state in self._states.values() for g, guild in state.guilds.items()
        ]

    def settings(self, guild: GuildId) -> GuildSettings:
        """The settings in force."""
        state = self._guild(guild)
        return DEFAULTS if state is None else state.voice.settings

    def season(self, guild: GuildId) -> tuple[str, Ms] | None:
        """The name of the running season and since when it runs; None if none was ever started."""
        state = self._guild(guild)
        return None if state is None or state.season is None else (state.season[0], Ms(state.season[1]))

    def bridge_ms(self, guild: GuildId) -> Ms:
        """How long an absence an open session survives."""
        return self.settings(guild).bridge_ms

    def in_voice(self, guild: GuildId) -> Iterable[UserId]:
        """The members with an open session."""
        state = self._guild(guild)
        return [] if state is None else [UserId(user) for user in state.voice.open]

    def in_tracked_voice(self, guild: GuildId) -> Sequence[InVoice]:
        """The open sessions in channels that are tracked now."""
        state = self._guild(guild)
        return [
            InVoice(
                user_id=UserId(user),
                channel_id=ChannelId(session.channel.id),
                channel_name=session.channel.name,
                since=Ms(session.started_at),
            )
            for user, session in ({} if state is None else state.voice.open).items()
            if session.channel.tracked
        ]

    def channel_of(self, guild: GuildId, user: UserId) -> ChannelId | None:
        """The channel of the member's open session, None if there is none."""
        found = self.voice_of(guild, user)
        return None if found is None else found[0]

    def voice_of(self, guild: GuildId, user: UserId) -> tuple[ChannelId, Flags] | None:
        """The channel and the flags of the member's open session, None if there is none."""
        state = self._guild(guild)
        return None if state is None else state.voice_of(user)

    def member(self, guild: GuildId, user: UserId) -> KnownMember | None:
        """A member who is in the guild; None if not known to be."""
        state = self._guild(guild)
        if state is None or not state.roster.is_present(user):
            return None
        return KnownMember(user_id=user, roster=state.roster)

    def is_silent(self, guild: GuildId, user: UserId) -> bool:
        """Whether a member makes no events: opted out, or known to be a bot. False of somebody not known to be one."""
        state = self._guild(guild)
        return state is not None and state.roster.is_silent(user)

    def members(self, guild: GuildId) -> Iterable[UserId]:
        """Who is known to be in the guild."""
        state = self._guild(guild)
        return [] if state is None else [UserId(user) for user in state.roster.present()]

    def channel(self, guild: GuildId, channel: ChannelId) -> ChannelDescribed | None:
        """The last description of the channel, None if there was none."""
        state = self._guild(guild)
        known = None if state is None else state.voice.channels.get(channel)
        if known is None or not known.described:
            return None
        parent = None if known.parent_id is None else ChannelId(known.parent_id)
        return ChannelDescribed(name=known.name, kind=known.kind, parent_id=parent, afk=known.afk)

    def role_name(self, guild: GuildId, role: RoleId) -> str | None:
        """The role's name, None if it was never described."""
        state = self._guild(guild)
        return None if state is None else state.role_names.get(role)
