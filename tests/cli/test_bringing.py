"""Appending beside a running bot: in small parts, marked, and only as long as that bot is the writer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from store import lease as leases
from store import log, rebuild
from store.engine import Database
from tests.cli.test_holding import ELSEWHERE, said
from tests.store.living import tables
from tracker.cli import bringing
from tracker.cli.bringing import append_beside, bring_in
from tracker.cli.holding import holding
from tracker.clock import SystemClock
from tracker.errors import DatabaseError
from tracker.events.envelope import Event
from tracker.events.ticks import tick
from tracker.ids import EventId, GuildId, Ms, Partition

HERE, THERE = GuildId(10), GuildId(11)


@pytest.mark.parametrize(("many", "part", "whole"), [(40, 8, True), (41, 8, False), (40, 1, False)])
def test_after_very_many_events_all_are_counted_anew_and_else_their_guilds(
    database: Database, monkeypatch: pytest.MonkeyPatch, many: int, part: int, whole: bool
) -> None:
    others = [replace(said(n), id=EventId(f"message:{n}"), guild_id=THERE) for n in range(901, 911)]
    make, asked = rebuild.rebuild, list[object]()

    def made(db: Database, *, guilds: Any, **given: Any) -> None:
        asked.append(guilds)
        make(db, guilds=guilds, **given)

    monkeypatch.setattr(rebuild, "rebuild", made)
    monkeypatch.setattr(bringing, "_MANY", many)
    monkeypatch.setattr(bringing, "_PART", part)
    with holding(database) as lease:
        bring_in(database, lease, [others], {THERE})
        done = bring_in(database, lease, [[said(n) for n in range(1, 41)]], {HERE})
    assert (done.new, done.guilds) == (40, {10})
    assert asked == [{THERE}, None if whole else {HERE}]
    assert not rebuild.marked(database)
    assert rebuild.verify(database) == []
    assert {row[0] for row in tables(database)["daily"]} == {10, 11}


def test_it_appends_in_small_parts_and_rests_in_between(database: Database) -> None:
    bots, rests = leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE), list[float]()
    batch = [said(n) for n in range(1, 1_201)]
    done = append_beside(database, bots, [batch, [tick(Partition(0), Ms(5)), said(1)]], rest=rests.append)
    assert (done.new, done.there, done.ticks, done.guilds) == (1_200, 1, 1, {10})
    assert len(rests) == 4
    assert all(0 <= seconds <= 1 for seconds in rests)
    assert rebuild.marked(database) == {10}
    assert sum(log.head(database).values()) == 1_200


def test_once_somebody_else_writes_nothing_more_is_appended(database: Database) -> None:
    bots = leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)

    def batches() -> Iterator[list[Event]]:
        yield [said(1)]
        leases.release(database, bots)
        leases.acquire(database, now=SystemClock().now(), command=True)
        yield [said(2)]

    with pytest.raises(DatabaseError, match=r"taken over .* 1 events are in the log: import again"):
        append_beside(database, bots, batches())
    assert sum(log.head(database).values()) == 1
