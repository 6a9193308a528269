"""Channels and threads over REST (https://discord.com/developers/docs/resources/channel)."""

from __future__ import annotations

from typing import Any

from tracker.sandbox.model import Channel, ChannelType, Json, Overwrite
from tracker.sandbox.payloads import channel_json
from tracker.sandbox.permissions import Permission, in_channel
from tracker.sandbox.rest.call import Answer, Call, Reply, Route
from tracker.sandbox.rest.posting import build_message
from tracker.sandbox.validate import Problems
from tracker.sandbox.wire import ApiError, Refusal, form_error
from tracker.sandbox.world.guilds import Kind

__all__ = ["ROUTES"]

_KINDS: dict[int, Kind] = {0: "text", 2: "voice", 4: "category", 5: "news", 13: "stage", 15: "forum"}


def get(call: Call) -> Answer:
    """Get Channel."""
    return channel_json(call.channel())


def list_channels(call: Call) -> Answer:
    """Get Guild Channels, without threads."""
    return [channel_json(channel) for channel in call.guild().channels.values() if not channel.type.is_thread]


def create(call: Call) -> Answer:
    """Create Guild Channel."""
    guild, body = call.guild(Permission.MANAGE_CHANNELS), call.form()
    _check(body, new=True)
    kind = _KINDS.get(body.get("type") or 0)
    if kind is None:
        raise form_error("type", "BASE_TYPE_CHOICES", f"Value must be one of {{{', '.join(map(str, _KINDS))}}}.")
    parent = guild.channels.get(int(body.get("parent_id") or 0))
    if body.get("parent_id") and (parent is None or parent.type is not ChannelType.CATEGORY):
        raise form_error("parent_id", "CHANNEL_PARENT_INVALID", "Category does not exist")
    overwrites = [_overwrite(entry) for entry in body.get("permission_overwrites") or ()]
    channel = call.world.add_channel(guild, body["name"], kind=kind, parent=parent, overwrites=overwrites)
    _fill(channel, body)
    return Reply(status=201, body=channel_json(channel))


def edit(call: Call) -> Answer:
    """Modify Channel."""
    channel, body = call.channel(), call.form()
    if channel.guild_id is None:
        raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
    call.require(channel, Permission.MANAGE_THREADS if channel.type.is_thread else Permission.MANAGE_CHANNELS)
    _check(body, new=False)
    _fill(channel, body)
    if "parent_id" in body:
        channel.parent_id = None if body["parent_id"] is None else int(body["parent_id"])
    if "permission_overwrites" in body:
        channel.overwrites = {o.id: o for o in map(_overwrite, body["permission_overwrites"] or ())}
    if "archived" in body:
        channel.archived, channel.archived_at = bool(body["archived"]), call.world.now()
    channel.locked = bool(body.get("locked", channel.locked))
    call.world.tell_channel(channel)
    return channel_json(channel)


def delete(call: Call) -> Answer:
    """Delete Channel."""
    channel = call.channel()
    if channel.guild_id is None:
        return channel_json(channel)
    call.require(channel, Permission.MANAGE_THREADS if channel.type.is_thread else Permission.MANAGE_CHANNELS)
    call.world.delete_channel(channel)
    return channel_json(channel)


def put_overwrite(call: Call) -> Answer:
    """Edit Channel Permissions."""
    channel = call.channel(Permission.MANAGE_ROLES)
    call.world.set_overwrite(channel, _overwrite(call.form() | {"id": call.id("overwrite")}))
    return None


def delete_overwrite(call: Call) -> Answer:
    """Delete Channel Permission."""
    channel = call.channel(Permission.MANAGE_ROLES)
    channel.overwrites.pop(call.id("overwrite"), None)
    call.world.tell_channel(channel)
    return None


