"""Who writes very much leaves it to another thread to take the write-ahead log into the database."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from store.engine import BUSY_MS, Database
from store.wal import own_connection, tidied
from tracker.errors import DatabaseError


def test_commits_do_not_take_the_log_in_themselves_but_somebody_does(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, tidy = [], Database.tidy

    def told(db: Database) -> None:
        threads.append(threading.current_thread() is threading.main_thread())
        tidy(db)

    monkeypatch.setattr(Database, "tidy", told)
    with own_connection(sqlite) as driver:
        (before,) = driver.execute("PRAGMA wal_autocheckpoint").fetchone()
        sqlite.tidy()
        threads.clear()
        size = Path(sqlite.name).stat().st_size
        with tidied(sqlite, driver) as committed:
            assert driver.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
            driver.execute("CREATE TABLE much (x)")
            driver.execute("INSERT INTO much SELECT randomblob(1100000)")
            assert Path(sqlite.name).stat().st_size == size
            committed()
        assert threads == [False]
        assert Path(sqlite.name).stat().st_size > size + 1_000_000
        assert Path(f"{sqlite.name}-wal").stat().st_size == 0
        assert driver.execute("PRAGMA wal_autocheckpoint").fetchone() == (before,)


def test_what_follows_a_commit_is_done_by_another_thread_once_all_of_it_is_in_the_file(sqlite: Database) -> None:
    sizes: list[int] = []

    def then() -> None:
        assert threading.current_thread() is not threading.main_thread()
        sizes.append(Path(sqlite.name).stat().st_size)

    with own_connection(sqlite) as driver:
        driver.execute("CREATE TABLE much (x)")
        sqlite.tidy()
        size = Path(sqlite.name).stat().st_size
        with tidied(sqlite, driver) as committed:
            for _ in range(3):
                driver.execute("INSERT INTO much SELECT randomblob(1100000)")
                committed(then)
    assert len(sizes) == 3
    assert all(found > size + (n + 1) * 990_000 for n, found in enumerate(sizes))


def test_it_is_not_done_while_somebody_reads_behind_it(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.wal._PATIENCE_S", 0.1)
    done: list[int] = []
    with own_connection(sqlite) as driver:
        driver.execute("CREATE TABLE much (x)")
        with sqlite.read() as reading:
            reading.exec_driver_sql("SELECT COUNT(*) FROM much").one()
            with tidied(sqlite, driver) as committed:
                driver.execute("INSERT INTO much VALUES (1)")
                committed(lambda: done.append(1))
        assert done == []
        with tidied(sqlite, driver) as committed:
            with sqlite.read() as reading:
                reading.exec_driver_sql("SELECT COUNT(*) FROM much").one()
                driver.execute("INSERT INTO much VALUES (2)")
                committed(lambda: done.append(2))
            driver.execute("INSERT INTO much VALUES (3)")
            committed(lambda: done.append(3))
        assert done == [2, 3]


def test_somebody_who_reads_behind_the_last_commit_for_a_moment_is_waited_for(sqlite: Database) -> None:
    done: list[int] = []
    reading = threading.Event()

    def read_a_little() -> None:
        with sqlite.read() as connection:
            connection.exec_driver_sql("SELECT COUNT(*) FROM much").one()
            reading.set()
            time.sleep(0.3)

    with own_connection(sqlite) as driver:
        driver.execute("CREATE TABLE much (x)")
        with tidied(sqlite, driver) as committed:
            reader = threading.Thread(target=read_a_little)
            reader.start()
            assert reading.wait(30)
            driver.execute("INSERT INTO much VALUES (1)")
            committed(lambda: done.append(1))
        reader.join()
    assert done == [1]


def test_the_log_keeps_its_disk_where_as_much_is_written_again(sqlite: Database) -> None:
    with own_connection(sqlite) as driver:
        for last in (False, True):
            with tidied(sqlite, driver, last=last) as committed:
                driver.execute("CREATE TABLE IF NOT EXISTS much (x)")
                driver.execute("INSERT INTO much VALUES (1)")
                committed()
            assert (Path(f"{sqlite.name}-wal").stat().st_size == 0) == last


def test_nobody_is_waited_for_who_still_reads_in_the_log(sqlite: Database) -> None:
    with own_connection(sqlite) as driver, sqlite.read() as reading:
        driver.execute("CREATE TABLE much (x)")
        reading.exec_driver_sql("SELECT COUNT(*) FROM much").one()
        with tidied(sqlite, driver) as committed:
            driver.execute("INSERT INTO much VALUES (1)")
            committed()
        assert reading.exec_driver_sql("SELECT COUNT(*) FROM much").one() == (0,)
        assert Path(f"{sqlite.name}-wal").stat().st_size > 0
        assert driver.execute("PRAGMA busy_timeout").fetchone() == (BUSY_MS,)


def test_where_nothing_is_committed_nothing_is_tidied(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "tidy", lambda _: pytest.fail("there is nothing to do"))
    with own_connection(sqlite) as driver, tidied(sqlite, driver):
        pass


def test_what_goes_wrong_in_the_other_thread_is_raised(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(_: Database) -> None:
        raise DatabaseError("the disk does not answer")

    monkeypatch.setattr(Database, "tidy", torn)
    with own_connection(sqlite) as driver:
        (before,) = driver.execute("PRAGMA wal_autocheckpoint").fetchone()
        with pytest.raises(DatabaseError, match="does not answer"), tidied(sqlite, driver) as committed:
            committed()
        assert driver.execute("PRAGMA wal_autocheckpoint").fetchone() == (before,)
