"""Which of the store's tests wait for `make test-long`: views of the log in a scratch file, which is SQLite's on both.

What such a view is made of, the log and its columns, is read on both databases here as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.engine import Database
from tests.databases import DIALECTS
from tests.servers import PostgresServer

_FILES = {"test_whatif", "test_retroactive", "test_reports_against_oracle"}

_ONLY: dict[str, dict[object, str]] = {
    "source": {"pages": "sqlite", "copy": "postgresql"},
    "place": {"inside": "postgresql"},
}
"""By parameter and value, the one database that has it: SQLite a file, PostgreSQL a binary COPY and files within it."""


def _is_possible(item: pytest.Item) -> bool:
    """A test that asks for `postgresql` is none for SQLite, and so on."""
    given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    dialect = given.get("database_url") or given.get("address")
    if dialect is None:
        return True
    if dialect == "sqlite" and "postgresql" in getattr(item, "fixturenames", ()):
        return False
    if given.get("place") == "inside" and "folder" in getattr(item, "fixturenames", ()):
        return False
    return all(values.get(given.get(name), dialect) == dialect for name, values in _ONLY.items())


@pytest.fixture(params=["folder", "inside"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Where an archive goes: into a directory; None: within the database, on PostgreSQL."""
    return tmp_path / "archive" if request.param == "folder" else None


@pytest.fixture
def folder(place: Path | None) -> Path:
    """An archive's directory: a test that asks for it is not run with an archive within the database."""
    assert place is not None
    return place


@pytest.fixture
def postgresql(database: Database) -> Database:
    """A fresh database on PostgreSQL: a test that asks for it is not run on SQLite."""
    return database


@pytest.fixture(params=DIALECTS)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Addresses of databases that are not there yet, or of empty ones."""
    made: list[str] = []

    def lite() -> str:
        made.append(str(tmp_path / f"{len(made)}.db"))
        return f"sqlite:///{made[-1]}"

    def post() -> str:
        made.append(server.create(migrated=False))
        return server.url(made[-1])

    if request.param == "sqlite":
        yield lite
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    yield post
    for name in made:
        server.drop(name)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = [i for i in items if i.path.parent.name == "store"]
    if impossible := [i for i in here if not _is_possible(i)]:
        config.hook.pytest_deselected(items=impossible)
        gone = set(map(id, impossible))
        items[:] = [i for i in items if id(i) not in gone]
    for item in items:
        if item.path.parent.name == "store" and item.path.stem in _FILES and "postgresql" in item.name:
            item.add_marker(pytest.mark.slow)
