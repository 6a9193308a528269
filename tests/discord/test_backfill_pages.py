"""What is made of a page of messages: what the gateway would have made of them, and nothing else."""

from __future__ import annotations

import inspect
from typing import Any

import hikari
import pytest
from hikari.impl.rest import RESTClientImpl

from store.backfills import Backfill, Place
from tests.discord.archivist import BackfillHouse
from tracker.discord.backfill_pages import PAGE, fetch_page, message_facts
from tracker.events.envelope import Event
from tracker.events.message import MessageSent
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, GuildId, MessageId, Ms, UserId

AT = Ms(1_771_400_000_000)
NUMBER = (AT - DISCORD_EPOCH_MS) << 22
WANTED = Backfill(guild_id=GuildId(7 << 22), run=AT, since=Ms(0), until=AT)
CHANNEL = Place(channel_id=ChannelId(30), name="chat", before=MessageId(1 << 62))
THREAD = Place(channel_id=ChannelId(31), name="thread", before=MessageId(1 << 62), parent_id=ChannelId(30))


def payload(**changes: Any) -> dict[str, Any]:
    author = {"id": "20", "bot": False} | changes.pop("author", {})
    return {"id": str(NUMBER), "type": 0, "author": author, "attachments": []} | changes


def facts(*page: dict[str, Any], place: Place = CHANNEL) -> list[Event]:
    return message_facts(page, WANTED, place, lambda user, at: user == 99 and at == AT)


def test_hikari_still_has_the_private_name_that_pages_are_asked_for_with() -> None:
    assert {"compiled_route", "query"} <= set(inspect.signature(RESTClientImpl._request).parameters)


def test_a_message_is_a_fact_with_the_time_that_is_in_its_id() -> None:
    (fact,) = facts(payload(type=19, attachments=[{}, {}]), place=THREAD)
    assert fact == Event(
        id=f"message:{NUMBER}",  # type: ignore[arg-type]
        guild_id=WANTED.guild_id,
        user_id=UserId(20),
        channel_id=ChannelId(30),
        occurred_at=AT,
        data=MessageSent(thread_id=ChannelId(31), attachments=2, reply=True),
    )
    (plain,) = facts(payload())
    assert (plain.channel_id, plain.data) == (30, MessageSent())


def test_they_come_in_the_order_in_which_they_were_written() -> None:
    page = [payload(id=str(NUMBER + n)) for n in (3, 2, 1)]
    assert [e.id for e in facts(*page)] == [f"message:{NUMBER + n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "changes",
    [
        {"author": {"bot": True}},
        {"author": {"system": True}},
        {"webhook_id": "5"},
        {"type": 7},
        {"type": 21},
        {"type": 20},
        {"author": {"id": "99"}},
        {"author": {"id": "456226577798135808"}},
    ],
    ids=["bot", "system", "webhook", "arrival", "start of a thread", "command", "opted out", "deleted account"],
)
def test_what_makes_no_event_live_makes_none_here(changes: dict[str, Any]) -> None:
    assert facts(payload(**changes)) == []


@pytest.mark.parametrize("broken", [{"id": "x"}, {"author": None}, {"attachments": 3}])
def test_one_that_cannot_be_read_hides_no_other(broken: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    assert len(facts(payload(id=str(NUMBER + 2)), payload() | broken, payload(id=str(NUMBER + 1)))) == 2
    assert "a message in channel 30 cannot be read" in caplog.text


async def test_pages_go_back_in_time_without_a_gap(past: BackfillHouse) -> None:
    written = past.wrote(past.ana, past.text, 3, 2 * PAGE + 7)
    app = hikari.RESTApp(url=past.sandbox.rest_url)
    await app.start()
    found: list[int] = []
    async with app.acquire(past.sandbox.token, hikari.TokenType.BOT) as rest:
        before = MessageId(1 << 62)
        while page := await fetch_page(rest, ChannelId(past.text.id), before):
            assert len(page) <= PAGE
            found += [int(message["id"]) for message in page]
            before = MessageId(found[-1])
    await app.close()
    assert found == [message.id for message in reversed(written)]
    assert sum(r.path.endswith("/messages") for r in past.sandbox.requests) == 4
