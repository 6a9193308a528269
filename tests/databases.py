"""A fresh, migrated database on SQLite or on PostgreSQL, and tests that one of the two has to itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import PostgresServer

__all__ = ["DIALECTS", "fresh", "only_postgresql", "only_sqlite"]

DIALECTS = ("sqlite", "postgresql")

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""A test, or all of a module, of what SQLite alone has: no PostgreSQL database is made to find that out."""

only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""Likewise, of what PostgreSQL alone has."""


@contextmanager
def fresh(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The address of a database of the dialect that is the fixture's parameter; a file is in `folder`."""
    if request.param == "sqlite":
        path = folder / "tracker.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        name = server.create()
        yield server.url(name)
        server.drop(name)
