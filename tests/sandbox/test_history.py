"""What was written long ago, read back through the real client: pages, archived threads, permissions."""

from __future__ import annotations

import datetime

import hikari
import pytest

from tests.sandbox.clients import Rest
from tests.sandbox.conftest import Town
from tracker.ids import Ms, snowflake_ms
from tracker.sandbox import Channel
from tracker.sandbox.model import ChannelType, Message, Overwrite
from tracker.sandbox.permissions import Permission

DAY = 86_400_000


def old(town: Town, count: int, *, channel: Channel | None = None, days: int = 20) -> list[Message]:
    first = town.world.now() - days * DAY
    where = channel or town.text
    return [town.world.write_history(town.ann, where, Ms(first + n * 1000)) for n in range(count)]


def deny(town: Town, channel: Channel, permission: Permission) -> None:
    town.world.set_overwrite(channel, Overwrite(id=town.guild.id, deny=int(permission)))


async def test_history_is_there_without_anybody_having_been_told(bot: hikari.GatewayBot, town: Town) -> None:
    written = old(town, 250)
    now = town.world.send_message(town.minsu, town.text, "now")
    earlier = town.world.write_history(town.ann, town.text, Ms(town.world.now() - 30 * DAY), attachments=1, type=7)
    found = [int(m.id) async for m in bot.rest.fetch_messages(town.text.id)]
    assert found == [now.id, *(m.id for m in reversed(written)), earlier.id]
    assert [snowflake_ms(m.id) for m in written] == [m.created_at for m in written]
    again = town.world.write_history(town.ann, town.text, written[0].created_at)
    assert again.id == written[0].id + 1  # of the same millisecond, and another one


async def test_pages_go_back_forth_and_around(bot: hikari.GatewayBot, town: Town, rest: Rest) -> None:
    ids = [m.id for m in old(town, 250)]
    path = f"/channels/{town.text.id}/messages"

    async def page(query: str) -> list[int]:
        status, answer = await rest("GET", f"{path}?{query}")
        assert status == 200
        return [int(message["id"]) for message in answer]

    assert await page(f"before={ids[200]}&limit=100") == ids[100:200][::-1]
    assert await page(f"after={ids[200]}&limit=100") == ids[201:][::-1]
    assert await page(f"after={ids[10]}&limit=3") == ids[11:14][::-1]
    assert await page(f"around={ids[100]}&limit=3") == ids[99:102][::-1]
    assert await page("limit=2") == ids[-2:][::-1]
    for wrong in ("limit=101", "limit=0", "before=x"):
        assert (await rest("GET", f"{path}?{wrong}"))[0] == 400


async def test_without_the_permission_history_is_empty_and_a_hidden_channel_is_refused(
    bot: hikari.GatewayBot, town: Town
) -> None:
    old(town, 3)
    deny(town, town.text, Permission.READ_MESSAGE_HISTORY)
    assert [m async for m in bot.rest.fetch_messages(town.text.id)] == []
    deny(town, town.text, Permission.VIEW_CHANNEL)
    with pytest.raises(hikari.ForbiddenError):
        [m async for m in bot.rest.fetch_messages(town.text.id)]


async def test_the_chat_of_a_voice_channel_is_for_those_who_may_connect(bot: hikari.GatewayBot, town: Town) -> None:
    old(town, 3, channel=town.voice)
    assert len([m async for m in bot.rest.fetch_messages(town.voice.id)]) == 3
    deny(town, town.voice, Permission.CONNECT)
    with pytest.raises(hikari.ForbiddenError):
        [m async for m in bot.rest.fetch_messages(town.voice.id)]


async def test_archived_threads_are_listed_the_last_archived_first(bot: hikari.GatewayBot, town: Town) -> None:
    threads = [town.world.add_thread(town.text, f"thread {n}") for n in range(130)]
    town.world.add_thread(town.text, "open")
    private = town.world.add_thread(town.text, "private")
    private.type = ChannelType.PRIVATE_THREAD
    for n, thread in enumerate([*threads, private]):
        town.world.archive_thread(thread)
        thread.archived_at = Ms(town.world.now() - DAY + n * 1000)
    found = [thread async for thread in bot.rest.fetch_public_archived_threads(town.text.id)]
    assert [t.name for t in found] == [f"thread {n}" for n in reversed(range(130))]
    assert found[0].is_archived
    assert found[0].archive_timestamp == datetime.datetime.fromtimestamp(threads[-1].archived_at / 1000, datetime.UTC)
    deny(town, town.text, Permission.READ_MESSAGE_HISTORY)
    with pytest.raises(hikari.ForbiddenError):
        [t async for t in bot.rest.fetch_public_archived_threads(town.text.id)]


async def test_private_archived_threads_are_for_those_who_manage_threads(bot: hikari.GatewayBot, town: Town) -> None:
    thread = town.world.add_thread(town.text, "private")
    thread.type = ChannelType.PRIVATE_THREAD
    town.world.archive_thread(thread)
    with pytest.raises(hikari.ForbiddenError):
        [t async for t in bot.rest.fetch_private_archived_threads(town.text.id)]
    town.world.set_overwrite(town.text, Overwrite(id=town.guild.id, allow=int(Permission.MANAGE_THREADS)))
    assert [t.name async for t in bot.rest.fetch_private_archived_threads(town.text.id)] == ["private"]


async def test_what_is_asked_wrongly_is_refused(rest: Rest, town: Town) -> None:
    path = f"/channels/{town.text.id}/threads/archived/public"
    for query in ("before=yesterday", "before=2026-02-18T00:00:00", "limit=0", "limit=101"):
        status, answer = await rest("GET", f"{path}?{query}")
        assert (status, answer["code"]) == (400, 50035)
    status, answer = await rest("GET", f"/channels/{town.voice.id}/threads/archived/public")
    assert (status, answer["code"]) == (400, 50024)
    status, answer = await rest("GET", f"{path}?before=2026-02-18T00:00:00%2B00:00")
    assert (status, answer) == (200, {"threads": [], "members": [], "has_more": False})
