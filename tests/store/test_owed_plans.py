"""What is asked every second or for each post is found by indexes, however much there ever was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from store import deliveries, member_sync, outlook, schema
from store.deliveries import NewDelivery
from store.engine import Database, open_database
from tests.databases import DIALECTS, fresh
from tests.store.support import CHANNEL, GUILD, START
from tracker.ids import MessageId, Ms, partition_of

MANY = 3_000
LATER = Ms(START + 10)


def post(number: int) -> NewDelivery:
    key = f"level:{GUILD}:{number}:1"
    return NewDelivery(key=key, guild_id=GUILD, channel_id=CHANNEL, kind="level", payload="{}", at=Ms(START))


@pytest.fixture(scope="module", params=DIALECTS)
def long_used(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database in which almost everything arrived long ago. What is asked of it here changes nothing in it."""
    with fresh(request, tmp_path_factory.mktemp("long")) as url:
        database = open_database(url)
        fill(database)
        yield database
        database.close()


def fill(database: Database) -> None:
    partition = partition_of(GUILD, database.partitions)
    rows = [{"partition": partition, "guild_id": GUILD, "user_id": n, "next_attempt_at": START} for n in range(MANY)]
    common = {"level": 1, "tier_roles": "", "revision": 1, "attempts": 1}
    with database.write() as connection:
        member = [{**row, **common, "state": "sent"} for row in rows]
        connection.execute(schema.member_sync.insert(), member)
        deliveries.enqueue_in(connection, database.partitions, [post(number) for number in range(MANY)])
        connection.execute(schema.deliveries.update().values(state="sent", message_id=1))
    deliveries.enqueue(database, post(MANY))
    if database.dialect == "postgresql":
        with database.autocommit() as connection:
            connection.exec_driver_sql("ANALYZE")


def plans(db: Database, ask: Callable[[], object]) -> list[str]:
    """How the database goes about every statement that `ask` sends it."""
    lines: list[str] = []
    explain = "EXPLAIN QUERY PLAN " if db.dialect == "sqlite" else "EXPLAIN "

    def note(_c: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asking = cursor.connection.cursor()  # not by one that streams: it can do nothing but that
            asking.execute(explain + statement, parameters)
            lines.extend(str(row[-1]) for row in asking.fetchall())

    for engine in (db.engine, db.reader):
        event.listen(engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        for engine in (db.engine, db.reader):
            event.remove(engine, "before_cursor_execute", note)
    return lines


QUESTIONS: dict[str, tuple[str, Callable[[Database], object]]] = {
    "members of a guild": ("member_sync_due", lambda db: member_sync.due(db, LATER, guild=GUILD, limit=20)),
    "guilds": ("member_sync_due", member_sync.owed_guilds),
    "posts": ("deliveries_due", lambda db: deliveries.due(db, LATER)),
    "the next post": ("deliveries_due", deliveries.next_due),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_owed_is_found_without_what_was_ever_owed(long_used: Database, question: str) -> None:
    index, ask = QUESTIONS[question]
    found = plans(long_used, lambda: ask(long_used))
    assert any(index in line for line in found), found
    assert not any(line.startswith("SCAN deliveries") or "Seq Scan on deliveries" in line for line in found), found


def test_the_newest_announcement_of_a_member_is_found_without_those_of_all_others(long_used: Database) -> None:
    (owed,) = deliveries.due(long_used, LATER)
    kept: list[bool] = []
    like = f"level:{GUILD}:{MANY}:"
    found = plans(long_used, lambda: kept.append(deliveries.keep_newest(long_used, owed, like)))
    assert kept == [True]
    by_key = "PRIMARY KEY (partition=? AND key>? AND key<?)"
    assert any((by_key if long_used.dialect == "sqlite" else "deliveries_due") in line for line in found), found


def test_of_a_members_announcements_the_newest_stays_and_nobody_elses_is_touched(database: Database) -> None:
    for user, level in ((1, 9), (1, 10), (11, 9), (1, 8)):
        key = f"level:{GUILD}:{user}:{level}"
        at = Ms(START + level)
        deliveries.enqueue(
            database, NewDelivery(key=key, guild_id=GUILD, channel_id=CHANNEL, kind="level", payload="{}", at=at)
        )
    owed = {post.key: post for post in deliveries.due(database, Ms(START + 100))}
    assert not deliveries.keep_newest(database, owed[f"level:{GUILD}:1:8"], f"level:{GUILD}:1:")
    assert [post.key for post in deliveries.due(database, Ms(START + 100))] == [
        f"level:{GUILD}:11:9",
        f"level:{GUILD}:1:10",
    ]
    deliveries.mark_sent(database, owed[f"level:{GUILD}:11:9"], MessageId(1))
    assert deliveries.keep_newest(database, owed[f"level:{GUILD}:1:10"], f"level:{GUILD}:1:")


BLOCKED: dict[str, Callable[[Database], object]] = {
    "how many": lambda db: outlook.blocked_by_guild(db, posts_since=Ms(START), kinds=("level",)),
    "which": lambda db: outlook.stuck_posts(db, "blocked", guild=GUILD, since=Ms(START), kinds=("level",), limit=5),
}


@pytest.mark.parametrize("question", BLOCKED)
def test_what_is_blocked_is_found_in_one_reading_however_much_it_is(long_used: Database, question: str) -> None:
    found = plans(long_used, lambda: BLOCKED[question](long_used))
    assert found
    assert not any("CORRELATED" in line or "SubPlan" in line for line in found), found
