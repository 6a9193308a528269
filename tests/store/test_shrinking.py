"""Room that nothing is in goes back to the disk, and nothing else changes."""

from __future__ import annotations

import pytest

from store import examination, shrinking
from store.engine import Database
from store.shrinking import shrink
from tests.databases import only_postgresql
from tests.store.archives import archive_all, kept
from tests.store.living import Writer, tables
from tests.store.support import START, fact
from tracker.errors import DatabaseError
from tracker.events.member import MemberJoined

MINUTE = 60_000


@pytest.fixture
def writer(database: Database) -> Writer:
    writer = Writer(database)
    for part in range(5):
        writer.write(
            fact(MemberJoined(name=f"민준{n}"), at=part * MINUTE, user=n + 1, channel=None) for n in range(1_000)
        )
    writer.flush(START + 40 * MINUTE)
    return writer


def test_after_archiving_it_is_smaller_by_what_is_said(writer: Writer) -> None:
    database = writer.db
    archive_all(database, None)
    log, figures, before = kept(database), tables(database), examination.size_bytes(database)
    freed = shrink(database)
    assert freed > 500_000
    assert examination.size_bytes(database) == before - freed
    assert (kept(database), tables(database)) == (log, figures)
    assert shrink(database) <= 100_000
    writer.write([fact(at=50 * MINUTE, user=2)])
    writer.flush(START + 60 * MINUTE)


@only_postgresql
def test_it_does_not_wait_for_ever_for_somebody_who_reads(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "_PATIENCE", "50ms")
    database, log = writer.db, kept(writer.db)
    with database.reader.connect() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM events")
        with pytest.raises(DatabaseError, match="lock timeout"):
            shrink(database)
    assert kept(database) == log
    with database.engine.connect() as connection:  # the next one to use that connection waits as ever
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "0"
