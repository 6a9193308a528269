"""A database that is laid out for a test is one that was migrated."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from store.engine import open_database


def _dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        made = [str(row) for row in connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY rowid")]
        return made + list(connection.iterdump())


def _made(path: Path) -> list[str]:
    open_database(str(path), partitions=3).close()
    return _dump(path)


@pytest.fixture
def migrated(tmp_path: Path, really_migrated: None) -> list[str]:
    return _made(tmp_path / "migrated.db")


def test_a_database_that_is_laid_out_has_what_the_migrations_make_in_their_order(
    tmp_path: Path, migrated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    _made(tmp_path / "first.db")  # which others are laid out as
    assert _made(tmp_path / "second.db") == migrated
    assert any("alembic_version" in line for line in migrated)
