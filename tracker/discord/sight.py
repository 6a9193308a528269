"""What the front-end asks of the rest of the house: what is already known, and where events go.

These are the shapes that `tracker.ingest` fills; nothing here is implemented. hikari's own cache stays off, so "known"
means known to the fold: the same state that the read models are written from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from tracker.clock import Clock
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Event
from tracker.events.settings import GuildSettings
from tracker.events.voice import Flags
from tracker.ids import ChannelId, GuildId, Ms, RoleId, UserId
from tracker.reports.boards import InVoice

__all__ = ["Intake", "KnownMember", "Sight"]


class KnownMember(Protocol):
    """A member as the fold knows them."""

    def is_named(self, name: str) -> bool:
        """Whether `name` is the one last heard (names themselves are not kept in memory)."""
        ...

    @property
    def role_ids(self) -> tuple[RoleId, ...]:
        """The whole set, ascending, without @everyone."""
        ...

    @property
    def bot(self) -> bool:
        """Known to be a bot."""
        ...

    @property
    def opted_out(self) -> bool:
        """Asked not to be tracked: makes no events."""
        ...


class Sight(Protocol):
    """The fold's present state, read on the event loop between two events."""

    def guilds(self) -> Collection[GuildId]:
        """Every guild that ever had an event."""
        ...

    def lost_at(self, guild: GuildId) -> Ms | None:
        """Since when the tracker is away from the guild; None if it sees it (or never saw it)."""
        ...

    def settings(self, guild: GuildId) -> GuildSettings:
        """The guild's settings in force."""
        ...

    def lacks_history(self, guild: GuildId) -> bool:
        """Whether history was added to the guild that its figures do not tell of yet."""
        ...

    def bridge_ms(self, guild: GuildId) -> Ms:
        """How long an absence an open session survives (`bridge_s` of the guild's settings)."""
        ...

    def in_voice(self, guild: GuildId) -> Iterable[UserId]:
        """The members with an open session."""
        ...

    def in_tracked_voice(self, guild: GuildId) -> Sequence[InVoice]:
        """The open sessions in channels that are tracked now."""
        ...

    def channel_of(self, guild: GuildId, user: UserId) -> ChannelId | None:
        """The channel of the member's open session, None if there is none."""
        ...

    def voice_of(self, guild: GuildId, user: UserId) -> tuple[ChannelId, Flags] | None:
        """The channel and the flags of the member's open session, None if there is none."""
        ...

    def member(self, guild: GuildId, user: UserId) -> KnownMember | None:
        """A member who is in the guild; None if not known to be."""
        ...

    def is_silent(self, guild: GuildId, user: UserId) -> bool:
        """Whether a member makes no events: opted out, or known to be a bot. False of somebody not known to be one."""
        ...

    def members(self, guild: GuildId) -> Iterable[UserId]:
        """Who is known to be in the guild."""
        ...

    def channel(self, guild: GuildId, channel: ChannelId) -> ChannelDescribed | None:
        """The last description of the channel, None if there was none."""
        ...

    def role_name(self, guild: GuildId, role: RoleId) -> str | None:
        """The role's name, None if it was never described."""
        ...


class Intake(Protocol):
    """Where the front-end delivers. Everything but `flush`, `look` and `room` is synchronous and does no I/O."""

    @property
    def sight(self) -> Sight:
        """What is known after the last accepted event."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock that receipt times come from."""
        ...

    def accept(self, *events: Event) -> None:
        """Stamp, fold and buffer."""
        ...

    def gone(self, guild_ids: Iterable[GuildId], at: Ms) -> None:
        """The tracker lost sight of these guilds at `at`; the ones that are lost already stay as they are."""
        ...

    def hold(self, key: object) -> None:
        """No tick from now on until `key` is released."""
        ...

    def release(self, key: object) -> None:
        """Undo `hold`; harmless if there was none."""
        ...

    async def room(self) -> None:
        """Wait while the buffer is full; return at once otherwise."""
        ...

    async def flush(self) -> object:
        """Write what is buffered, and the read models as of now (as of the last tick while anything holds)."""
        ...

    async def look(self, guild: GuildId) -> object:
        """Write what is buffered, and bring what is kept of the guild in memory to now; the read models follow."""
        ...
