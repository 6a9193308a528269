"""A made-up community: a seeded, valid and realistic history of events, for measurements and for replaying.

Members come in the evening rather than at night, a few of them do most of what is done, sessions cross midnight, and
now and then somebody is renamed, loses a message or is given EXP. The same plan gives the same events on every
machine: ids are drawn from the seed too.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from tracker.events.channel import ChannelDescribed, RoleDescribed
from tracker.events.envelope import Data, Event
from tracker.events.interaction import InteractionUsed, interaction_id
from tracker.events.member import MemberJoined, MemberRenamed, MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent, message_deleted_id, message_sent_id
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.ticks import tick
from tracker.events.voice import Flags, VoiceFlagsChanged, VoiceJoined, VoiceLeft, VoiceMoved
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, EventId, GuildId, MessageId, Ms, RoleId, UserId, partition_of

__all__ = ["HOUR_MS", "Plan", "history"]

HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_DAY_MS = 24 * HOUR_MS
_START = 1_767_571_200_000  # 2026-01-05T00:00:00Z, a Monday
_VOICE_NAMES = ("🎙️대화", "🎧-집중", "game-1", "game-2", "대기실", "관전", "🔇 AFK")
_TEXT_NAMES = ("📝-공부방", "general", "잡담", "bot-commands")
_FLAG_MIX = (Flags(0), Flags(1), Flags(3), Flags(16), Flags(32))
# How likely something is in each hour of the day, out of the sum.
_BY_HOUR = (6, 4, 2, 1, 1, 1, 1, 2, 3, 4, 4, 5, 6, 5, 5, 5, 6, 7, 9, 11, 13, 13, 11, 9)
_SETTINGS = {
    "timezone": "Asia/Seoul",
    "locale": "ko",
    "messages": {"exp_min": 1, "exp_max": 3, "revoke_s": 600},
    "interactions": {"exp": 1, "cooldown_s": 30},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to make up: `guilds` with `members` each, over `days`, from `start` (Unix ms UTC).

    `partitions`: those of the database, as ticks belong to one. `tick_s`: seconds between ticks, 0 for none.
    `crowd`: members of the first guild instead; 0: as many as in the others. `activity`: percent of the members who
    would otherwise do something on a day. `season_day`: the day (0 is the first) on which a season starts; None: none.
    """

    guilds: int = 10
    members: int = 200
    days: int = 10
    seed: int = 1
    start: int = _START
    partitions: int = 1
    tick_s: int = 60
    crowd: int = 0
    activity: int = 100
    season_day: int | None = None


@dataclass(slots=True, kw_only=True)
class _Guild:
    id: int
    voice: list[int]
    text: list[int]
    members: list[int]
    weights: list[float]
    free_at: list[int]
    """Until when each member has something to do already."""


@dataclass(slots=True)
class _Maker:
    plan: Plan
    random: Random
    sequence: int = 0
    pending: list[tuple[int, int, Event]] = field(default_factory=list)
    """A heap by (instant, order of making)."""

    def snowflake(self, at: int) -> int:
        """An id of that instant, never given before."""
        self.sequence += 1
        return (at - DISCORD_EPOCH_MS) << 22 | self.sequence & 0x3F_FFFF

    def minted(self, at: int) -> EventId:
        """A UUIDv7 whose random part comes from the seed."""
        bits = self.random.getrandbits(74)
        value = at << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0x2 << 62 | bits & (1 << 62) - 1
        text = f"{value:032x}"
        return EventId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")

    def put(
        self, at: int, guild: _Guild, user: int | None, channel: int | None, data: Data, event_id: EventId | None = None
    ) -> None:
        """Note that this happens then."""
        self.sequence += 1
        event = Event(
            id=event_id or self.minted(at),
            guild_id=GuildId(guild.id),
            user_id=None if user is None else UserId(user),
            channel_id=None if channel is None else ChannelId(channel),
            occurred_at=Ms(at),
            data=data,
        )
        heapq.heappush(self.pending, (at, self.sequence, event))

    def until(self, end: int) -> Iterator[Event]:
        """What happens before `end`, in order."""
        while self.pending and self.pending[0][0] < end:
            yield heapq.heappop(self.pending)[2]


def history(plan: Plan) -> Iterator[Event]:
    """All events of the plan in the order in which a live tracker would have appended them."""
    maker = _Maker(plan, Random(plan.seed))
    guilds = [_found(maker, number) for number in range(plan.guilds)]
    partitions = sorted({partition_of(GuildId(guild.id), plan.partitions) for guild in guilds})
    next_tick = plan.start + plan.tick_s * 1000
    end = plan.start + plan.days * _DAY_MS
    for hour in range(plan.start, end, HOUR_MS):
        if (hour - plan.start) % _DAY_MS == 0:
            for guild in guilds:
                if plan.season_day is not None and hour == plan.start + plan.season_day * _DAY_MS:
                    maker.put(hour, guild, None, None, SeasonStarted(name="season"))
                _plan_day(maker, guild, hour)
        while plan.tick_s and next_tick <= hour + HOUR_MS:
            yield from maker.until(next_tick + 1)
            yield from (tick(partition, Ms(next_tick)) for partition in partitions)
            next_tick += plan.tick_s * 1000
        yield from maker.until(hour + HOUR_MS)


