"""Which message history is being read from Discord, and how far that has come in each channel."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """From 0003 to 0004: two tables that are empty at first."""
    _make(
        "backfills",
        "partition guild_id run",
        _whole("channel_id", null=True),
        _whole("since"),
        _whole("until"),
        _whole("asked_by", null=True),
        _text("state"),
        _text("error", null=True),
        _whole("ended_at", null=True),
    )
    _make(
        "backfill_channels",
        "partition guild_id run channel_id",
        _whole("parent_id", null=True),
        _text("name"),
        _text("state"),
        _whole("before"),
        _whole("messages", default="0"),
        _whole("added", default="0"),
    )


def _make(name: str, key: str, *columns: sa.Column[int] | sa.Column[str]) -> None:
    keys = [sa.Column(k, sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False) for k in key.split()]
    op.create_table(name, *keys, *columns, sqlite_with_rowid=False)


def _whole(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null, server_default=sa.text(default) if default else None)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)
