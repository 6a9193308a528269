"""Old parts of the event log in files: which they are, which event ids they hold, and each guild's newest instant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From 0002 to 0003. Nothing is archived yet."""
    _make(
        "archive_segments",
        "partition first_position",
        [
            *(_whole(name) for name in ("last_position", "events", "first_at", "last_at", "bytes", "created_at")),
            *(sa.Column(name, sa.Text(), nullable=False) for name in ("file", "sha256")),
        ],
    )
    _make(
        "archive_ids",
        "partition first_position timed",
        [_whole("ids_from"), _whole("ids_to"), sa.Column("hashes", sa.LargeBinary(), nullable=False)],
    )
    _make("archive_guilds", "partition guild_id", [_whole("newest_at")])


def _make(name: str, key: str, columns: list[sa.Column[int] | sa.Column[str] | sa.Column[bytes]]) -> None:
    keys = [sa.Column(k, sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False) for k in key.split()]
    op.create_table(name, *keys, *columns, sqlite_with_rowid=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)
