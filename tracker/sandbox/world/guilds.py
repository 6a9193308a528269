"""Guilds, roles, channels and threads, as their people change them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tracker.sandbox.model import Channel, ChannelType, Guild, Member, Overwrite, Role, User
from tracker.sandbox.payloads import channel_json, guild_json, role_json, voice_json
from tracker.sandbox.permissions import DEFAULT_EVERYONE, Permission
from tracker.sandbox.world.base import Emission, WorldBase

__all__ = ["BOT_PERMISSIONS", "Guilds", "Kind"]

Kind = Literal["text", "voice", "category", "forum", "stage", "news"]

BOT_PERMISSIONS = DEFAULT_EVERYONE | Permission.MANAGE_ROLES | Permission.MANAGE_NICKNAMES | Permission.CHANGE_NICKNAME
"""What the bot's own role holds unless told otherwise: what the tracker asks for in its invitation."""


class Guilds(WorldBase):
    """The god's hand on guilds."""

    def add_guild(
        self,
        name: str,
        *,
        locale: str = "ko",
        owner: User | None = None,
        afk_channel: str | None = None,
        available: bool = True,
        bot_permissions: int = BOT_PERMISSIONS,
    ) -> Guild:
        """A guild with @everyone, its owner, the bot and the bot's managed role (position 1).

        `afk_channel` also makes a voice channel of that name and sets it as the AFK channel.
        """
        owner = owner or self.owner
        guild = Guild(id=self.next_guild_id(), name=name, owner_id=owner.id, joined_at=self.now(), locale=locale)
        guild.available = available
        guild.roles[guild.id] = Role(id=guild.id, guild_id=guild.id, name="@everyone", permissions=DEFAULT_EVERYONE)
        managed = Role(
            id=self.next_id(), guild_id=guild.id, name=self.bot.name, permissions=bot_permissions, position=1
        )
        managed.managed, managed.bot_id = True, self.bot.id
        guild.roles[managed.id] = managed
        for user, roles in ((owner, []), (self.bot, [managed.id])):
            guild.members[user.id] = Member(guild_id=guild.id, user=user, roles=roles, joined_at=self.now())
        if afk_channel is not None:
            channel = Channel(id=self.next_id(), type=ChannelType.VOICE, name=afk_channel, guild_id=guild.id)
            guild.channels[channel.id] = channel
            guild.afk_channel_id = channel.id
        self.guilds[guild.id] = guild
        self._tell_whole(guild)
        return guild

    def _tell_whole(self, guild: Guild) -> None:
        """GUILD_CREATE; the gateway fills in what each session may see."""
        if guild.available:
            self.emit(Emission(name="GUILD_CREATE", data={}, guild_id=guild.id))

    def set_guild_available(self, guild: Guild, available: bool) -> None:
        """An outage of one guild begins (GUILD_DELETE, unavailable) or ends (GUILD_CREATE)."""
        if guild.available == available:
            return
        if not available:
            self.tell("GUILD_DELETE", {"id": str(guild.id), "unavailable": True}, guild)
        guild.available = available
        self._tell_whole(guild)

    def remove_guild(self, guild: Guild) -> None:
        """The bot is removed from the guild (GUILD_DELETE without `unavailable`)."""
        self.tell("GUILD_DELETE", {"id": str(guild.id)}, guild)
        del self.guilds[guild.id]

    def rename_guild(self, guild: Guild, name: str) -> None:
        """GUILD_UPDATE."""
        guild.name = name
        self.tell("GUILD_UPDATE", guild_json(guild), guild)

    def set_owner(self, guild: Guild, member: Member) -> None:
        """The guild is handed to another member (GUILD_UPDATE)."""
        guild.owner_id = member.id
        self.tell("GUILD_UPDATE", guild_json(guild), guild)

    def set_afk_channel(self, guild: Guild, channel: Channel | None) -> None:
        """Which channel Discord moves idle members to; None for none."""
        guild.afk_channel_id = None if channel is None else channel.id
        self.tell("GUILD_UPDATE", guild_json(guild), guild)

    def add_role(
        self,
        guild: Guild,
        name: str,
        *,
        permissions: int = 0,
        position: int | None = None,
        color: int = 0,
        managed: bool = False,
    ) -> Role:
        """A role. `position` None puts it at the bottom, just above @everyone, as the client does; others move up.

        `managed`: it belongs to an integration (boosting, say), and nobody can give or take it.
        """
        role = Role(id=self.next_id(), guild_id=guild.id, name=name, permissions=permissions, color=color)
        role.position, role.managed = 1 if position is None else position, managed
        shifted = [] if position is not None else [r for r in guild.roles.values() if r.id != guild.id]
        for other in shifted:
            other.position += 1
        guild.roles[role.id] = role
        self.tell("GUILD_ROLE_CREATE", {"guild_id": str(guild.id), "role": role_json(role)}, guild)
        for other in shifted:
            self._tell_role(guild, other)
        return role

    def edit_role(
        self, role: Role, *, name: str | None = None, permissions: int | None = None, position: int | None = None
    ) -> None:
        """Change what is not None."""
        role.name = role.name if name is None else name
        role.permissions = role.permissions if permissions is None else permissions
        role.position = role.position if position is None else position
        self._tell_role(self.guilds[role.guild_id], role)

    def _tell_role(self, guild: Guild, role: Role) -> None:
        self.tell("GUILD_ROLE_UPDATE", {"guild_id": str(guild.id), "role": role_json(role)}, guild)

    def delete_role(self, role: Role) -> None:
        """GUILD_ROLE_DELETE; who held it holds it no more, without an event of their own (as on Discord)."""
        guild = self.guilds[role.guild_id]
        for member in guild.members.values():
            if role.id in member.roles:
                member.roles.remove(role.id)
        for channel in guild.channels.values():
            channel.overwrites.pop(role.id, None)
        del guild.roles[role.id]
        self.tell("GUILD_ROLE_DELETE", {"guild_id": str(guild.id), "role_id": str(role.id)}, guild)

    def add_channel(
        self,
        guild: Guild,
        name: str,
        *,
        kind: Kind = "text",
        parent: Channel | None = None,
        overwrites: Iterable[Overwrite] = (),
    ) -> Channel:
        """A channel at the end of the list; one in a category takes over its overwrites unless it has own ones."""
        channel = Channel(id=self.next_id(), type=ChannelType[kind.upper()], name=name, guild_id=guild.id)
        channel.position = len(guild.channels)
        channel.created_at = self.now()
        given = {overwrite.id: overwrite for overwrite in overwrites}
        if parent is not None:
            channel.parent_id = parent.id
            given = given or dict(parent.overwrites)
        channel.overwrites = given
        guild.channels[channel.id] = channel
        self.tell("CHANNEL_CREATE", channel_json(channel), guild)
        return channel

    def add_thread(self, channel: Channel, name: str, *, owner: Member | None = None) -> Channel:
        """A public thread under a text channel, or a post in a forum."""
        guild = self.guild_of(channel)
        thread = Channel(id=self.next_id(), type=ChannelType.PUBLIC_THREAD, name=name, guild_id=guild.id)
        thread.parent_id = channel.id
        thread.owner_id = guild.owner_id if owner is None else owner.id
        thread.created_at = self.now()
        guild.channels[thread.id] = thread
        self.tell("THREAD_CREATE", channel_json(thread) | {"newly_created": True}, guild)
        return thread

    def rename_channel(self, channel: Channel, name: str) -> None:
        """CHANNEL_UPDATE or THREAD_UPDATE."""
        channel.name = name
        self.tell_channel(channel)

    def move_channel(self, channel: Channel, category: Channel | None) -> None:
        """Put the channel into a category, or with None into none."""
        channel.parent_id = None if category is None else category.id
        self.tell_channel(channel)

    def set_overwrite(self, channel: Channel, overwrite: Overwrite) -> None:
        """Allow or deny something in one channel."""
        channel.overwrites[overwrite.id] = overwrite
        self.tell_channel(channel)

    def archive_thread(self, thread: Channel, archived: bool = True) -> None:
        """THREAD_UPDATE with the archived flag."""
        thread.archived, thread.archived_at = archived, self.now()
        self.tell_channel(thread)

    def tell_channel(self, channel: Channel) -> None:
        """The update event of a channel or thread."""
        name = "THREAD_UPDATE" if channel.type.is_thread else "CHANNEL_UPDATE"
        self.tell(name, channel_json(channel), self.guild_of(channel))

    def delete_channel(self, channel: Channel) -> None:
        """The channel goes, its threads with it; who was connected to it is disconnected."""
        guild = self.guild_of(channel)
        for child in [c for c in guild.channels.values() if c.parent_id == channel.id]:
            if child.type.is_thread:
                del guild.channels[child.id]
            else:
                self.move_channel(child, None)
        del guild.channels[channel.id]
        if guild.afk_channel_id == channel.id:
            guild.afk_channel_id = None
        body = channel_json(channel)
        if channel.type.is_thread:
            body = {key: body[key] for key in ("id", "guild_id", "parent_id", "type")}
        self.tell("THREAD_DELETE" if channel.type.is_thread else "CHANNEL_DELETE", body, guild)
        for member in [m for m in guild.in_voice() if m.voice is not None and m.voice.channel_id == channel.id]:
            member.voice = None
            self.tell("VOICE_STATE_UPDATE", voice_json(member), guild)
