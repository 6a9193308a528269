"""Generated communities: a guild's history that could have come from Discord.

Hypothesis draws a list of small moves (how long after the last one, what, who, where); `Story` turns each into the
events that the tracker would append, keeping to what can be true: nobody leaves a channel he is not in, a tracker
that is away sees nothing, a bot makes no voice events, the forgotten never come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.properties.documents import BASES, CATEGORIES, CHANNELS, ROLES, TEXT_CHANNELS, documents
from tracker.clock import from_ms, to_ms
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Data, Event
from tracker.events.interaction import InteractionUsed, interaction_id
from tracker.events.member import (
    MemberForgotten,
    MemberJoined,
    MemberLeft,
    MemberOptedIn,
    MemberOptedOut,
    MemberRolesChanged,
)
from tracker.events.message import MessageDeleted, MessageSent, message_deleted_id, message_sent_id
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.events.voice import MUTE, SELF_DEAF, SUPPRESS, Flags, VoiceFlagsChanged, VoiceJoined, VoiceLeft, VoiceMoved
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, EventId, GuildId, MessageId, Ms, RoleId, UserId

__all__ = ["GUILD", "MEMBERS", "Community", "Story", "communities"]

GUILD = GuildId(1_403_600_000_000_000_000)
MEMBERS = tuple(UserId(1_100 + n) for n in range(4))
BOT = UserId(1_199)
NAMES = ("공부방", "대기실", "Spectator seats", "general", "waiting", "AFK")
MINUTE, HOUR = 60_000, 3_600_000


@dataclass(frozen=True)
class Community:
    """One guild's events in canonical order, and the instant at which its numbers are asked for."""

    events: tuple[Event, ...]
    until: Ms
    zone: str

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What Hypothesis prints of a community that breaks a property: a line an event."""
        del cycle
        printer.text(repr(self))

    def __repr__(self) -> str:
        lines = [
            f"{from_ms(e.occurred_at):%m-%dT%H:%M:%S.%f} {e.occurred_at} u={e.user_id} c={e.channel_id} {e.data}"
            for e in self.events
        ]
        return "\n".join([f"until {from_ms(self.until):%m-%dT%H:%M:%S.%f} {self.until} {self.zone}", *lines])


@dataclass
class Story:
    """The state of a made-up Discord guild while its history is written."""

    now: int
    zone: ZoneInfo
    documents: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    where: dict[UserId, ChannelId] = field(default_factory=dict)
    sent: list[MessageId] = field(default_factory=list)
    opted_out: set[UserId] = field(default_factory=set)
    gone: set[UserId] = field(default_factory=set)
    forgotten: set[UserId] = field(default_factory=set)
    bridge_ms: int = 600_000
    lost: bool = False
    _serial: int = 0

    def add(
        self, data: Data, user: UserId | None = None, channel: ChannelId | None = None, *, event_id: str = ""
    ) -> None:
        """Append an event at `now`."""
        self._serial += 1
        self.events.append(
            Event(
                id=EventId(event_id or f"e{self._serial:06d}"),
                guild_id=GUILD,
                user_id=user,
                channel_id=channel,
                occurred_at=Ms(self.now),
                data=data,
            )
        )

    def snowflake(self) -> int:
        """A new id of this instant."""
        self._serial += 1
        return (self.now - DISCORD_EPOCH_MS) << 22 | self._serial

    def wait(self, gap: tuple[str, int]) -> None:
        """Let time pass: some ms, or until about the next local midnight."""
        kind, amount = gap
        if kind == "ms":
            self.now += amount
            return
        local = from_ms(self.now).astimezone(self.zone).date() + timedelta(days=1)
        midnight = to_ms(datetime(local.year, local.month, local.day, tzinfo=self.zone).astimezone(UTC))
        self.now = max(self.now, midnight + amount)

    def play(self, kind: str, who: int, where: int, extra: int) -> None:
        """One move of a member (or of the guild)."""
        user = MEMBERS[who % len(MEMBERS)]
        if user in self.forgotten:
            return
        if kind in ("settings", "season", "describe", "adjust", "delete", "bot", "lose"):
            getattr(self, f"_{kind}")(user, where, extra)
        elif kind == "opt" or user not in self.opted_out:
            if user in self.gone:
                self.gone.discard(user)
                self.add(MemberJoined(name=f"m{user}"), user)
            getattr(self, f"_{kind}")(user, where, extra)

    def _voice(self, user: UserId, where: int, extra: int) -> None:
        channel, flags = ChannelId(CHANNELS[where % len(CHANNELS)]), _flags(extra)
        at = self.where.get(user)
        if at is None:
            self.add(VoiceJoined(flags=flags), user, channel)
            self.where[user] = channel
        elif extra % 3 == 0:
            self.add(VoiceLeft(), user, self.where.pop(user))
        elif at == channel:
            self.add(VoiceJoined(flags=flags), user, channel)  # another device in the same channel
        else:
            self.add(VoiceMoved(from_channel_id=at, flags=flags), user, channel)
            self.where[user] = channel

    def _flags(self, user: UserId, where: int, extra: int) -> None:
        if self.where:
            user = sorted(self.where)[where % len(self.where)]
            self.add(VoiceFlagsChanged(flags=_flags(extra)), user, self.where[user])

    def _message(self, user: UserId, where: int, extra: int) -> None:
        message = MessageId(self.snowflake())
        self.sent.append(message)
        places = TEXT_CHANNELS + CHANNELS[:2]
        channel = ChannelId(places[where % len(places)])
        thread = ChannelId(999) if extra % 5 == 0 else None
        self.add(MessageSent(thread_id=thread), user, channel, event_id=message_sent_id(message))

    def _delete(self, user: UserId, where: int, extra: int) -> None:
        del user
        if self.sent:
            message = self.sent.pop(-1 - extra % min(3, len(self.sent)))
            channel = ChannelId(TEXT_CHANNELS[where % len(TEXT_CHANNELS)])
            self.add(MessageDeleted(message_id=message), None, channel, event_id=message_deleted_id(message))

    def _interaction(self, user: UserId, where: int, extra: int) -> None:
        del extra
        channel = ChannelId(TEXT_CHANNELS[where % len(TEXT_CHANNELS)])
        self.add(InteractionUsed(command="report"), user, channel, event_id=interaction_id(self.snowflake()))

    def _roles(self, user: UserId, where: int, extra: int) -> None:
        held = tuple(RoleId(role) for bit, role in enumerate(ROLES) if (where + extra) >> bit & 1)
        self.add(MemberRolesChanged(role_ids=held), user)

    def _settings(self, user: UserId, where: int, extra: int) -> None:
        document: Mapping[str, Any] = self.documents[(where + extra) % len(self.documents)]
        self.bridge_ms = document.get("bridge_s", 600) * 1000
        self.add(SettingsChanged(settings=document, by=(None, BOT)[where % 2]))

    def _season(self, user: UserId, where: int, extra: int) -> None:
        self.add(SeasonStarted(name=f"season {extra}"))
        if extra % 2:  # somebody tidies up: what goes now was given in the season before
            self._delete(user, where, extra)

    def _describe(self, user: UserId, where: int, extra: int) -> None:
        del user
        parent = (None, *map(ChannelId, CATEGORIES))[extra % 3]
        data = ChannelDescribed(name=NAMES[extra % len(NAMES)], parent_id=parent, afk=extra % 4 == 3)
        self.add(data, None, ChannelId(CHANNELS[where % len(CHANNELS)]))

    def _adjust(self, user: UserId, where: int, extra: int) -> None:
        self.add(ExpAdjusted(amount=extra * 3 - where, by=BOT), user)

    def _opt(self, user: UserId, where: int, extra: int) -> None:
        del where, extra
        if user in self.opted_out:
            self.opted_out.discard(user)
            self.add(MemberOptedIn(), user)
        else:
            self.opted_out.add(user)
            self.where.pop(user, None)
            self.add(MemberOptedOut(), user)

    def _leave(self, user: UserId, where: int, extra: int) -> None:
        del where
        at = self.where.pop(user, None)
        if at is not None and extra % 2:
            self.add(VoiceLeft(), user, at)
        self.gone.add(user)
        self.add(MemberLeft(), user)

    def _forget(self, user: UserId, where: int, extra: int) -> None:
        del where, extra
        self.forgotten.add(user)
        self.where.pop(user, None)
        self.add(MemberForgotten(), user)

    def _bot(self, user: UserId, where: int, extra: int) -> None:
        """What a bot does is not seen; should it be in the log all the same, it counts for nothing."""
        del user
        channel = ChannelId(CHANNELS[where % len(CHANNELS)])
        if extra % 2:
            self.add(VoiceJoined(), BOT, channel)
        else:
            self.add(MessageSent(), BOT, channel, event_id=message_sent_id(self.snowflake()))

    def _lose(self, user: UserId, where: int, extra: int) -> None:
        """The outage table of SEMANTICS §4; now and then the tracker does not come back."""
        del user
        self.add(TrackerLost())
        away = (1000, 5 * MINUTE, 10 * MINUTE, 10 * MINUTE + 1, HOUR, 26 * HOUR)[extra % 6]
        if where == 7 and extra % 3 == 0:
            self.lost = True
        if extra % 4 == 0:  # the command line writes meanwhile; what is found out later is not stamped earlier
            self.now += away // 2
            away -= away // 2
            self._settings(MEMBERS[0], where, extra // 4)
            if extra % 8 == 0:
                self._season(MEMBERS[0], where, extra)
            if MEMBERS[1] not in self.forgotten:
                self._adjust(MEMBERS[1], where, extra)
        if self.lost:
            return
        back: list[tuple[UserId, ChannelId]] = []
        for number, member in enumerate(MEMBERS):
            seen = self._snapshot(member, where + extra + number)
            at = self.where.get(member)
            if at is not None and not (seen == at and away <= self.bridge_ms):
                self.add(VoiceLeft(reason="outage"), member, self.where.pop(member))
            if seen is not None and member not in self.where:
                back.append((member, seen))
        self.now += away
        self.add(TrackerReturned())
        for member, channel in back:
            self.where[member] = channel
            self.add(VoiceJoined(reason="observed", flags=_flags(extra)), member, channel)

    def _snapshot(self, member: UserId, dice: int) -> ChannelId | None:
        """Where a member is found when the tracker is back."""
        if member in self.forgotten | self.opted_out | self.gone or dice % 4 == 0:
            return None
        if dice % 4 == 1:
            return ChannelId(CHANNELS[dice % len(CHANNELS)])
        return self.where.get(member)


def _flags(extra: int) -> Flags:
    """Mostly one flag at a time, so that each of them matters alone."""
    return Flags((0, 0, 1 << extra % 7, 1 << extra % 7, SUPPRESS, MUTE, SELF_DEAF, 127)[extra // 7 % 8])


KINDS = (
    ["voice"] * 12 + ["flags"] * 3 + ["message"] * 6 + ["delete"] * 3 + ["interaction"] * 3 + ["settings"] * 3
    + ["describe"] * 3 + ["roles"] * 2 + ["season"] * 2 + ["adjust", "opt", "leave", "forget", "bot", "lose", "lose"]
)  # fmt: skip
GAPS = st.one_of(
    st.tuples(st.just("ms"), st.just(0)),
    st.tuples(st.just("ms"), st.integers(1, 2000)),
    st.tuples(st.just("ms"), st.sampled_from([MINUTE, 5 * MINUTE, 20_000, 61_000, 5 * MINUTE - 1, 5 * MINUTE + 1])),
    st.tuples(st.just("ms"), st.integers(1, 40 * MINUTE)),
    st.tuples(st.just("ms"), st.integers(1, 90).map(lambda minutes: minutes * MINUTE)),
    st.tuples(st.just("ms"), st.integers(1, 5 * HOUR)),
    st.tuples(st.just("midnight"), st.sampled_from([0, 0, -1, 1, -MINUTE, 2 * HOUR])),
)
MOVES = st.tuples(
    GAPS, st.sampled_from(KINDS), st.integers(0, len(MEMBERS) - 1), st.integers(0, 7), st.integers(0, 255)
)


@st.composite
def communities(draw: st.DrawFn, *, moves: int = 40) -> Community:
    """A community's history of up to `moves` moves around a night worth looking at."""
    zone, start = draw(st.sampled_from(BASES))
    begin = to_ms(datetime.fromisoformat(start))
    story = Story(now=begin + draw(st.sampled_from([0, 0, 1, 999])), zone=ZoneInfo(zone))
    story.documents = draw(st.lists(documents(zone, begin), min_size=1, max_size=4))
    if draw(st.integers(0, 9)):
        story.play("settings", 0, 0, 0)
    for member in MEMBERS:
        story.add(MemberJoined(name=f"m{member}"), member)
    story.add(MemberJoined(bot=True, name="robot"), BOT)
    for number, channel in enumerate(CHANNELS[:3]):
        parent = ChannelId(CATEGORIES[0]) if number else None
        story.add(
            ChannelDescribed(name=("공부방", "대화", "대기실")[number], parent_id=parent), None, ChannelId(channel)
        )
    count = draw(st.integers(8, moves))  # drawn apart: Hypothesis' own lists are mostly short
    for gap, kind, who, where, extra in draw(st.lists(MOVES, min_size=count, max_size=count)):
        if not story.lost:
            story.wait(gap)
            story.play(kind, who, where, extra)
    story.wait(draw(GAPS))
    return Community(events=tuple(story.events), until=Ms(story.now), zone=zone)
