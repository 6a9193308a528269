"""A guild's history in a few words, for tests: `History().at("09:00").join(1, 10)…` gives events to fold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tracker.clock import to_ms
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Data, Event
from tracker.events.interaction import InteractionUsed, interaction_id
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent, message_deleted_id, message_sent_id
from tracker.events.rule import SettingsChanged
from tracker.events.ticks import tick
from tracker.events.voice import Flags, VoiceFlagsChanged, VoiceJoined, VoiceLeft, VoiceMoved
from tracker.ids import ChannelId, EventId, GuildId, MessageId, Ms, Partition, RoleId, UserId
from tracker.projections.ledger import VOICE_MS
from tracker.projections.rows import TABLES, Row
from tracker.projections.state import PartitionState

GUILD = GuildId(41_771_983_423_143_937)
MINUTE = 60_000
HOUR = 60 * MINUTE


class History:
    """Events of one guild, each at the instant set last. The first day is 2026-02-18 unless a date is given."""

    def __init__(self, guild: GuildId = GUILD) -> None:
        self.guild = guild
        self.now = Ms(0)
        self.events: list[Event] = []
        self.at("00:00")

    def at(self, text: str) -> History:
        """Set the instant: `HH:MM`, `HH:MM:SS` or a whole ISO one; UTC unless it says otherwise."""
        moment = datetime.fromisoformat(text if "T" in text else f"2026-02-18T{text}")
        self.now = to_ms(
            moment if moment.tzinfo else moment.replace(tzinfo=datetime.fromisoformat("2026-01-01T00:00Z").tzinfo)
        )
        return self

    def after(self, ms: int) -> History:
        """Let time pass."""
        self.now = Ms(self.now + ms)
        return self

    def add(self, data: Data, *, user: int | None = None, channel: int | None = None, id: str | None = None) -> History:  # noqa: A002
        """Any event."""
        self.events.append(
            Event(
                id=EventId(id or f"e{len(self.events)}"),
                guild_id=self.guild,
                user_id=None if user is None else UserId(user),
                channel_id=None if channel is None else ChannelId(channel),
                occurred_at=self.now,
                data=data,
            )
        )
        return self

    def settings(self, **document: Any) -> History:
        return self.add(SettingsChanged(settings=document))

    def channel(self, channel: int, name: str, *, parent: int | None = None, afk: bool = False) -> History:
        data = ChannelDescribed(name=name, parent_id=None if parent is None else ChannelId(parent), afk=afk)
        return self.add(data, channel=channel)

    def member(self, user: int, *roles: int, bot: bool = False) -> History:
        self.add(MemberJoined(bot=bot, name=f"member {user}"), user=user)
        return self.add(MemberRolesChanged(role_ids=tuple(map(RoleId, roles))), user=user) if roles else self

    def join(self, user: int, channel: int, flags: int = 0) -> History:
        return self.add(VoiceJoined(flags=Flags(flags)), user=user, channel=channel)

    def move(self, user: int, before: int, channel: int) -> History:
        return self.add(VoiceMoved(from_channel_id=ChannelId(before)), user=user, channel=channel)

    def leave(self, user: int, channel: int) -> History:
        return self.add(VoiceLeft(), user=user, channel=channel)

    def flags(self, user: int, channel: int, flags: int) -> History:
        return self.add(VoiceFlagsChanged(flags=Flags(flags)), user=user, channel=channel)

    def message(self, user: int, channel: int, message: int) -> History:
        return self.add(MessageSent(), user=user, channel=channel, id=message_sent_id(message))

    def delete(self, message: int, channel: int) -> History:
        data = MessageDeleted(message_id=MessageId(message))
        return self.add(data, channel=channel, id=message_deleted_id(message))

    def use(self, user: int, channel: int, interaction: int) -> History:
        return self.add(InteractionUsed(command="report"), user=user, channel=channel, id=interaction_id(interaction))

    def tick(self) -> History:
        self.events.append(tick(Partition(0), self.now))
        return self


class Folded:
    """The rows that a history leaves."""

    def __init__(self, history: History) -> None:
        self.state = PartitionState(partition=Partition(0))
        for event in history.events:
            self.state.apply(event)
        self.rows = self.state.drain().rows

    def table(self, name: str) -> list[Mapping[str, Any]]:
        """The rows of a table by column name."""
        return [dict(zip(TABLES[name].columns, row, strict=True)) for row in self.rows.get(name, [])]

    def daily(self, user: int) -> dict[tuple[int, int], Row]:
        """(day, channel) → the cells after the key, of one member."""
        return {(row[1], row[3]): row[4:] for row in self.rows.get("daily", []) if row[2] == user}

    def voice_ms(self, user: int) -> dict[int, int]:
        """day → voice_ms of one member."""
        found: dict[int, int] = {}
        for (day, _), cells in self.daily(user).items():
            found[day] = found.get(day, 0) + cells[VOICE_MS]
        return found

    def exp(self, user: int) -> int:
        """The member's all-time EXP."""
        return sum(row["exp"] for row in self.table("totals") if row["user_id"] == user)

    def sessions(self, user: int) -> list[tuple[int, int | None, int]]:
        """(channel, length or None while open, voice_ms) of each session, in order of their start."""
        mine = sorted((r for r in self.table("sessions") if r["user_id"] == user), key=lambda r: r["started_at"])
        return [
            (r["channel_id"], None if r["ended_at"] is None else r["ended_at"] - r["started_at"], r["voice_ms"])
            for r in mine
        ]
