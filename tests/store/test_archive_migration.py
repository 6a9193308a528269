"""An archive of a database made before it was said where in a file begins what folds read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from store import rebuild
from store.engine import Database, open_database
from tests.store.archives import archive_all, kept, segments
from tests.store.living import Writer, tables
from tests.store.old_databases import as_before
from tests.store.support import fact
from tracker.events.voice import VoiceLeft

pytestmark = pytest.mark.usefixtures("really_migrated")

BEFORE = "0006"
MINUTE = 60_000


def put_down(now: Database, before: Database) -> None:
    """All of a database that may not be empty, in one as it was kept before."""
    with now.read() as source, before.write() as target:
        for name in _TABLES:
            found = [dict(row._mapping) for row in source.execute(text(f"SELECT * FROM {name}"))]
            target.execute(text(f"DELETE FROM {name}"))
            if name == "archive_segments":
                blocks = {row["file"]: (row.pop("blocks_from"), row.pop("blocks_sha256")) for row in found}
            for row in found:
                if name == "archive_contents":
                    row["blocks_from"], row["blocks_sha256"] = blocks[row["file"]]
                columns = ", ".join(row), ", ".join(f":{column}" for column in row)
                target.execute(text("INSERT INTO {} ({}) VALUES ({})".format(name, *columns)), row)


_TABLES = (
    "tracker_info", "log_head", "events", "subjects", "checkpoints", "archive_segments", "archive_contents",
    "archive_ids", "archive_guilds",
)  # fmt: skip


def test_of_files_within_the_database_it_stays_known_and_of_others_the_whole_is_compared(
    address: Callable[[], str], place: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, url = open_database(address()), address()
    writer = Writer(now)
    writer.write(fact(at=n * MINUTE, user=n + 1) for n in range(20))
    writer.write([fact(VoiceLeft(), user=3, at=30 * MINUTE)])
    writer.flush(fact(at=31 * MINUTE).occurred_at)
    archive_all(now, place)
    before = as_before(url, BEFORE, monkeypatch)
    put_down(now, before)
    before.close()
    upgraded = open_database(url)
    rebuild.rebuild(upgraded)
    assert (kept(upgraded), tables(upgraded)) == (kept(now), tables(now))
    for one, was in zip(segments(upgraded), segments(now), strict=True):
        assert 0 < was.blocks_from < was.bytes
        expected = (was.blocks_from, was.blocks_sha256) if place is None else (0, was.sha256)
        assert (one.blocks_from, one.blocks_sha256) == expected
    if place is None:
        archive_all(upgraded, None)
    now.close()
    upgraded.close()
