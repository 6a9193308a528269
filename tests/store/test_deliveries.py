"""Posts are owed once, and stay owed until they are sent or a person is needed."""

from __future__ import annotations

import pytest

from store import deliveries
from store.deliveries import NewDelivery
from store.engine import Database
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START
from tracker.ids import GuildId, MessageId, Ms


def post(key: str = "report:1", *, at: int = 0, guild: GuildId = GUILD) -> NewDelivery:
    return NewDelivery(
        key=key, guild_id=guild, channel_id=CHANNEL, kind="report", payload='{"a": "가"}', at=Ms(START + at)
    )


def test_a_post_is_owed_once(database: Database) -> None:
    assert deliveries.enqueue(database, post())
    assert not deliveries.enqueue(database, post(at=5))
    (owed,) = deliveries.due(database, START)
    assert (owed.key, owed.guild_id, owed.channel_id, owed.kind) == ("report:1", GUILD, CHANNEL, "report")
    assert (owed.payload, owed.state, owed.attempts, owed.created_at) == ('{"a": "가"}', "pending", 0, START)


def test_the_nonce_fits_discord_and_is_the_same_for_the_same_post() -> None:
    assert post().nonce == post(at=5).nonce != post("report:2").nonce
    assert len(post().nonce) == 25


def test_what_is_due_comes_in_the_order_of_its_time_up_to_the_limit(database: Database) -> None:
    for key, at, guild in (("c", 3, GUILD), ("a", 1, OTHER_GUILD), ("b", 2, GUILD), ("later", 100, GUILD)):
        deliveries.enqueue(database, post(key, at=at, guild=guild))
    assert [d.key for d in deliveries.due(database, Ms(START + 10))] == ["a", "b", "c"]
    assert [d.key for d in deliveries.due(database, Ms(START + 10), limit=2)] == ["a", "b"]


def test_a_sent_post_is_not_due_again_and_keeps_its_message(database: Database) -> None:
    deliveries.enqueue(database, post())
    (owed,) = deliveries.due(database, START)
    deliveries.mark_sent(database, owed, MessageId(77))
    assert deliveries.due(database, Ms(START + 10**9)) == []
    sent = deliveries.find(database, GUILD, "report:1")
    assert sent is not None
    assert (sent.state, sent.message_id, sent.attempts) == ("sent", 77, 1)
    assert not deliveries.enqueue(database, post())


def test_a_failed_post_is_due_again_at_its_time(database: Database) -> None:
    deliveries.enqueue(database, post())
    (owed,) = deliveries.due(database, START)
    deliveries.mark_failed(database, owed, "500", next_attempt_at=Ms(START + 60))
    assert deliveries.due(database, Ms(START + 59)) == []
    (again,) = deliveries.due(database, Ms(START + 60))
    assert (again.state, again.attempts, again.error) == ("failed", 1, "500")


def test_a_blocked_post_waits_for_a_person(database: Database) -> None:
    deliveries.enqueue(database, post())
    (owed,) = deliveries.due(database, START)
    deliveries.mark_blocked(database, owed, "missing permission")
    assert deliveries.due(database, Ms(START + 10**9)) == []
    assert deliveries.count_by_state(database) == {"blocked": 1}


@pytest.mark.parametrize("guild", [GUILD, OTHER_GUILD])
def test_an_unknown_key_was_never_owed(database: Database, guild: GuildId) -> None:
    assert deliveries.find(database, guild, "report:1") is None


def level(key: str, *, at: int) -> NewDelivery:
    return NewDelivery(key=key, guild_id=GUILD, channel_id=None, kind="level", payload="{}", at=Ms(START + at))


def test_a_storm_leaves_room_for_the_rest(database: Database) -> None:
    for number in range(300):
        deliveries.enqueue(database, level(f"level:{number:03}", at=number))
    deliveries.enqueue(database, post("report:late", at=400))
    found = [owed.key for owed in deliveries.due(database, Ms(START + 500))]
    assert found == ["report:late", *(f"level:{number:03}" for number in range(5))]


def test_what_was_tried_before_keeps_its_place_in_its_channel(database: Database) -> None:
    deliveries.enqueue(database, post("a", at=1))
    deliveries.enqueue(database, post("b", at=2))
    (first, _) = deliveries.due(database, Ms(START + 2))
    deliveries.mark_failed(database, first, "HTTP 503", next_attempt_at=Ms(START + 9))
    assert [owed.key for owed in deliveries.due(database, Ms(START + 9))] == ["a", "b"]


def test_what_is_dropped_is_never_owed_again(database: Database) -> None:
    deliveries.enqueue(database, post())
    (owed,) = deliveries.due(database, START)
    deliveries.mark_dropped(database, owed, "not wanted")
    assert not deliveries.enqueue(database, post())
    assert deliveries.due(database, Ms(START + 99)) == []
    assert deliveries.count_by_state(database) == {"dropped": 1}


def test_of_those_alike_the_newest_is_kept(database: Database) -> None:
    for number, key in enumerate(["level:1:2", "level:1:10", "level:12:1", "level:1_:1"]):
        deliveries.enqueue(database, level(key, at=number))
    older, newest, *_ = deliveries.due(database, Ms(START + 9))
    assert not deliveries.keep_newest(database, older, "level:1:")
    assert deliveries.keep_newest(database, newest, "level:1:")
    assert not deliveries.keep_newest(database, older, "level:1:")
    assert [owed.key for owed in deliveries.due(database, Ms(START + 9))] == ["level:1:10", "level:12:1", "level:1_:1"]


def test_one_that_was_sent_is_not_dropped(database: Database) -> None:
    deliveries.enqueue(database, level("level:1:2", at=0))
    (sent,) = deliveries.due(database, START)
    deliveries.mark_sent(database, sent, MessageId(7))
    deliveries.enqueue(database, level("level:1:3", at=1))
    (owed,) = deliveries.due(database, Ms(START + 1))
    assert deliveries.keep_newest(database, owed, "level:1:")
    assert deliveries.count_by_state(database) == {"sent": 1, "pending": 1}
