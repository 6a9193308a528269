"""Whenever the rebuild of a log is killed, the read models are wholly the old ones or wholly the new ones."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from store import log, rebuild
from store.engine import Database
from tests.store.living import tables
from tests.store.rebuilding_log import history, spoil
from tests.store.support import START
from tests.store.test_shadow import definitions

LONGEST_S = 1.0
"""About how long two rebuilds take."""


@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.timeout(900)
def test_a_rebuild_killed_at_any_instant_leaves_the_old_tables_or_the_new_ones(
    database: Database, database_url: str, open_again: Callable[[], Database], kills: int
) -> None:
    log.append(database, list(history()), recorded_at=START)
    rebuild.rebuild(database)
    new, before = tables(database), definitions(database)
    spoil(database)
    old = tables(database)
    instants = random.Random(5)
    for _ in range(kills):
        command = [sys.executable, "-m", "tests.store.rebuilding_log", database_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(instants.uniform(0, LONGEST_S))
            assert child.poll() is None
            child.kill()
        assert tables(open_again()) in (old, new)
    rebuild.rebuild(database)  # beside what the last one left
    assert tables(database) == new
    assert definitions(database) == before
    assert rebuild.verify(database) == []
