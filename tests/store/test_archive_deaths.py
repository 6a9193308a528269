"""`kill -9` at every step of archiving, restoring and erasing: no event is lost, none is doubled, no file stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from store import archive_moving
from store.engine import Database
from tests.store.archives import archive_all
from tests.store.living import Writer
from tests.store.support import OTHER_GUILD, START
from tests.store.test_personal import HOUR, lived


@pytest.mark.parametrize(
    "what", ["archive", *(pytest.param(what, marks=pytest.mark.slow) for what in ("restore", "erase"))]
)
def test_whenever_the_process_dies_each_event_is_in_one_place(
    database: Database,
    database_url: str,
    place: Path | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    writer = Writer(database)
    writer.write(sorted(lived() + lived(OTHER_GUILD), key=lambda event: event.occurred_at))
    writer.flush(START + HOUR)
    if what != "archive":
        monkeypatch.setattr(archive_moving, "SEGMENT", 18)
        archive_all(database, place)
    database.close()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.store.archive_deaths", what, database_url, str(tmp_path / "before.txt")),
            *([] if place is None else [str(place)]),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 3
