"""What a database cannot do is said in one sentence, and can be tried again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store import log
from store.engine import Database, open_database
from store.failures import explained
from tests.servers import PostgresServer
from tests.store.living import Writer
from tests.store.support import START, fact
from tracker.errors import DatabaseError, DatabaseNotOursError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    open_database(str(tmp_path / "x.db")).close()
    return tmp_path / "x.db"


def test_a_locked_file_says_so_and_the_append_can_be_tried_again(path: Path) -> None:
    db, other = open_database(str(path), busy_ms=10), open_database(str(path))
    events = [fact()]
    with other.write(), pytest.raises(DatabaseError, match=r"x\.db is locked by another process"):
        log.append(db, events, recorded_at=START)
    assert log.append(db, events, recorded_at=START).appended == 1
    db.close()
    other.close()


def test_a_full_disk_says_so_keeps_nothing_and_the_append_can_be_tried_again(path: Path) -> None:
    db = open_database(str(path))
    events = [fact(user=n) for n in range(1, 5_000)]
    with db.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(DatabaseError, match="is full: no room"):
        log.append(db, events, recorded_at=START)
    assert log.check_contiguity(db) == 0
    with db.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert log.append(db, events, recorded_at=START).appended == len(events)
    assert log.check_contiguity(db) == len(events)
    db.close()


def test_a_damaged_file_says_so(path: Path) -> None:
    Writer(db := open_database(str(path))).write([fact(user=n) for n in range(1, 3_000)])
    db.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(DatabaseError, match="damaged"):
        log.check_contiguity(open_database(str(path)))


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("attempt to write a readonly database", "read-only"),
        ("disk I/O error", "away"),
        ("unable to open database file", "away"),
        ("database or disk is full", "full"),
        ("database is locked", "locked"),
        ("something nobody has heard of", "something nobody has heard of"),
    ],
)
def test_what_sqlite_says_is_put_into_words(said: str, meaning: str) -> None:
    from sqlalchemy.exc import OperationalError

    with pytest.raises(DatabaseError, match=f"database name.*{meaning}"), explained("name"):
        raise OperationalError("SELECT 'secret'", {}, sqlite3.OperationalError(said))


def test_a_file_that_is_no_database_is_not_ours() -> None:
    from sqlalchemy.exc import DatabaseError as AlchemyDatabaseError

    with pytest.raises(DatabaseNotOursError), explained("name"):
        raise AlchemyDatabaseError("", {}, sqlite3.DatabaseError("file is not a database"))


def test_a_server_that_went_away_is_found_again_and_nothing_is_appended_twice(postgres: PostgresServer) -> None:
    name = postgres.create()
    db = open_database(postgres.url(name))
    events = [fact(), fact()]
    log.append(db, events[:1], recorded_at=START)
    postgres.hang_up(name)
    with pytest.raises(DatabaseError, match="away"):
        log.append(db, events, recorded_at=START)
    assert log.append(db, events, recorded_at=START).appended == 1
    assert log.check_contiguity(db) == 2
    db.close()
    postgres.drop(name)


def test_an_append_whose_answer_was_lost_is_told_from_an_old_event(
    database: Database, open_again: Callable[[], Database]
) -> None:
    confirmed = log.append(database, [fact(event_id="old")], recorded_at=START).last
    unheard = [fact(event_id="new")]
    log.append(open_again(), unheard, recorded_at=START)
    again = log.append(database, [*unheard, fact(event_id="old")], recorded_at=START)
    beyond = {d.id: d.position > confirmed[d.partition] for d in again.duplicates}
    assert beyond == {"new": True, "old": False}


def test_a_writer_waits_for_another_ones_transaction(database: Database, open_again: Callable[[], Database]) -> None:
    other, begun = open_again(), threading.Event()
    with ThreadPoolExecutor(1) as pool, other.write() as connection:
        connection.exec_driver_sql("UPDATE log_head SET position = position")

        def append() -> int:
            begun.set()
            return log.append(database, [fact()], recorded_at=START).appended

        waiting = pool.submit(append)
        assert begun.wait(30)
        connection.commit()
        assert waiting.result(30) == 1
