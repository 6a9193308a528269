"""Voice sessions and the channels they are in: the state of the open-session fold."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracker.events.settings import GuildSettings, Rule
from tracker.events.voice import DEAF, MUTE, SELF_DEAF, SELF_MUTE, SUPPRESS, Flags
from tracker.projections.rows import Row
from tracker.projections.unearned import AFK_MS, ALONE_MS, DEAF_MS, IGNORED_MS, MUTED_MS

__all__ = ["ChannelState", "VoiceSession"]

_DEAF = SELF_DEAF | DEAF
_MUTED = SELF_MUTE | MUTE | SUPPRESS


@dataclass(slots=True, kw_only=True, eq=False)
class ChannelState:
    """`described` is False for a channel that was only ever heard of. `open`: the sessions in it, by user id.

    `tracked`, `rule` and `percent` follow from the description and the settings: see `weigh`.
    """

    id: int
    name: str = ""
    kind: str = ""
    parent_id: int | None = None
    afk: bool = False
    described: bool = False
    tracked: bool = True
    rule: Rule | None = None
    percent: int = 100
    min_members: int = 1
    barred: int = 0
    open: dict[int, VoiceSession] = field(default_factory=dict)
    carries: dict[int, int] = field(default_factory=dict)

    def weigh(self, settings: GuildSettings) -> None:
        """Work out anew what these settings say of this channel (SEMANTICS §5, §6)."""
        pattern = settings.ignore_pattern
        self.tracked = not (
            self.afk
            or self.id in settings.ignore_channels
            or (self.parent_id is not None and self.parent_id in settings.ignore_categories)
            or (pattern is not None and pattern.search(self.name) is not None)
        )
        self.rule = settings.voice_channels.get(self.id)
        if self.rule is None and self.parent_id is not None:
            self.rule = settings.voice_categories.get(self.parent_id)
        if self.rule is None:
            self.rule = settings.voice_default
        self.percent = settings.channel_percent.get(self.id, 100)
        self.min_members = settings.min_members
        self.barred = (_DEAF if settings.undeafened else 0) | (_MUTED if settings.unmuted else 0)

    def why_not(self, flags: int) -> int | None:
        """Why a member's time with these flags does not count for EXP here, with those who are in the channel now.

        A cell of an unearned row, the first reason that applies; None: the time is eligible. It is without a rule too:
        a rule that comes later finds the carry.
        """
        if not self.tracked:
            return AFK_MS if self.afk else IGNORED_MS
        if len(self.open) < self.min_members:
            return ALONE_MS
        barred = flags & self.barred
        if barred:
            return DEAF_MS if barred & _DEAF else MUTED_MS
        return None


@dataclass(slots=True, kw_only=True, eq=False)
class VoiceSession:
    """A session and how far it has been counted.

    `since`: the instant up to which its time is credited. `carry`: eligible ms since the last award, over sessions.
    `why_not`: the cell of an unearned row that its time goes into now, None while it is eligible.
    `days`: the local days (yyyymmdd) on which it had tracked time. `ended_at`: None while open.
    """

    user_id: int
    channel: ChannelState
    started_at: int
    since: int
    flags: Flags
    carry: int
    why_not: int | None = None
    ended_at: int | None = None
    voice_ms: int = 0
    exp: int = 0
    days: tuple[int, ...] = ()

    def row(self, key: Row) -> Row:
        """This session as a row of the table `sessions`; `key` is (guild_id, user_id, started_at)."""
        return (*key, self.channel.id, self.ended_at, self.flags, self.voice_ms, self.exp, self.carry)
