"""A blocked report comes to be owed once more as the same row, and only if it is blocked still."""

from __future__ import annotations

import pytest

from store import blocked_runs, deliveries, report_runs
from store.blocked_runs import Again, Over
from store.engine import Database
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START
from tests.store.test_owed_plans import plans
from tests.store.test_report_runs import entry, key, run, states
from tracker.ids import ChannelId, GuildId, MessageId, Ms

LATER = Ms(START + 500)
ELSEWHERE = ChannelId(CHANNEL + 1)


def again(day: int, guild: GuildId = GUILD) -> Again:
    return Again(guild_id=guild, key=key(day, guild=guild), payload='{"late": true}', channel_id=ELSEWHERE)


@pytest.fixture
def refused(database: Database) -> Database:
    """Windows 1 to 3 of a guild are blocked, the 4th is sent; of another guild the 1st is blocked."""
    owed = [entry(run(1), run(2), run(3), run(4)), entry(run(1, guild=OTHER_GUILD))]
    report_runs.owe(database, owed)
    for one in deliveries.due(database, Ms(START + 9)):
        if one.key == key(4):
            deliveries.mark_sent(database, one, MessageId(5))
        else:
            deliveries.mark_blocked(database, one, "no")
    return database


def test_what_is_blocked_is_known_by_guild(refused: Database) -> None:
    assert blocked_runs.blocked_keys(refused) == {
        GUILD: {key(1), key(2), key(3)},
        OTHER_GUILD: {key(1, guild=OTHER_GUILD)},
    }


def test_of_the_keys_those_that_are_blocked_are_given_in_the_order_in_which_they_were_owed(refused: Database) -> None:
    asked = {key(day) for day in (4, 3, 2, 1, 9)}
    assert [one.key for one in blocked_runs.read(refused, GUILD, asked)] == [key(1), key(2), key(3)]
    assert blocked_runs.read(refused, OTHER_GUILD, {key(9)}) == []


def test_what_is_tried_again_is_due_at_once_in_its_order_and_known_to_have_been_tried(refused: Database) -> None:
    assert blocked_runs.settle(refused, [again(3), again(2)], [], now=LATER) == 2
    due = deliveries.due(refused, LATER)
    assert [(one.key, one.attempts, one.payload, one.channel_id, one.error) for one in due] == [
        (key(2), 1, '{"late": true}', ELSEWHERE, None),
        (key(3), 1, '{"late": true}', ELSEWHERE, None),
    ]
    assert [one.created_at for one in due] == [START + 2, START + 3]
    assert deliveries.due(refused, Ms(LATER - 1)) == []


def test_what_is_not_blocked_any_more_stays_as_it_is(refused: Database) -> None:
    assert blocked_runs.settle(refused, [again(4), again(9)], [], now=LATER) == 0
    assert blocked_runs.settle(refused, [again(2)], [], now=LATER) == 1
    assert blocked_runs.settle(refused, [again(2)], [], now=LATER) == 0
    over = Over(guild_id=GUILD, key=key(4), reason="too old")
    assert blocked_runs.settle(refused, [], [over, Over(guild_id=GUILD, key=key(1), reason="too old")], now=LATER) == 0
    here = {k: state for k, state in states(refused).items() if k.startswith(f"report:{GUILD}:")}
    assert here == {key(1): "dropped", key(2): "pending", key(3): "blocked", key(4): "sent"}
    found = deliveries.find(refused, GUILD, key(1))
    assert found is not None
    assert found.error == "too old"


def test_guilds_do_not_settle_each_other(refused: Database) -> None:
    foreign = Again(guild_id=OTHER_GUILD, key=key(1), payload="{}", channel_id=None)
    blocked_runs.settle(refused, [foreign], [], now=LATER)
    assert states(refused)[key(1, guild=OTHER_GUILD)] == "blocked"


def test_they_are_read_and_settled_by_their_keys(refused: Database) -> None:
    keys = [key(day) for day in (1, 2, 3)]

    def ask() -> None:
        blocked_runs.read(refused, GUILD, keys)
        blocked_runs.settle(refused, [again(1)], [Over(guild_id=GUILD, key=key(2), reason="too old")], now=LATER)

    with refused.write() as connection:  # so many others that reading all of them would be the longer way
        others = [run(day, entry="9:daily:100").delivery for day in range(2_000)]
        deliveries.enqueue_in(connection, refused.partitions, others)
    if refused.dialect == "postgresql":
        with refused.autocommit() as connection:
            connection.exec_driver_sql("ANALYZE deliveries")
    found = plans(refused, ask)
    by_key = "PRIMARY KEY" if refused.dialect == "sqlite" else "deliveries_pkey"
    assert sum(by_key in line for line in found) >= 3, found
    assert not any(line.startswith("SCAN deliveries") or "Seq Scan on deliveries" in line for line in found), found
