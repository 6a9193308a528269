"""What a bot can ask of the gateway after it has identified."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import orjson

from tracker.sandbox.gateway.hub import Hub
from tracker.sandbox.gateway.session import Session
from tracker.sandbox.intents import Intent
from tracker.sandbox.model import Guild, Json, Member, VoiceState
from tracker.sandbox.payloads import member_json

__all__ = ["CHUNK", "move_bot", "send_members"]

CHUNK = 1000
"""Members in one GUILD_MEMBERS_CHUNK at most."""


async def send_members(hub: Hub, session: Session, data: Json) -> None:
    """https://discord.com/developers/docs/events/gateway-events#request-guild-members

    Asked for a guild that does not exist or without the intent for a whole list, Discord stays silent; so do we.
    """
    guild = hub.world.guilds.get(_id(data.get("guild_id")))
    if guild is None or not session.wants("GUILD_MEMBERS_CHUNK", guild.id):
        return
    found, missing = _select(guild, data, whole=Intent.GUILD_MEMBERS in session.intents)
    if found is None:
        return
    count = max(1, -(-len(found) // CHUNK))
    for index in range(count):
        part = found[index * CHUNK : (index + 1) * CHUNK]
        body: Json = {
            "guild_id": str(guild.id),
            "members": [member_json(member) for member in part],
            "chunk_index": index,
            "chunk_count": count,
            "not_found": missing,
        }
        nonce = data.get("nonce")
        if isinstance(nonce, str) and len(nonce.encode()) <= 32:
            body["nonce"] = nonce
        if data.get("presences"):
            body["presences"] = []
        session.dispatch("GUILD_MEMBERS_CHUNK", orjson.dumps(body))
        await asyncio.sleep(0)


def _id(value: Any) -> int:
    return int(value) if isinstance(value, str | int) and str(value).isdigit() else 0


def _select(guild: Guild, data: Json, *, whole: bool) -> tuple[list[Member] | None, list[str]]:
    """The members asked for, and the ids that are none; (None, …) if it may not be asked."""
    if "user_ids" in data:
        asked = data["user_ids"] if isinstance(data["user_ids"], list) else [data["user_ids"]]
        ids = [_id(one) for one in asked][:100]
        return [guild.members[i] for i in ids if i in guild.members], [str(i) for i in ids if i not in guild.members]
    query, limit = str(data.get("query", "")), int(data.get("limit") or 0)
    if not query and not limit:
        return (list(guild.members.values()), []) if whole else (None, [])
    found = [member for member in guild.members.values() if member.display_name.startswith(query)]
    return found[: min(limit or 100, 100)], []


def move_bot(hub: Hub, session: Session, data: Json) -> None:
    """Update Voice State: the bot itself joins, moves or leaves (no audio is served)."""
    guild = hub.world.guilds.get(_id(data.get("guild_id")))
    if guild is None:
        return
    me = hub.world.me(guild)
    channel = guild.channels.get(_id(data.get("channel_id")))
    if channel is None or not channel.type.is_voice:
        if me.voice is not None:
            hub.world.leave_voice(me)
        return
    me.voice = VoiceState(channel_id=channel.id, session_id=session.id)
    me.voice.self_mute, me.voice.self_deaf = bool(data.get("self_mute")), bool(data.get("self_deaf"))
    hub.world.tell_voice(me)
    server = {"token": secrets.token_hex(8), "guild_id": str(guild.id), "endpoint": None}
    session.dispatch("VOICE_SERVER_UPDATE", orjson.dumps(server))
