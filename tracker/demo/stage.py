"""The demo's guild in the sandbox, and the people's hands in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tracker.demo.cast import MEMBER, MUSIC_BOT, PEOPLE, STAFF, STUDY
from tracker.demo.script import Room, Step
from tracker.demo.truth import Truth
from tracker.sandbox.model import Channel, Guild, Member, Message, Role
from tracker.sandbox.server import Sandbox

__all__ = ["ROOM_NAMES", "TIERS", "TRACKED", "Stage", "set_stage"]

ROOM_NAMES: Final[dict[Room, str]] = {
    "study": "📝-공부방",
    "talk": "🎙️대화",
    "waiting": "대기실",
    "watching": "관전",
    "afk": "잠수 (AFK)",
}
TRACKED: Final[frozenset[Room]] = frozenset({"study", "talk"})
"""The rooms whose time counts by the default settings."""

TIERS: Final = ("브론즈", "실버", "골드")
"""The names of the roles that come with EXP, the lowest first."""

_COLOURS: Final = {
    STAFF: 0xE74C3C,
    "골드": 0xF1C40F,
    "실버": 0xBCC6D0,
    "브론즈": 0xCD7F32,
    STUDY: 0x57F287,
    MEMBER: 0x99AAB5,
}
"""The roles below the bot's own, the highest first."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """The guild with handles to what the script names. Belongs to the sandbox's event loop."""

    sandbox: Sandbox
    guild: Guild
    roles: dict[str, Role]
    people: dict[str, Member]
    rooms: dict[Room, Channel]
    chat: Channel
    log: Channel
    truth: Truth

    def play(self, step: Step) -> None:
        """Do what the step says, and note for the truth when it was really done."""
        _HANDS[step.act](self, step)

    def room_of(self, member: Member) -> Room | None:
        """Where the member is connected; None if nowhere."""
        if member.voice is None:
            return None
        return next(room for room, channel in self.rooms.items() if channel.id == member.voice.channel_id)

    def _join(self, step: Step) -> None:
        member = self.people[step.who]
        self.sandbox.world.join_voice(member, self.rooms[step.room])
        self._note(member, step.room)

    def _move(self, step: Step) -> None:
        member = self.people[step.who]
        if self.room_of(member) != step.room:
            self.sandbox.world.move_voice(member, self.rooms[step.room])
            self._note(member, step.room)

    def _leave(self, step: Step) -> None:
        member = self.people[step.who]
        self.sandbox.world.leave_voice(member)
        self._note(member, None)

    def _note(self, member: Member, room: Room | None) -> None:
        if not member.user.bot:
            self.truth.moved(member.id, room in TRACKED, self.sandbox.world.now())

    def _mute(self, step: Step) -> None:
        self.sandbox.world.set_voice_flags(self.people[step.who], self_mute=step.act == "mute")

    def _stream(self, step: Step) -> None:
        self.sandbox.world.set_voice_flags(self.people[step.who], stream=True)

    def _say(self, step: Step) -> None:
        member = self.people[step.who]
        self.sandbox.world.send_message(member, self.chat, step.text)
        if not member.user.bot:
            self.truth.said(member.id)

    def _delete(self, step: Step) -> None:
        last: Message | None = next(reversed(self.chat.messages.values()), None)
        if last is not None:
            self.sandbox.world.delete_message(last)

    def _cut(self, step: Step) -> None:
        self.sandbox.faults.cut_sockets()


_HANDS: Final[dict[str, Callable[[Stage, Step], None]]] = {
    "join": Stage._join,
    "move": Stage._move,
    "leave": Stage._leave,
    "mute": Stage._mute,
    "unmute": Stage._mute,
    "stream": Stage._stream,
    "say": Stage._say,
    "delete": Stage._delete,
    "cut": Stage._cut,
}


def set_stage(sandbox: Sandbox) -> Stage:
    """Make the guild with its rooms and people. Ids are the same each time if the clock stands still meanwhile."""
    world = sandbox.world
    first, *others = PEOPLE
    owner = world.add_user(first.username, global_name=first.shown)
    guild = world.add_guild("아침 스터디 · Morning Study", locale="ko", owner=owner)
    roles = {name: world.add_role(guild, name, color=colour) for name, colour in _COLOURS.items()}
    chat = world.add_channel(guild, "💬-잡담")
    log = world.add_channel(guild, "출석-로그")
    rooms = {room: world.add_channel(guild, name, kind="voice") for room, name in ROOM_NAMES.items()}
    world.set_afk_channel(guild, rooms["afk"])
    people = {first.username: guild.members[owner.id]}
    world.set_roles(people[first.username], [roles[name] for name in first.roles])
    for person in others:
        held = [roles[name] for name in person.roles]
        people[person.username] = world.add_member(guild, person.username, global_name=person.shown, roles=held)
    people[MUSIC_BOT.username] = world.add_member(guild, MUSIC_BOT.shown, bot=True)
    return Stage(
        sandbox=sandbox, guild=guild, roles=roles, people=people, rooms=rooms, chat=chat, log=log, truth=Truth()
    )
