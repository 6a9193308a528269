"""Voice as others see it: the kernel's open sessions as objects."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracker.events.voice import Flags
from tracker.projections.kernel.layout import (
    C_ID, G_OPEN, G_SESSIONS, M_SESSION, M_USER, N_DAY, N_NEXT, SESSION, S_CARRY, S_CHANNEL, S_DAY, S_DAYS, S_EXP,
    S_FLAGS, S_MEMBER, S_NEXT_IN_GUILD, S_SINCE, S_STARTED, S_VOICE_MS,
)  # fmt: skip

if TYPE_CHECKING:
    from tracker.events.settings import GuildSettings
    from tracker.projections.channels import Channel
    from tracker.projections.guild import GuildState

__all__ = ["OpenSessions", "Voice", "VoiceSession"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSession:
    """An open session and how far it has been counted.

    `since`: the instant up to which its time is credited. `carry`: eligible ms since the last award, over sessions.
    `days`: the local days (yyyymmdd) on which it had tracked time.
    """

    user_id: int
    channel: Channel
    started_at: int
    since: int
    flags: Flags
    carry: int
    voice_ms: int
    exp: int
    days: tuple[int, ...]


class OpenSessions(Mapping[int, VoiceSession]):
    """The guild's open sessions by user id, as they are at the moment of looking."""

    __slots__ = ("_guild",)

    def __init__(self, guild: GuildState) -> None:
        self._guild = guild

    def __len__(self) -> int:
        return self._guild.memory.heap[self._guild.row + G_OPEN]

    def __iter__(self) -> Iterator[int]:
        heap = self._guild.memory.heap
        users = []
        session = heap[self._guild.row + G_SESSIONS]
        while session >= 0:
            users.append(heap[heap[session + S_MEMBER] + M_USER])
            session = heap[session + S_NEXT_IN_GUILD]
        return iter(users)

    def __getitem__(self, user: int) -> VoiceSession:
        heap = self._guild.memory.heap
        session = heap[self._guild.members[user] + M_SESSION]
        if session < 0:
            raise KeyError(user)
        row = heap[session : session + SESSION]
        days, node = [], row[S_DAYS]
        while node >= 0:
            days.append(heap[node + N_DAY])
            node = heap[node + N_NEXT]
        if row[S_DAY]:
            days.append(row[S_DAY])
        return VoiceSession(
            user_id=user,
            channel=self._guild.channels[heap[row[S_CHANNEL] + C_ID]],
            started_at=row[S_STARTED],
            since=row[S_SINCE],
            flags=Flags(row[S_FLAGS]),
            carry=row[S_CARRY],
            voice_ms=row[S_VOICE_MS],
            exp=row[S_EXP],
            days=tuple(reversed(days)),
        )


class Voice:
    """One guild's voice: the settings in force, the channels by id and the open sessions by user id."""

    __slots__ = ("_guild", "open")

    def __init__(self, guild: GuildState) -> None:
        self._guild = guild
        self.open = OpenSessions(guild)

    @property
    def settings(self) -> GuildSettings:
        """The settings in force."""
        return self._guild.settings

    @property
    def channels(self) -> Mapping[int, Channel]:
        """Every channel that was ever heard of."""
        return self._guild.channels