def start_thread(call: Call) -> Answer:
    """Start Thread without a message, or in a forum with its first one."""
    channel, body = call.channel(), call.form()
    is_forum = channel.type is ChannelType.FORUM
    if channel.type not in (ChannelType.TEXT, ChannelType.NEWS, ChannelType.FORUM):
        raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
    call.require(channel, Permission.SEND_MESSAGES if is_forum else Permission.CREATE_PUBLIC_THREADS)
    _check(body, new=True)
    if is_forum and not isinstance(body.get("message"), dict):
        raise form_error("message", "BASE_TYPE_REQUIRED", "This field is required")
    guild = call.world.guild_of(channel)
    if not is_forum:
        thread = call.world.add_thread(channel, body["name"], owner=call.world.me(guild))
        return Reply(status=201, body=channel_json(thread))
    # A forum post and its first message come into being together, so the message is checked before the thread is.
    draft = Channel(id=channel.id, type=ChannelType.TEXT, guild_id=guild.id)
    first = build_message(call, draft, body["message"])
    thread = call.world.add_thread(channel, body["name"], owner=call.world.me(guild))
    thread.applied_tags = tuple(int(tag) for tag in body.get("applied_tags") or ())
    first.id = first.channel_id = thread.id
    call.world.store(first)
    return Reply(status=201, body=channel_json(thread) | {"message": call.world.message_body(first)})


def thread_of_message(call: Call) -> Answer:
    """Start Thread from Message."""
    channel = call.channel(Permission.CREATE_PUBLIC_THREADS)
    call.message(channel)
    _check(call.form(), new=True)
    guild = call.world.guild_of(channel)
    thread = call.world.add_thread(channel, call.form()["name"], owner=call.world.me(guild))
    return Reply(status=201, body=channel_json(thread))


def join_thread(call: Call) -> Answer:
    """Join Thread."""
    if not call.channel().type.is_thread:
        raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
    return None


def active_threads(call: Call) -> Answer:
    """List Active Guild Threads."""
    guild = call.guild()
    me = call.world.me(guild)
    threads = [c for c in guild.channels.values() if c.type.is_thread and not c.archived]
    seen = [thread for thread in threads if in_channel(guild, me, thread) & Permission.VIEW_CHANNEL]
    return {"threads": [channel_json(thread) for thread in seen], "members": []}


def _check(body: Json, *, new: bool) -> None:
    problems = Problems()
    problems.text(("name",), body.get("name"), low=1, high=100, required=new)
    problems.text(("topic",), body.get("topic"), high=4096)
    problems.number(("rate_limit_per_user",), body.get("rate_limit_per_user"), low=0, high=21_600)
    problems.number(("user_limit",), body.get("user_limit"), low=0, high=10_000)
    problems.number(("bitrate",), body.get("bitrate"), low=8_000, high=384_000)
    problems.raise_if_any()


def _fill(channel: Channel, body: Json) -> None:
    names = {"name": "name", "topic": "topic", "nsfw": "nsfw", "position": "position", "bitrate": "bitrate"}
    names |= {"user_limit": "user_limit", "rate_limit_per_user": "slowmode_s"}
    for key, attribute in names.items():
        if body.get(key) is not None:
            setattr(channel, attribute, body[key])


def _overwrite(entry: Any) -> Overwrite:
    allow, deny = int(entry.get("allow") or 0), int(entry.get("deny") or 0)
    return Overwrite(id=int(entry["id"]), member=entry.get("type") in (1, "member"), allow=allow, deny=deny)


_CHANNEL = "/channels/{channel}"
ROUTES = (
    Route(method="GET", template=_CHANNEL, handler=get),
    Route(method="PATCH", template=_CHANNEL, handler=edit),
    Route(method="DELETE", template=_CHANNEL, handler=delete),
    Route(method="PUT", template=f"{_CHANNEL}/permissions/{{overwrite}}", handler=put_overwrite),
    Route(method="DELETE", template=f"{_CHANNEL}/permissions/{{overwrite}}", handler=delete_overwrite),
    Route(method="POST", template=f"{_CHANNEL}/threads", handler=start_thread),
    Route(method="POST", template=f"{_CHANNEL}/messages/{{message}}/threads", handler=thread_of_message),
    Route(method="PUT", template=f"{_CHANNEL}/thread-members/@me", handler=join_thread),
    Route(method="GET", template="/guilds/{guild}/channels", handler=list_channels),
    Route(method="POST", template="/guilds/{guild}/channels", handler=create),
    Route(method="GET", template="/guilds/{guild}/threads/active", handler=active_threads),
)
