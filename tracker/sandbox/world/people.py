"""Members, and what they do in voice."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TypedDict, Unpack

from tracker.ids import Ms
from tracker.sandbox.model import Channel, ChannelType, Guild, Member, Role, User, VoiceState
from tracker.sandbox.payloads import member_json, user_json, voice_json
from tracker.sandbox.world.guilds import Guilds

__all__ = ["People", "VoiceFlags"]


class VoiceFlags(TypedDict, total=False):
    """What can be set about a voice connection; `mute` and `deaf` are the server's, the rest the member's own."""

    self_mute: bool
    self_deaf: bool
    mute: bool
    deaf: bool
    stream: bool
    video: bool
    suppress: bool


_OWN = {"self_mute": "self_mute", "self_deaf": "self_deaf", "stream": "self_stream", "video": "self_video"}


class People(Guilds):
    """The god's hand on members and voice."""

    def add_member(
        self,
        guild: Guild,
        name: str,
        *,
        bot: bool = False,
        roles: Iterable[Role] = (),
        nick: str | None = None,
        global_name: str | None = None,
        user: User | None = None,
    ) -> Member:
        """Somebody joins the guild (GUILD_MEMBER_ADD). `user` given: an account that exists already."""
        user = user or self.add_user(name, global_name=global_name, bot=bot)
        member = Member(
            guild_id=guild.id, user=user, nick=nick, roles=[role.id for role in roles], joined_at=self.now()
        )
        guild.members[user.id] = member
        self.tell("GUILD_MEMBER_ADD", member_json(member) | {"guild_id": str(guild.id)}, guild)
        return member

    def remove_member(self, member: Member) -> None:
        """The member leaves the guild, and voice before that."""
        guild = self.guild_of(member)
        if member.voice is not None:
            self.leave_voice(member)
        del guild.members[member.id]
        self.tell("GUILD_MEMBER_REMOVE", {"guild_id": str(guild.id), "user": user_json(member.user)}, guild)

    def set_roles(self, member: Member, roles: Iterable[Role]) -> None:
        """The whole set of roles (without @everyone)."""
        member.roles = [role.id for role in roles]
        self.tell_member(member)

    def give_role(self, member: Member, role: Role) -> None:
        """What somebody else, an admin or another bot, gives; nothing happens if it is there already."""
        if role.id not in member.roles:
            member.roles.append(role.id)
            self.tell_member(member)

    def take_role(self, member: Member, role: Role) -> None:
        """What somebody else takes; nothing happens if it is not there."""
        if role.id in member.roles:
            member.roles.remove(role.id)
            self.tell_member(member)

    def set_nick(self, member: Member, nick: str | None) -> None:
        """The nickname; None takes it away."""
        member.nick = nick
        self.tell_member(member)

    def rename(self, member: Member, global_name: str | None) -> None:
        """The account's display name, in every guild that it is in."""
        member.user.global_name = global_name
        for guild in self.guilds.values():
            if member.id in guild.members:
                self.tell_member(guild.members[member.id])

    def tell_member(self, member: Member) -> None:
        """GUILD_MEMBER_UPDATE."""
        body = member_json(member) | {"guild_id": str(member.guild_id)}
        self.tell("GUILD_MEMBER_UPDATE", body, self.guild_of(member), about_bot=member.user is self.bot)

    def join_voice(self, member: Member, channel: Channel, **flags: Unpack[VoiceFlags]) -> None:
        """Connect, with a new voice session. From another channel of the guild it is a device switch into this one.

        Raises ValueError if members cannot be connected to that kind of channel.
        """
        if not channel.type.is_voice:
            raise ValueError(f"nobody can connect to {channel.name!r}: it is no voice channel")
        suppress = channel.type is ChannelType.STAGE
        member.voice = VoiceState(channel_id=channel.id, session_id=secrets.token_hex(16), suppress=suppress)
        self._set_flags(member, member.voice, flags)
        self.tell_voice(member)

    def move_voice(self, member: Member, channel: Channel) -> None:
        """Into another channel with the same voice session. Raises ValueError if the member is not connected."""
        self._connected(member).channel_id = channel.id
        self.tell_voice(member)

    def leave_voice(self, member: Member) -> None:
        """Disconnect. Raises ValueError if the member is not connected."""
        self._connected(member)
        member.voice = None
        self.tell_voice(member)

    def switch_device(self, member: Member) -> None:
        """The same member in the same channel from another device: a new voice session, nobody left."""
        self._connected(member).session_id = secrets.token_hex(16)
        self.tell_voice(member)

    def set_voice_flags(self, member: Member, **flags: Unpack[VoiceFlags]) -> None:
        """Mute, deafen, stream, show video. Raises ValueError if the member is not connected."""
        self._set_flags(member, self._connected(member), flags)
        self.tell_voice(member)

    def tell_voice(self, member: Member) -> None:
        """VOICE_STATE_UPDATE."""
        self.tell("VOICE_STATE_UPDATE", voice_json(member), self.guild_of(member))

    def time_out(self, member: Member, until: int | None) -> None:
        """Take the right to talk until an instant (Unix ms); None gives it back."""
        member.timeout_until = None if until is None else Ms(until)
        self.tell_member(member)

    @staticmethod
    def _connected(member: Member) -> VoiceState:
        if member.voice is None:
            raise ValueError(f"{member.display_name} is not connected to voice")
        return member.voice

    @staticmethod
    def _set_flags(member: Member, state: VoiceState, flags: VoiceFlags) -> None:
        for flag, value in flags.items():
            if flag in ("mute", "deaf"):
                setattr(member, flag, value)
            else:
                setattr(state, _OWN.get(flag, flag), value)
