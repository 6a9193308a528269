"""Makes a new database's schema and brings an older one's up to date, one process at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, insert, inspect, select, text

from store import schema
from tracker.errors import DatabaseNotOursError, DatabaseTooNewError

__all__ = ["HEAD", "up"]

HEAD: Final = "0007"
"""The revision that this tracker works with; a test asserts that it is the newest of the migrations."""

_LOCK: Final = 7_231_905_418
"""The advisory lock under which PostgreSQL databases are migrated; any number that nobody else uses."""


def up(engine: Engine, reader: Engine, name: str, *, partitions: int, create: bool) -> int:
    """Brings the schema to HEAD; returns how many partitions the database has (`partitions` if it is new).

    Two processes that open a database at once take turns. Raises DatabaseNotOursError, DatabaseTooNewError.
    """
    with reader.connect() as connection:
        if _revision(connection, name) == HEAD:
            return _partitions(connection)
    if engine.dialect.name == "sqlite":
        _use_wal(engine)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = _revision(connection, name)
        if found is None and not create:
            raise DatabaseNotOursError(f"database {name} is empty: no tracker has written to it yet")
        if found != HEAD:
            _migrate(connection, name, found)
        if found is None:
            _fill(connection, partitions)
        return _partitions(connection)


def _use_wal(engine: Engine) -> None:
    """Readers beside the writer. The mode is kept in the file; it cannot be set within a transaction."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _revision(connection: Connection, name: str) -> str | None:
    """The schema's revision; None for a database without any table."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    if not {"tracker_info", "alembic_version"} <= tables:
        raise DatabaseNotOursError(f"database {name} holds something else ({min(tables)}, …), not a tracker's events")
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return str(found)


def _migrate(connection: Connection, name: str, found: str | None) -> None:
    # Imported here: a tracker whose schema is up to date never pays for Alembic.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseTooNewError(
            f"database {name} has schema {found}, which this tracker (schema {HEAD}) does not know; update the tracker"
        )
    command.upgrade(config, "head")


def _fill(connection: Connection, partitions: int) -> None:
    connection.execute(insert(schema.tracker_info), [{"name": "partitions", "value": str(partitions)}])
    numbers = range(partitions)
    connection.execute(insert(schema.log_head), [{"partition": p, "position": 0} for p in numbers])
    connection.execute(insert(schema.checkpoints), [{"partition": p, "position": 0, "as_of": 0} for p in numbers])


def _partitions(connection: Connection) -> int:
    info = schema.tracker_info.c
    return int(connection.execute(select(info.value).where(info.name == "partitions")).scalar_one())
