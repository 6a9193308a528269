"""From the body of a request to a message, for channels, interactions and follow-ups alike."""

from __future__ import annotations

import re
import struct
from typing import Any

from tracker.sandbox.model import Attachment, Channel, Json, Message, MessageFlag
from tracker.sandbox.payloads import attachment_json
from tracker.sandbox.permissions import Permission
from tracker.sandbox.rest.call import Call
from tracker.sandbox.validate import check_message
from tracker.sandbox.wire import ApiError, Refusal

__all__ = ["MAX_FILE", "apply_edit", "build_message"]

MAX_FILE = 10 * 1024 * 1024
"""Bytes of one file at most (https://discord.com/developers/docs/reference#uploading-files)."""

_EVERYONE = re.compile(r"@(everyone|here)")


def build_message(call: Call, channel: Channel, body: Json, *, extra_flags: int = 0) -> Message:
    """A new message by the bot, checked and not yet stored. Raises ApiError."""
    body = _trimmed(body)
    check_message(body, files=len(call.files), extra_flags=extra_flags)
    world = call.world
    message = Message(id=world.next_id(), channel_id=channel.id, author=world.bot, created_at=world.now())
    message.guild_id = channel.guild_id
    message.nonce = body.get("nonce")
    message.tts = bool(body.get("tts"))
    message.attachments = _uploads(call, body)
    _fill(call, message, body)
    return message


def apply_edit(call: Call, message: Message, body: Json, *, extra_flags: int = 0) -> None:
    """Change a message as PATCH does: what the body leaves out stays. Raises ApiError, and then nothing has changed."""
    body = _trimmed(body)
    check_message(body, files=len(call.files), extra_flags=extra_flags, may_be_empty=True)
    kept = message.attachments
    if body.get("attachments", ...) is not ...:
        ids = {str(entry.get("id")) for entry in body["attachments"] or ()}
        kept = [attachment for attachment in kept if str(attachment.id) in ids]
    files = kept + _uploads(call, body)
    after = {key: body[key] if key in body else getattr(message, key) for key in ("content", "embeds", "components")}
    if not any(after.values()) and not files:
        raise ApiError(Refusal.EMPTY_MESSAGE)
    message.attachments = files
    message.flags &= ~MessageFlag.LOADING
    _fill(call, message, body)


def _trimmed(body: Json) -> Json:
    content = body.get("content")
    return body | {"content": content.strip()} if isinstance(content, str) else body


def _fill(call: Call, message: Message, body: Json) -> None:
    if "content" in body:
        message.content = body["content"] or ""
    if "embeds" in body:
        message.embeds = [_embed(call, message, embed) for embed in body["embeds"] or ()]
    if "components" in body:
        message.components = body["components"] or []
        _number(message.components, 1)
    if "flags" in body:
        keep = message.flags & (MessageFlag.EPHEMERAL | MessageFlag.LOADING)
        message.flags = int(body["flags"] or 0) | keep
    _mentions(call, message, body)


def _mentions(call: Call, message: Message, body: Json) -> None:
    """https://discord.com/developers/docs/resources/message#allowed-mentions-object"""
    call.world.find_mentions(message)
    message.mention_everyone = _EVERYONE.search(message.content) is not None
    allowed = body.get("allowed_mentions")
    if isinstance(allowed, dict):
        parse, users, roles = (allowed.get(key) or [] for key in ("parse", "users", "roles"))
        if "users" not in parse:
            message.mentions = [user for user in message.mentions if str(user.id) in map(str, users)]
        if "roles" not in parse:
            message.mention_roles = [role for role in message.mention_roles if str(role) in map(str, roles)]
        message.mention_everyone = message.mention_everyone and "everyone" in parse
    channel = call.world.channel(message.channel_id)
    if channel is not None and not call.held(channel) & Permission.MENTION_EVERYONE:
        message.mention_everyone = False


def _uploads(call: Call, body: Json) -> list[Attachment]:
    described = {str(entry.get("id")): entry for entry in body.get("attachments") or () if isinstance(entry, dict)}
    made = []
    for number, upload in sorted(call.files.items()):
        if len(upload.content) > MAX_FILE:
            raise ApiError(Refusal.TOO_LARGE)
        entry = described.get(str(number), {})
        made.append(
            Attachment(
                id=call.world.next_id(),
                filename=re.sub(r"[^\w.\-]", "_", str(entry.get("filename") or upload.filename)),
                content=upload.content,
                content_type=upload.content_type,
                description=entry.get("description"),
                size=_png_size(upload.content),
            )
        )
    return made


def _png_size(content: bytes) -> tuple[int, int] | None:
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _embed(call: Call, message: Message, embed: Json) -> Json:
    """An embed as Discord gives it back: typed, without empty parts, `attachment://` turned into a link."""
    shown: Json = {"type": "rich"} | {key: value for key, value in embed.items() if value not in (None, "", [], {})}
    for key in ("image", "thumbnail"):
        if key in shown:
            shown[key] = _media(call, message, shown[key]["url"])
    for key in ("footer", "author"):
        url = (shown.get(key) or {}).get("icon_url")
        if url is not None:
            shown[key] = shown[key] | {"icon_url": _media(call, message, url)["url"]}
    if "fields" in shown:
        shown["fields"] = [field | {"inline": bool(field.get("inline"))} for field in shown["fields"]]
    return shown


def _media(call: Call, message: Message, url: str) -> Json:
    if url.startswith("attachment://"):
        for file in message.attachments:
            if file.filename == url.removeprefix("attachment://"):
                body = attachment_json(file, channel_id=message.channel_id, base_url=call.world.base_url)
                width, height = file.size or (0, 0)
                return {"url": body["url"], "proxy_url": body["url"], "width": width, "height": height}
    return {"url": url, "proxy_url": url, "width": 0, "height": 0}


def _number(components: list[Any], start: int) -> int:
    """Give every component the `id` that Discord gives those without one."""
    for component in components:
        component.setdefault("id", start)
        start = _number(component.get("components") or [], start + 1)
        if "accessory" in component:
            start = _number([component["accessory"]], start)
    return start
