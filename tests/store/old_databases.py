"""Databases as older trackers left them."""

from __future__ import annotations

import pytest
from alembic import command

from store import migrate
from store.engine import Database, open_database

__all__ = ["as_before"]


def as_before(url: str, revision: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database as that migration left it."""
    upgrade = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "HEAD", revision)
        patched.setattr(command, "upgrade", lambda config, _: upgrade(config, revision))
        return open_database(url)
