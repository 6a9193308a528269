"""The world's things as Discord writes them in JSON. Pure: same thing in, same object out."""

from __future__ import annotations

from tracker.clock import from_ms
from tracker.sandbox.model import Attachment, Channel, ChannelType, Guild, Json, Member, Message, Overwrite, Role, User

__all__ = [
    "attachment_json",
    "blanked",
    "channel_json",
    "guild_json",
    "iso",
    "member_json",
    "message_json",
    "role_json",
    "snapshot_json",
    "user_json",
    "voice_json",
]


_UNSET = (
    "icon description home_header splash discovery_splash banner application_id system_channel_id "
    "widget_channel_id max_presences vanity_url_code rules_channel_id safety_alerts_channel_id "
    "public_updates_channel_id incidents_data"
)
"""What a guild of the sandbox has none of."""


def iso(ms: int) -> str:
    """An instant as Discord writes it."""
    return from_ms(ms).isoformat(timespec="microseconds")


def user_json(user: User) -> Json:
    """https://discord.com/developers/docs/resources/user#user-object"""
    return {
        "id": str(user.id),
        "username": user.name,
        "discriminator": "0000" if user.bot else "0",
        "global_name": user.global_name,
        "avatar": None,
        "bot": user.bot,
        "system": user.system,
        "banner": None,
        "accent_color": None,
        "avatar_decoration_data": None,
        "public_flags": 0,
    }


def role_json(role: Role) -> Json:
    """https://discord.com/developers/docs/topics/permissions#role-object"""
    body: Json = {
        "id": str(role.id),
        "name": role.name,
        "color": role.color,
        "colors": {"primary_color": role.color, "secondary_color": None, "tertiary_color": None},
        "hoist": role.hoist,
        "icon": None,
        "unicode_emoji": None,
        "position": role.position,
        "permissions": str(int(role.permissions)),
        "managed": role.managed,
        "mentionable": role.mentionable,
        "flags": 0,
    }
    if role.bot_id is not None:
        body["tags"] = {"bot_id": str(role.bot_id)}
    return body


def member_json(member: Member, *, with_user: bool = True) -> Json:
    """https://discord.com/developers/docs/resources/guild#guild-member-object"""
    body: Json = {
        "nick": member.nick,
        "avatar": None,
        "banner": None,
        "roles": [str(role) for role in member.roles],
        "joined_at": iso(member.joined_at),
        "premium_since": None,
        "deaf": member.deaf,
        "mute": member.mute,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None if member.timeout_until is None else iso(member.timeout_until),
        "avatar_decoration_data": None,
    }
    if with_user:
        body["user"] = user_json(member.user)
    return body


def voice_json(member: Member, *, with_guild: bool = True) -> Json:
    """https://discord.com/developers/docs/resources/voice#voice-state-object; without a channel if not connected."""
    state = member.voice
    body: Json = {
        "channel_id": None if state is None else str(state.channel_id),
        "user_id": str(member.id),
        "session_id": "" if state is None else state.session_id,
        "deaf": member.deaf,
        "mute": member.mute,
        "self_deaf": state is not None and state.self_deaf,
        "self_mute": state is not None and state.self_mute,
        "self_video": state is not None and state.self_video,
        "suppress": state is not None and state.suppress,
        "request_to_speak_timestamp": None,
    }
    if state is not None and state.self_stream:
        body["self_stream"] = True
    if with_guild:
        body["guild_id"] = str(member.guild_id)
        body["member"] = member_json(member)
    return body


def _overwrite_json(overwrite: Overwrite) -> Json:
    return {
        "id": str(overwrite.id),
        "type": int(overwrite.member),
        "allow": str(int(overwrite.allow)),
        "deny": str(int(overwrite.deny)),
    }


def channel_json(channel: Channel) -> Json:
    """https://discord.com/developers/docs/resources/channel#channel-object"""
    last = next(reversed(channel.messages), None)
    body: Json = {"id": str(channel.id), "type": int(channel.type), "flags": 0}
    if channel.type.holds_messages:
        body["last_message_id"] = None if last is None else str(last)
    if channel.recipient is not None:
        body["recipients"] = [user_json(channel.recipient)]
        return body
    body |= {
        "guild_id": str(channel.guild_id),
        "name": channel.name,
        "parent_id": None if channel.parent_id is None else str(channel.parent_id),
        "rate_limit_per_user": channel.slowmode_s,
    }
    return body | (_thread_part(channel) if channel.type.is_thread else _guild_part(channel))


def _thread_part(channel: Channel) -> Json:
    return {
        "owner_id": str(channel.owner_id),
        "message_count": len(channel.messages),
        "total_message_sent": len(channel.messages),
        "member_count": 1,
        "applied_tags": [str(tag) for tag in channel.applied_tags],
        "thread_metadata": {
            "archived": channel.archived,
            "auto_archive_duration": 1440,
            "archive_timestamp": iso(channel.archived_at or channel.created_at),
            "locked": channel.locked,
            "create_timestamp": iso(channel.created_at),
        },
    }


