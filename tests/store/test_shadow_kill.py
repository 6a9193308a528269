"""Whenever a rebuild is killed: the read models are wholly those of one rebuild, and nothing else is left for long."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from store.engine import Database
from store.shadow import Shadow, sweep
from store.shadow_tables import SHADOWS, aside
from tests.databases import only_sqlite
from tests.store.rebuilding import ROWS, rows_of
from tests.store.shadows import add_rows
from tests.store.test_shadow import definitions, home, swap
from tracker.projections.rows import TABLES

LONGEST_S = 0.8
"""About how long two rebuilds take."""


def rebuilt_as(db: Database) -> int:
    """The number of the rebuild whose rows the live tables hold, every one of them."""
    with db.read() as connection:
        (number,) = connection.exec_driver_sql("SELECT DISTINCT day FROM daily").scalars()
        for name, table in TABLES.items():
            found = connection.exec_driver_sql(f"SELECT {', '.join(table.columns)} FROM {name}").all()
            assert sorted(map(tuple, found)) == rows_of(name, number), name
    return int(number)


def killed_after(address: str, seconds: float, *how: str) -> None:
    """Rebuilds in another process, which is killed some time after its start."""
    command = [sys.executable, "-m", "tests.store.rebuilding", address, *how]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        child.kill()


@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.timeout(900)
def test_a_rebuild_killed_at_any_instant_leaves_whole_tables_and_a_clean_sweep(
    database: Database, database_url: str, open_again: Callable[[], Database], kills: int
) -> None:
    before = definitions(database)
    with Shadow.create(database, database.all_partitions) as shadow:
        for name in TABLES:
            add_rows(shadow, name, home(database), rows_of(name, 1))
        swap(database, shadow)
    instants = random.Random(7)
    seen = [rebuilt_as(database)]
    for _ in range(kills):
        killed_after(database_url, instants.uniform(0, LONGEST_S))
        again = open_again()
        seen.append(rebuilt_as(again))
        sweep(again)
        assert sweep(again) == []
        assert definitions(again) == before
        assert len(rows_of("daily", 1)) == ROWS
    assert seen[0] == 1


@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.timeout(900)
def test_so_does_one_of_very_many_rows(
    database: Database, database_url: str, open_again: Callable[[], Database], kills: int
) -> None:
    with Shadow.create(database, database.all_partitions) as shadow:
        for name in TABLES:
            add_rows(shadow, name, home(database), rows_of(name, 1))
        swap(database, shadow)
    instants = random.Random(9)
    for _ in range(kills):
        killed_after(database_url, instants.uniform(0.5, 3 * LONGEST_S), "bulk")
        again = open_again()
        rebuilt_as(again)
        sweep(again)
        assert sweep(again) == []
        assert again.dialect != "sqlite" or not aside(again).exists()


@only_sqlite  # which copies tables from a file of ours
def test_so_does_one_that_is_killed_when_some_tables_are_copied_and_being_read(
    database: Database, database_url: str, open_again: Callable[[], Database]
) -> None:
    before = definitions(database)
    with Shadow.create(database, database.all_partitions) as shadow:
        for name in TABLES:
            add_rows(shadow, name, home(database), rows_of(name, 1))
        swap(database, shadow)
    command = [sys.executable, "-m", "tests.store.rebuilding", database_url, "between"]
    assert subprocess.run(command, check=False, timeout=300).returncode == -signal.SIGKILL
    again = open_again()
    assert rebuilt_as(again) == 1
    assert aside(again).exists()
    with again.read() as connection:
        counts = {connection.exec_driver_sql(f"SELECT COUNT(*) FROM {SHADOWS[name]}").scalar_one() for name in TABLES}
    assert ROWS in counts
    assert {*SHADOWS.values(), aside(again).name} == set(sweep(again))
    assert definitions(again) == before
