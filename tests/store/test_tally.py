"""What is asked of a database is counted, whichever way it is asked."""

from __future__ import annotations

import store.deliveries
import store.lease
import store.log
from store.engine import Database
from store.tally import tally
from tests.store.support import fact
from tracker.ids import Ms


def test_reading_is_counted(database: Database) -> None:
    with tally(database) as asked:
        store.log.head(database)
    assert asked.statements == 1
    assert asked.turns == 2  # it begins, and it ends


def test_writing_is_counted_with_its_transaction(database: Database) -> None:
    with tally(database) as asked:
        store.deliveries.next_due(database)
        store.lease.acquire(database, now=Ms(1))
    assert asked.statements == len(asked.texts) > 2
    assert asked.round_trips == asked.statements + 4


def test_an_append_to_postgresql_is_one_round_trip_once_its_members_are_known(database: Database) -> None:
    store.log.append(database, [fact()], recorded_at=Ms(1))
    with tally(database) as asked:
        store.log.append(database, [fact(at=1)], recorded_at=Ms(1))
    assert asked.round_trips == (1 if database.dialect == "postgresql" else 4)


def test_afterwards_nothing_is_counted(database: Database) -> None:
    with tally(database) as asked:
        pass
    store.log.head(database)
    assert asked.round_trips == 0
