"""Opening: which addresses are taken, which files are ours, and what is said of those that are not."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store import migrate
from store.engine import Database, open_database
from tests.servers import PostgresServer
from tracker.errors import ConfigError, DatabaseError, DatabaseNotOursError, DatabaseTooNewError

pytestmark = pytest.mark.usefixtures("really_migrated")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database in which there is nothing at all."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        name = server.create(migrated=False)
        yield server.url(name)
        server.drop(name)


def test_a_new_database_is_made_with_its_partitions_which_stay(empty_url: str) -> None:
    with_three = open_database(empty_url, partitions=3)
    assert with_three.partitions == 3
    with_three.close()
    again = open_database(empty_url, partitions=5)
    assert again.partitions == 3
    assert again.all_partitions == (0, 1, 2)
    again.close()


def test_partitions_are_one_on_sqlite_and_sixteen_on_postgresql(empty_url: str) -> None:
    db = open_database(empty_url)
    assert db.partitions == {"sqlite": 1, "postgresql": 16}[db.dialect]
    db.close()


def test_many_that_open_a_new_database_at_once_all_get_it(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = [opening.result() for opening in [pool.submit(open_database, empty_url) for _ in range(4)]]
    assert len({db.partitions for db in opened}) == 1
    for db in opened:
        db.close()


def test_a_schema_of_a_newer_tracker_is_refused(database: Database, open_again: Callable[[], Database]) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTooNewError, match=r"schema 9999.*update the tracker"):
        open_again()


def test_a_database_of_something_else_is_refused_and_left_alone(empty_url: str, tmp_path: Path) -> None:
    if empty_url.startswith("sqlite"):
        connection = sqlite3.connect(tmp_path / "new.db")
        connection.execute("CREATE TABLE recipes (name)")
        connection.close()
        before = (tmp_path / "new.db").read_bytes()
    else:
        import psycopg

        with psycopg.connect(empty_url, autocommit=True) as server:
            server.execute("CREATE TABLE recipes (name text)")
    with pytest.raises(DatabaseNotOursError, match=r"holds something else \(recipes"):
        open_database(empty_url)
    if empty_url.startswith("sqlite"):
        assert (tmp_path / "new.db").read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["new.db"]


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at as if it were one\n" * 50)
    before = path.read_bytes()
    with pytest.raises(DatabaseNotOursError, match=r"notes\.txt is not a database at all"):
        open_database(str(path))
    assert path.read_bytes() == before


def test_a_database_that_is_not_there_is_made_only_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "absent.db"
    with pytest.raises(DatabaseError, match=r"absent\.db is not there"):
        open_database(str(path), create=False)
    assert not path.exists()
    open_database(str(path)).close()
    open_database(str(path), create=False).close()


def test_an_empty_database_is_not_made_ours_unless_asked(empty_url: str, tmp_path: Path) -> None:
    (tmp_path / "new.db").touch()
    with pytest.raises(DatabaseNotOursError, match="no tracker has written to it yet"):
        open_database(empty_url, create=False)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "empty"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        (":memory:", "in memory"),
        ("mysql://root:secret@host/x", "knows sqlite and postgresql"),
        ("postgresql://user:secret@host:port/x", "cannot be read"),
        ("/nowhere/at/all/x.db", "directory /nowhere/at/all is not there"),
        ("/", "is a directory"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        open_database(url)
    assert "secret" not in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("partitions", [0, -1, 1025])
def test_a_number_of_partitions_that_makes_no_sense_is_refused(tmp_path: Path, partitions: int) -> None:
    with pytest.raises(ConfigError, match="partitions must be 1 to 1024"):
        open_database(str(tmp_path / "x.db"), partitions=partitions)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_is_named_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="away") as refused:
        open_database(f"postgresql://user:secret@/x?host={tmp_path}")
    assert "secret" not in str(refused.value)


def test_sqlite_syncs_every_commit_and_reads_beside_the_writer(tmp_path: Path) -> None:
    db = open_database(str(tmp_path / "x.db"))
    with db.write() as writing, db.read() as reading:
        writing.exec_driver_sql("UPDATE log_head SET position = 5")
        assert writing.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert writing.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert reading.exec_driver_sql("SELECT position FROM log_head").scalar_one() == 0
        writing.rollback()
    db.close()


def test_what_reads_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseError, match="read-only"), database.read() as connection:
        connection.exec_driver_sql("UPDATE log_head SET position = 5")


def test_a_database_up_to_date_is_opened_without_alembic(database_url: str) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from store.engine import open_database; open_database(sys.argv[1]).close(); "
        "sys.exit('alembic' in sys.modules or ('psycopg' in sys.modules) == sys.argv[1].startswith('sqlite'))"
    )
    subprocess.run([sys.executable, "-c", program, database_url], check=True)


def test_head_is_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_tidying_takes_what_was_committed_from_the_log_into_the_file(tmp_path: Path) -> None:
    db = open_database(str(tmp_path / "a.db"))
    db.tidy()

    def in_the_file_alone() -> int:
        """What is there without the write-ahead log, as after somebody forgot to copy it."""
        shutil.copy(tmp_path / "a.db", tmp_path / "copy.db")
        connection = sqlite3.connect(tmp_path / "copy.db")
        (count,) = connection.execute("SELECT COUNT(*) FROM rebuild_marks").fetchone()
        connection.close()
        return int(count)

    with db.write() as connection:
        connection.exec_driver_sql("INSERT INTO rebuild_marks (partition, guild_id) VALUES (0, 7)")
    assert in_the_file_alone() == 0
    with db.write() as connection:  # the writer goes on meanwhile
        connection.exec_driver_sql("INSERT INTO rebuild_marks (partition, guild_id) VALUES (0, 8)")
        db.tidy()
    assert in_the_file_alone() == 1
    db.close()
