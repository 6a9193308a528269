"""PostgreSQL hashes a whole guild, whatever it takes the tables for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from store import judging, member_sync, planning, preview_queries, sync_rows
from store.engine import Database
from tests.store.support import GUILD, START
from tracker.events.settings import parse_settings
from tracker.ids import Ms, Partition, partition_of
from tracker.projections.standing import StandingRules

BASES: dict[str, dict[str, Any]] = {
    "lifetime": {"basis": "lifetime"},
    "season": {"basis": "season"},
    "rolling": {"basis": "rolling", "rolling_days": 7},
}


def joins(db: Database, ask: Callable[[Any, Partition], object]) -> list[str]:
    """The nested loops in the plans of what is asked, of tables that hold nothing as far as PostgreSQL knows."""
    found: list[str] = []
    asked: list[str] = []

    def explain(_c: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if " JOIN " in statement:
            asked.append(statement)
            cursor.execute("EXPLAIN " + statement, parameters)
            found.extend(row[0] for row in cursor.fetchall() if "Nested Loop" in row[0])

    engines = {db.engine, db.reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", explain)
    try:
        with db.write() as connection:
            ask(connection, partition_of(GUILD, db.partitions))
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", explain)
    assert asked
    return found


@pytest.mark.parametrize("basis", BASES)  # SQLite joins by key
def test_members_are_judged_and_previewed_without_reading_one_table_for_each_row_of_another(
    postgresql: Database, basis: str
) -> None:
    tiers = {**BASES[basis], "list": [{"name": "one", "role_id": "5", "min_level": 1}]}
    settings = parse_settings({"tiers": tiers})
    rules = StandingRules(settings=settings, season_at=Ms(START))
    assert not joins(postgresql, lambda c, p: list(judging.judged(c, p, GUILD, rules, START)))
    assert not joins(postgresql, lambda *_: preview_queries.read_people(postgresql, GUILD, settings, now=START))


def test_neither_are_those_who_are_looked_through_at_a_start_or_a_change(postgresql: Database) -> None:
    assert not joins(postgresql, lambda *_: member_sync.desired(postgresql, GUILD))
    assert not joins(postgresql, lambda c, p: sync_rows.strays(c, p, GUILD, {5}))


def test_after_it_everything_is_planned_as_before(database: Database) -> None:
    with database.write() as connection:
        with planning.whole_guild(connection):
            pass
        if database.dialect == "postgresql":
            assert connection.exec_driver_sql("SHOW enable_nestloop").scalar_one() == "on"
