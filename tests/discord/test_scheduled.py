"""Between being owed and being posted a report may have been taken off the schedule, moved, or lost its role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import hikari
import pytest

from tracker.discord.posts import BlockedError, DroppedError, Owed, Post
from tracker.discord.scheduled import channel_now, scheduled
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import ChannelId, GuildId, Ms, RoleId

DAILY = {"role_id": "7", "channel_id": "100"}
MOVED = {"role_id": "7", "channel_id": "200"}
EVERYONE = {"channel_id": "100"}
_GUILD, _CHANNEL, _OWED_AT = GuildId(1), ChannelId(100), Ms(0)
POST = Post(embed=hikari.Embed(title="a report"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    key: str = "report:1:7:daily:100:20260218"
    guild_id: GuildId = _GUILD
    channel_id: ChannelId | None = _CHANNEL
    kind: str = "report"
    payload: str = '{"role_id": "7", "period": "daily", "day": 20260218, "family": ["7:daily:100"]}'
    nonce: str = "a" * 25
    attempts: int = 0
    created_at: Ms = _OWED_AT


def settings(*reports: dict[str, Any], log: str | None = "1") -> GuildSettings:
    return parse_settings({"reports": list(reports), "log_channel_id": log})


async def made(owed: Owed, now: GuildSettings, *, roles: tuple[int, ...] = (7,)) -> Post:
    async def render(_owed: Owed, _settings: GuildSettings) -> Post:
        return POST

    def has_role(guild: GuildId, role: RoleId) -> bool:
        return guild == 1 and role in roles

    return await scheduled(render, has_role)(owed, now)


async def test_what_is_on_the_schedule_is_posted_in_its_channel() -> None:
    assert await made(Report(), settings(DAILY)) is POST
    assert channel_now(Report(), settings(DAILY)) == 100


async def test_what_was_taken_off_the_schedule_is_dropped() -> None:
    with pytest.raises(DroppedError, match="taken off the schedule"):
        await made(Report(), settings(EVERYONE))


async def test_what_was_moved_goes_where_it_is_scheduled_now() -> None:
    assert await made(Report(), settings(EVERYONE, MOVED)) is POST
    assert channel_now(Report(), settings(EVERYONE, MOVED)) == 200
    to_log = settings({"role_id": "7"})
    assert channel_now(Report(), to_log) == 1
    assert channel_now(Report(), settings({"role_id": "7"}, log=None)) is None


async def test_the_log_channel_is_the_one_of_now() -> None:
    owed = Report(key="report:1:7:daily:log:20260218", channel_id=None)
    assert channel_now(owed, settings({"role_id": "7"}, log="5")) == 5
    assert channel_now(owed, settings({"role_id": "7"}, log=None)) is None


async def test_a_role_that_is_gone_needs_a_person() -> None:
    with pytest.raises(BlockedError, match="role 7 is gone"):
        await made(Report(), settings(DAILY), roles=())


async def test_everybody_needs_no_role() -> None:
    owed = Report(key="report:1:everyone:daily:100:20260218")
    assert await made(owed, settings(EVERYONE), roles=()) is POST


async def test_other_posts_are_left_alone() -> None:
    start = Report(key="start:1", kind="start", channel_id=ChannelId(9), payload="{}")
    assert await made(start, settings(), roles=()) is POST
    assert channel_now(start, settings()) == 9


async def test_a_payload_that_cannot_be_read_keeps_its_channel_and_says_so() -> None:
    owed = Report(payload="no JSON")
    assert channel_now(owed, settings(MOVED)) == 100
    with pytest.raises(ValueError, match="JSON"):
        await made(owed, settings(MOVED))
