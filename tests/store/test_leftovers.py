"""Who takes the lease clears away what writers that were killed left, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import event, inspect

from store import archive, archive_place, leftovers, shadow_tables
from store.engine import Database
from store.shadow import Shadow
from tests.databases import only_sqlite
from tests.store.shadows import add_rows
from tests.store.support import GUILD
from tracker.ids import partition_of


def abandoned(database: Database, folder: Path) -> Path:
    """Shadow tables of a rebuild that was killed, and a noted file of an archiving that was; returns the file."""
    folder.mkdir()
    file = folder / "p0000-000000000001-000000000009-00000000.parquet"
    file.write_bytes(b"half")
    with database.write() as connection:
        shadow_tables.make(connection)
        archive.put_directory(connection, folder)
        archive_place.note(connection, file.name)
    return file


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def test_shadow_tables_and_noted_files_go_and_all_else_stays(database: Database, tmp_path: Path) -> None:
    before = tables(database)
    file = abandoned(database, tmp_path / "archive")
    strange = file.with_name("strange.parquet")
    strange.write_bytes(b"somebody's")
    assert tables(database) > before
    assert set(leftovers.sweep(database)) == {*shadow_tables.SHADOWS.values(), file.name}
    assert tables(database) == before
    assert not file.exists()
    assert strange.exists()


def test_where_nothing_is_left_nothing_is_done(database: Database) -> None:
    assert leftovers.sweep(database) == []


@only_sqlite  # what PostgreSQL drops, it gives back to the system
def test_of_replaced_tables_no_row_can_be_read_in_the_file_whatever_sqlite_does_by_itself(
    database: Database,
) -> None:
    """Not every SQLite fills what is free with zeros by itself."""

    @event.listens_for(database.engine, "connect")
    def careless(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA secure_delete = OFF")

    database.engine.dispose()
    names = [(GUILD, role, f"a name of {role} that is forgotten") for role in range(2_000)]
    with Shadow.create(database, database.all_partitions) as shadow:
        add_rows(shadow, "roles", partition_of(GUILD, database.partitions), names)
        shadow.finish()
        with database.write() as connection:
            shadow.swap(connection)
    database.tidy()
    assert b"that is forgotten" in Path(database.name).read_bytes()
    with Shadow.create(database, database.all_partitions) as shadow:
        shadow.finish()
        with database.write() as connection:
            shadow.swap(connection)
    for left in (database.name, f"{database.name}-wal"):
        assert b"that is forgotten" not in Path(left).read_bytes()