def _guild_part(channel: Channel) -> Json:
    body: Json = {
        "position": channel.position,
        "permission_overwrites": [_overwrite_json(overwrite) for overwrite in channel.overwrites.values()],
        "nsfw": channel.nsfw,
        "topic": channel.topic,
    }
    if channel.type.is_voice:
        body |= {"bitrate": channel.bitrate, "user_limit": channel.user_limit, "rtc_region": None}
        body["video_quality_mode"] = 1
    if channel.type is ChannelType.FORUM:
        body |= {"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None}
        body |= {"default_forum_layout": 0, "default_thread_rate_limit_per_user": 0}
    return body


def guild_json(guild: Guild) -> Json:
    """https://discord.com/developers/docs/resources/guild#guild-object"""
    return dict.fromkeys(_UNSET.split()) | {
        "id": str(guild.id),
        "name": guild.name,
        "features": ["COMMUNITY"],
        "owner_id": str(guild.owner_id),
        "afk_channel_id": None if guild.afk_channel_id is None else str(guild.afk_channel_id),
        "afk_timeout": guild.afk_timeout_s,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "verification_level": 1,
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 2,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": guild.locale,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "roles": [role_json(role) for role in guild.roles.values()],
    }


def snapshot_json(guild: Guild, *, bot_id: int, everyone: bool, voice: bool, large_threshold: int) -> Json:
    """A GUILD_CREATE (https://discord.com/developers/docs/events/gateway-events#guild-create).

    Without the presences intent (`everyone` false) its members are only the bot and who is in voice; the rest must be
    asked for. Without the voice intent (`voice` false) nobody's voice state is in it.
    """
    connected = guild.in_voice()
    shown = guild.members if everyone else {m.id: m for m in (*connected, guild.members[bot_id])}
    channels = [channel_json(channel) for channel in guild.channels.values() if not channel.type.is_thread]
    threads = [channel_json(c) for c in guild.channels.values() if c.type.is_thread and not c.archived]
    return guild_json(guild) | {
        "joined_at": iso(guild.joined_at),
        "large": len(guild.members) > large_threshold,
        "unavailable": False,
        "member_count": len(guild.members),
        "members": [member_json(member) for member in shown.values()],
        "voice_states": [voice_json(member, with_guild=False) for member in connected] if voice else [],
        "channels": channels,
        "threads": threads,
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment_json(attachment: Attachment, *, channel_id: int, base_url: str) -> Json:
    """https://discord.com/developers/docs/resources/message#attachment-object"""
    url = f"{base_url}/attachments/{channel_id}/{attachment.id}/{attachment.filename}"
    body: Json = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": len(attachment.content),
        "url": url,
        "proxy_url": url,
    }
    if attachment.content_type is not None:
        body["content_type"] = attachment.content_type
    if attachment.description is not None:
        body["description"] = attachment.description
    if attachment.size is not None:
        body["width"], body["height"] = attachment.size
    return body


def message_json(message: Message, *, base_url: str, replied: Message | None = None) -> Json:
    """https://discord.com/developers/docs/resources/message#message-object, without the gateway's extra fields."""
    files = [attachment_json(file, channel_id=message.channel_id, base_url=base_url) for file in message.attachments]
    if files and message.embeds:  # what an embed shows is not listed again
        shown = {(embed.get(key) or {}).get("url") for embed in message.embeds for key in ("image", "thumbnail")}
        files = [file for file in files if file["url"] not in shown]
    body: Json = {
        "id": str(message.id),
        "type": message.type,
        "channel_id": str(message.channel_id),
        "author": user_json(message.author),
        "content": message.content,
        "timestamp": iso(message.created_at),
        "edited_timestamp": None if message.edited_at is None else iso(message.edited_at),
        "tts": message.tts,
        "mention_everyone": message.mention_everyone,
        "mentions": [user_json(user) for user in message.mentions],
        "mention_roles": [str(role) for role in message.mention_roles],
        "attachments": files,
        "embeds": message.embeds,
        "components": message.components,
        "pinned": False,
        "flags": message.flags,
    }
    if message.nonce is not None:
        body["nonce"] = message.nonce
    for key, value in (("webhook_id", message.webhook_id), ("application_id", message.application_id)):
        if value is not None:
            body[key] = str(value)
    if message.interaction is not None:
        body["interaction_metadata"] = message.interaction
    if message.reply_to is not None:
        body["message_reference"] = {
            "type": 0,
            "channel_id": str(message.channel_id),
            "message_id": str(message.reply_to),
        }
        if message.guild_id is not None:
            body["message_reference"]["guild_id"] = str(message.guild_id)
        body["referenced_message"] = None if replied is None else message_json(replied, base_url=base_url)
    return body


def blanked(body: Json) -> Json:
    """The message as an application without the content intent sees it."""
    empty: Json = {"content": "", "embeds": [], "attachments": [], "components": []}
    if body.get("referenced_message"):
        empty["referenced_message"] = blanked(body["referenced_message"])
    return body | empty
