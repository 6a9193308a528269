"""What is owed to Discord, counted and named."""

from __future__ import annotations

from typing import Any

import pytest

from store import deliveries, outlook
from store.deliveries import NewDelivery
from store.engine import Database
from store.outlook import Blocked
from store.schema import member_sync
from store.tally import tally
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START
from tracker.ids import ChannelId, GuildId, MessageId, Ms, partition_of

LATER = Ms(START + 1000)
KINDS = ("report",)
OTHER_CHANNEL = ChannelId(901)


def owe(db: Database, key: str, state: str = "pending", **changes: Any) -> None:
    """A post in that state; `at`: ms after START at which it was owed."""
    given = {"guild_id": GUILD, "channel_id": CHANNEL, "kind": "report", "payload": "{}", **changes}
    new = NewDelivery(key=key, at=Ms(START + given.pop("at", 0)), **given)
    deliveries.enqueue(db, new)
    owed = deliveries.find(db, new.guild_id, key)
    assert owed is not None
    if state == "sent":
        deliveries.mark_sent(db, owed, MessageId(7))
    elif state == "failed":
        deliveries.mark_failed(db, owed, "HTTP 503", next_attempt_at=LATER)
    elif state == "blocked":
        deliveries.mark_blocked(db, owed, "HTTP 403")


def member(db: Database, user: int, state: str, *, guild: GuildId = GUILD, error: str | None = None) -> None:
    row = {"partition": partition_of(guild, db.partitions), "guild_id": guild, "user_id": user, "state": state,
           "error": error, "level": 1, "tier_roles": "", "revision": 1, "next_attempt_at": LATER}  # fmt: skip
    with db.write() as connection:
        connection.execute(member_sync.insert().values(row))


@pytest.fixture
def stuck(database: Database) -> Database:
    owe(database, "a", "sent")
    owe(database, "b")
    owe(database, "c", "failed", at=1)
    owe(database, "d", "blocked", at=2)
    owe(database, "e", "blocked", at=3, guild_id=OTHER_GUILD, channel_id=None)
    member(database, 1, "sent")
    member(database, 3, "blocked", error="the owner")
    member(database, 2, "blocked")
    member(database, 4, "failed", error="HTTP 500")
    return database


def test_both_outboxes_are_counted_in_one_statement(stuck: Database) -> None:
    with tally(stuck) as asked:
        found = outlook.counts(stuck)
    assert found == {
        "posts": {"pending": 1, "sent": 1, "failed": 1, "blocked": 2},
        "members": {"pending": 0, "sent": 1, "failed": 1, "blocked": 2},
    }
    assert asked.statements == 1


def test_nothing_owed_counts_nothing(database: Database) -> None:
    none = {"pending": 0, "sent": 0, "failed": 0, "blocked": 0}
    assert outlook.counts(database) == {"posts": none, "members": none}
    assert outlook.blocked_by_guild(database, posts_since=Ms(0), kinds=KINDS) == {}


def test_guilds_with_anything_blocked_are_named_but_not_for_old_posts(stuck: Database) -> None:
    assert outlook.blocked_by_guild(stuck, posts_since=Ms(0), kinds=KINDS) == {
        GUILD: Blocked(posts=1, members=2),
        OTHER_GUILD: Blocked(posts=1, members=0),
    }
    assert outlook.blocked_by_guild(stuck, posts_since=Ms(START + 4), kinds=KINDS) == {
        GUILD: Blocked(posts=0, members=2)
    }


def test_other_kinds_and_reasons_that_nobody_can_change_do_not_count(stuck: Database) -> None:
    owe(stuck, "start:1", "blocked", at=9, kind="start")
    found = outlook.blocked_by_guild(stuck, posts_since=Ms(0), kinds=KINDS, but_for=["the owner"])
    assert found[GUILD] == Blocked(posts=1, members=1)
    assert [m.user_id for m in outlook.stuck_members(stuck, "blocked", but_for=["the owner"], limit=5)] == [2]
    assert [p.key for p in outlook.stuck_posts(stuck, "blocked", kinds=KINDS, guild=GUILD, limit=5)] == ["d"]


def test_stuck_posts_come_with_what_was_tried_the_newest_first(stuck: Database) -> None:
    assert [p.key for p in outlook.stuck_posts(stuck, "blocked", limit=5)] == ["e", "d"]
    assert [p.key for p in outlook.stuck_posts(stuck, "blocked", limit=1)] == ["e"]
    assert [p.key for p in outlook.stuck_posts(stuck, "blocked", since=Ms(START + 3), limit=5)] == ["e"]
    (post,) = outlook.stuck_posts(stuck, "blocked", guild=GUILD, limit=5)
    assert (post.key, post.error, post.channel_id, post.attempts) == ("d", "HTTP 403", CHANNEL, 1)
    (failed,) = outlook.stuck_posts(stuck, "failed", limit=5)
    assert (failed.key, failed.next_attempt_at) == ("c", LATER)


def test_stuck_members_come_by_their_id(stuck: Database) -> None:
    found = outlook.stuck_members(stuck, "blocked", limit=5)
    assert [(m.guild_id, m.user_id, m.error) for m in found] == [(GUILD, 2, ""), (GUILD, 3, "the owner")]
    assert [m.user_id for m in outlook.stuck_members(stuck, "failed", guild=GUILD, limit=5)] == [4]
    assert outlook.stuck_members(stuck, "blocked", guild=OTHER_GUILD, limit=5) == []


def test_a_channel_takes_posts_until_one_is_blocked_and_again_once_one_is_made(database: Database) -> None:
    assert outlook.takes_posts(database, GUILD, CHANNEL)
    owe(database, "a", "sent")
    owe(database, "b", "blocked", at=1)
    owe(database, "c", "failed", at=2)
    owe(database, "d", "sent", at=3, channel_id=OTHER_CHANNEL)
    assert not outlook.takes_posts(database, GUILD, CHANNEL)
    assert outlook.takes_posts(database, GUILD, OTHER_CHANNEL)
    owe(database, "e", "blocked", at=4, channel_id=None)
    assert outlook.takes_posts(database, GUILD, OTHER_CHANNEL)
    owe(database, "level:1", "sent", at=5, channel_id=None, kind="level")
    assert not outlook.takes_posts(database, GUILD, CHANNEL)
    owe(database, "f", "sent", at=5, channel_id=None)
    assert outlook.takes_posts(database, GUILD, CHANNEL)


def test_a_post_after_which_another_arrived_in_its_channel_is_settled(database: Database) -> None:
    owe(database, "a", "blocked")
    owe(database, "b", "blocked", channel_id=None)
    owe(database, "c", "sent", at=1, channel_id=OTHER_CHANNEL)
    owe(database, "d", "sent", at=1, guild_id=OTHER_GUILD)
    assert [p.key for p in outlook.stuck_posts(database, "blocked", limit=5)] == ["a", "b"]
    owe(database, "e", "sent", at=2)
    assert [p.key for p in outlook.stuck_posts(database, "blocked", limit=5)] == ["b"]
    owe(database, "level:1", "sent", at=2, channel_id=None, kind="level")
    assert [p.key for p in outlook.stuck_posts(database, "blocked", limit=5)] == ["b"]
    owe(database, "f", "sent", at=2, channel_id=None)
    assert outlook.stuck_posts(database, "blocked", limit=5) == []
    assert outlook.blocked_by_guild(database, posts_since=Ms(0), kinds=KINDS) == {}
