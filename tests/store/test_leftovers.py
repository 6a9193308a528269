"""Who takes the lease clears away what writers that were killed left, and nothing else."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect

from store import archive, archive_place, leftovers, shadow_tables
from store.engine import Database


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