def _found(maker: _Maker, number: int) -> _Guild:
    """The guild as the tracker first sees it: settings, channels, roles, members."""
    plan, random = maker.plan, maker.random
    born = plan.start - 30 * _DAY_MS + number
    ids = iter(range(born - DISCORD_EPOCH_MS << 22, (born - DISCORD_EPOCH_MS << 22) + (1 << 21)))
    guild = _Guild(id=next(ids), voice=[], text=[], members=[], weights=[], free_at=[])
    at = plan.start
    maker.put(at, guild, None, None, SettingsChanged(settings=_SETTINGS))
    for names, kind, found in ((_VOICE_NAMES, "voice", guild.voice), (_TEXT_NAMES, "text", guild.text)):
        for name in names:
            found.append(next(ids))
            data = ChannelDescribed(name=name, kind=kind, afk=name.endswith("AFK"))
            maker.put(at, guild, None, found[-1], data)
    roles = [next(ids) for _ in range(5)]
    for rank, role in enumerate(roles):
        maker.put(at, guild, None, None, RoleDescribed(role_id=RoleId(role), name=f"role-{rank}"))
    for member in range(plan.crowd if plan.crowd and not number else plan.members):
        user = next(ids)
        guild.members.append(user)
        guild.weights.append(random.paretovariate(1.3))
        guild.free_at.append(0)
        maker.put(at, guild, user, None, MemberJoined(name=f"member-{number}-{member}"))
        held = tuple(RoleId(role) for role in roles if random.random() < 0.4)
        if held:
            maker.put(at, guild, user, None, MemberRolesChanged(role_ids=held))
    return guild


def _plan_day(maker: _Maker, guild: _Guild, day: int) -> None:
    """Who does what on the UTC day that begins at `day`."""
    random = maker.random
    for place, user in enumerate(guild.members):
        weight = min(guild.weights[place], 12.0)
        if random.random() > (0.35 + 0.1 * weight) * (maker.plan.activity / 100):
            continue
        for start in sorted(_moment(random, day) for _ in range(1 + int(random.random() * weight))):
            _plan_session(maker, guild, place, start)
        for _ in range(int(random.expovariate(1 / (4 * weight)))):
            _plan_message(maker, guild, user, _moment(random, day))
        if random.random() < 0.3:
            at = _moment(random, day)
            data = InteractionUsed(command=random.choice(("report", "rank", "tier")))
            maker.put(at, guild, user, guild.text[-1], data, interaction_id(maker.snowflake(at)))
        if random.random() < 0.004:
            maker.put(_moment(random, day), guild, user, None, MemberRenamed(name=f"member {random.getrandbits(32):x}"))
        if random.random() < 0.002:
            maker.put(
                _moment(random, day), guild, user, None, ExpAdjusted(amount=random.randint(-20, 50), reason="event")
            )


def _plan_session(maker: _Maker, guild: _Guild, place: int, start: int) -> None:
    """A stay in voice, with moves and flag changes in it. Nothing if the member is in voice already."""
    random, user = maker.random, guild.members[place]
    if start <= guild.free_at[place]:
        return
    channel = random.choice(guild.voice)
    end = start + min(int(random.expovariate(1 / (45 * _MINUTE_MS))) + 1000, 8 * HOUR_MS)
    guild.free_at[place] = end
    maker.put(start, guild, user, channel, VoiceJoined(flags=random.choice(_FLAG_MIX)))
    at = start
    while (at := at + 1 + int(random.expovariate(1 / (8 * _MINUTE_MS)))) < end:
        flags = random.choice(_FLAG_MIX)
        if random.random() < 0.25:
            to = random.choice([other for other in guild.voice if other != channel])
            maker.put(at, guild, user, to, VoiceMoved(from_channel_id=ChannelId(channel), flags=flags))
            channel = to
        else:
            maker.put(at, guild, user, channel, VoiceFlagsChanged(flags=flags))
    maker.put(end, guild, user, channel, VoiceLeft())


def _plan_message(maker: _Maker, guild: _Guild, user: int, at: int) -> None:
    random = maker.random
    message, channel = maker.snowflake(at), random.choice(guild.text)
    data = MessageSent(attachments=int(random.random() < 0.05), reply=random.random() < 0.2)
    maker.put(at, guild, user, channel, data, message_sent_id(message))
    if random.random() < 0.02:
        gone_at = at + 1000 + int(random.expovariate(1 / (5 * _MINUTE_MS)))
        maker.put(
            gone_at, guild, None, channel, MessageDeleted(message_id=MessageId(message)), message_deleted_id(message)
        )


def _moment(random: Random, day: int) -> int:
    """An instant of the day, likelier in the evening (of Seoul, nine hours ahead)."""
    hour = (random.choices(range(24), _BY_HOUR)[0] - 9) % 24
    return day + hour * HOUR_MS + int(random.random() * HOUR_MS)
