"""The day before the one that is played, as events for the log: so that the report has something to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from tracker.demo.cast import MUSIC_BOT
from tracker.demo.script import Act, Step
from tracker.demo.stage import ROOM_NAMES, Stage
from tracker.demo.timetable import NOON
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.rule import SettingsChanged
from tracker.events.voice import VoiceJoined, VoiceLeft, VoiceMoved
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, GuildId, Ms, RoleId, UserId, mint_event_id

__all__ = ["DAY_MS", "history", "settings_changed"]

DAY_MS: Final = 86_400_000


def history(stage: Stage, script: Sequence[Step], settings: dict[str, Any], since: Ms) -> Iterator[Event]:
    """From `since` on `settings` are in force and everybody is known; then the script's morning, a day earlier."""
    guild = GuildId(stage.guild.id)

    def fact(at: int, data: Data, user: int | None = None, channel: int | None = None) -> Event:
        return Event(
            id=message_sent_id((at - DISCORD_EPOCH_MS << 22) + (user or 0) % 1000)
            if isinstance(data, MessageSent)
            else mint_event_id(at),
            guild_id=guild,
            user_id=None if user is None else UserId(user),
            channel_id=None if channel is None else ChannelId(channel),
            occurred_at=Ms(at),
            data=data,
        )

    yield settings_changed(stage, since, settings)
    for room, channel in stage.rooms.items():
        yield fact(since, ChannelDescribed(name=ROOM_NAMES[room], afk=room == "afk"), channel=channel.id)
    for member in stage.people.values():
        if not member.user.bot:
            roles = tuple(RoleId(role) for role in sorted(member.roles))
            yield fact(since, MemberJoined(name=member.display_name), member.id)
            yield fact(since, MemberRolesChanged(role_ids=roles), member.id)
    yield from _morning(stage, script, fact)


def settings_changed(stage: Stage, moment: Ms, settings: dict[str, Any]) -> Event:
    """From `moment` on these settings are in force."""
    return Event(
        id=mint_event_id(moment),
        guild_id=GuildId(stage.guild.id),
        user_id=None,
        occurred_at=moment,
        data=SettingsChanged(settings=settings),
    )


def _morning(stage: Stage, script: Sequence[Step], fact: Callable[[int, Data, int, int], Event]) -> Iterator[Event]:
    where: dict[str, ChannelId] = {}
    for step in script:
        if step.at >= NOON or step.who == MUSIC_BOT.username or step.act not in _TOLD:
            continue
        before, here = where.get(step.who), ChannelId(stage.rooms[step.room].id)
        data: Data
        if step.act == "say":
            data, here = MessageSent(), ChannelId(stage.chat.id)
        elif step.act == "leave" and before is not None:
            data, here = VoiceLeft(), where.pop(step.who)
        elif before is None:
            data = VoiceJoined()
            where[step.who] = here
        elif before != here:
            data = VoiceMoved(from_channel_id=before)
            where[step.who] = here
        else:
            continue
        yield fact(step.at - DAY_MS, data, stage.people[step.who].id, here)


_TOLD: Final[frozenset[Act]] = frozenset({"join", "move", "leave", "say"})
