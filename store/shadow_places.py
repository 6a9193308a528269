"""PostgreSQL: taking the live tables out of everybody's hands for the instant of a swap, without a deadlock.

Readers hold a table until their transaction ends and may then ask for another one that we hold already. So all tables
are asked for in one statement that gives up before the server would look for a deadlock (and might then end the reader
instead of us), and the swap tries again a little later.
"""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from tracker.errors import DatabaseError
from tracker.projections.rows import TABLES

__all__ = ["hold_live_tables"]

_TRIES: Final = 5
_PAUSE_S: Final = 0.25
_PATIENCE: Final = 0.6
"""How much of the server's deadlock_timeout we wait for tables."""

_NOT_YET: Final = {"55P03", "57014"}
"""SQLSTATE: a lock was not given in time; the statement took too long."""

_HOLDERS: Final = """
SELECT DISTINCT a.pid, coalesce(nullif(a.application_name, ''), 'no name')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.relation = ANY (%s::regclass[]) AND l.granted AND a.pid <> pg_backend_pid() ORDER BY a.pid
"""


def hold_live_tables(connection: Connection, name: str) -> None:
    """Locks every read model's table until the transaction ends. `name`: the database's.

    Waits for readers, some seconds at most; the transaction is as before if that was in vain. Raises DatabaseError.
    """
    ms = "SELECT setting::bigint FROM pg_settings WHERE name = 'deadlock_timeout'"
    patience = max(50, int(connection.exec_driver_sql(ms).scalar_one() * _PATIENCE))
    for tries in range(_TRIES):
        time.sleep(_PAUSE_S * tries)
        if _held(connection, patience):
            return
    holders = connection.exec_driver_sql(_HOLDERS, ("{" + ",".join(TABLES) + "}",)).all()
    said = ", ".join(f"{pid} ({application})" for pid, application in holders) or "now gone"
    raise DatabaseError(
        f"database {name}: the tables could not be replaced, because others keep reading them (server process {said}); "
        "nothing was changed: end what reads for so long, then try again"
    )


def _held(connection: Connection, patience: int) -> bool:
    attempt = connection.begin_nested()
    before = [_set(connection, setting, str(patience)) for setting in ("lock_timeout", "statement_timeout")]
    try:
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(TABLES)} IN ACCESS EXCLUSIVE MODE")
    except DBAPIError as error:
        attempt.rollback()
        if getattr(error.orig, "sqlstate", None) not in _NOT_YET:
            raise
        return False
    for setting, value in zip(("lock_timeout", "statement_timeout"), before, strict=True):
        _set(connection, setting, value)
    attempt.commit()
    return True


def _set(connection: Connection, setting: str, value: str) -> str:
    """Sets a setting until the transaction ends; returns what it was."""
    was = str(connection.exec_driver_sql("SELECT current_setting(%s)", (setting,)).scalar_one())
    connection.exec_driver_sql("SELECT set_config(%s, %s, true)", (setting, value)).scalar_one()
    return was
