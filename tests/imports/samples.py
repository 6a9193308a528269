"""Files as other tools write them, in their real shape, with what does not matter to us left in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tracker.ids import DISCORD_EPOCH_MS

GUILD, CHANNEL, THREAD, CATEGORY = 1_100_000_000_000_000_001, 30, 31, 29
MINJUN, JISOO, ALEX, BOT = 20, 21, 22, 23
START = 1_771_395_412_000
"""2026-02-18T06:16:52Z"""


def message_id(at: int = START, number: int = 0) -> int:
    """The id of a message of that instant."""
    return (at - DISCORD_EPOCH_MS << 22) + number


def message(
    author: int = MINJUN, at: int = START, *, number: int = 0, nickname: str | None = "민준", **others: Any
) -> dict[str, Any]:
    """A message as DiscordChatExporter writes it."""
    return {
        "id": str(message_id(at, number)),
        "type": "Default",
        "timestamp": "2026-02-18T15:16:52+09:00",
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": 'said "hello" \\ {[ 안녕',
        "author": {
            "id": str(author),
            "name": f"user{author}",
            "discriminator": "0000",
            "nickname": nickname,
            "color": None,
            "isBot": author == BOT,
            "roles": [{"id": "40", "name": "스터디", "color": "#FFFFFF", "position": 1}],
            "avatarUrl": "https://cdn.discordapp.com/embed/avatars/0.png",
        },
        "attachments": [],
        "components": [],
        "embeds": [],
        "stickers": [],
        "reactions": [],
        "mentions": [],
        "inlineEmojis": [],
    } | others


def chat(messages: Iterable[object], *, guild: int = GUILD, **channel: Any) -> dict[str, Any]:
    """A whole file of DiscordChatExporter's; `channel`: other values of the channel."""
    told = list(messages)
    return {
        "guild": {"id": str(guild), "name": "모여서 공부", "iconUrl": "https://cdn.discordapp.com/i.png"},
        "channel": {
            "id": str(CHANNEL),
            "type": "GuildTextChat",
            "categoryId": str(CATEGORY),
            "category": "이야기",
            "name": "잡담",
            "topic": None,
        }
        | channel,
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2026-02-20T00:00:00+09:00",
        "messages": told,
        "messageCount": len(told),
    }


def thread_chat(messages: Iterable[object]) -> dict[str, Any]:
    """The file of a thread in the channel."""
    return chat(
        messages,
        id=str(THREAD),
        name="긴 이야기",
        type="GuildPublicThread",
        categoryId=str(CHANNEL),
        category="잡담",
    )


def text_of(plain: object) -> bytes:
    """As the exporter writes it: indented, and letters as they are."""
    return json.dumps(plain, ensure_ascii=False, indent=2).encode()


def mee6(exp: dict[int, int], *, guild: int | None = GUILD) -> dict[str, Any]:
    """A page of MEE6's leaderboard; `guild` None: the page does not say of which server it is."""
    players = [
        {
            "avatar": "",
            "detailed_xp": [10, 100, total],
            "discriminator": "0",
            "guild_id": str(guild),
            "id": str(user),
            "is_monetize_subscriber": False,
            "level": 3,
            "message_count": 12,
            "monetize_xp_boost": 0,
            "username": f"user{user}",
            "xp": total,
        }
        for user, total in exp.items()
    ]
    about = {"admin": False, "page": 0, "players": players, "role_rewards": [], "xp_rate": 1.0}
    if guild is None:
        for player in players:
            del player["guild_id"]
        return about
    return about | {"guild": {"id": str(guild), "name": "모여서 공부", "premium": False}}


def lurkr(exp: dict[int, int]) -> dict[str, Any]:
    """Lurkr's levels."""
    levels = [
        {
            "level": 3, "messageCount": 12, "nextLevelXp": 1000, "progress": 50, "rank": n, "userId": str(user),
            "user": {"accentColour": None, "username": f"user{user}"}, "xp": total,
        }
        for n, (user, total) in enumerate(exp.items(), 1)
    ]  # fmt: skip
    return {"guild": {"icon": None, "id": str(GUILD), "memberCount": 3, "name": "x"}, "levels": levels, "vanity": None}


def polaris(exp: dict[int, int]) -> dict[str, Any]:
    """What Polaris's /export gives; it does not say of which server."""
    users = {str(user): {"xp": total, "cooldown": 1_700_000_000_000} for user, total in exp.items()}
    return {"settings": {"enabled": True, "gain": {"min": 50, "max": 100, "time": 60}}, "users": users}
