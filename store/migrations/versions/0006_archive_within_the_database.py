"""The archive's files may be within the database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """From 0005 to 0006: a table that is empty at first."""
    op.create_table(
        "archive_contents",
        sa.Column("partition", sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("file", sa.Text(), primary_key=True, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("blocks_from", sa.BigInteger(), nullable=False),
        sa.Column("blocks_sha256", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":  # they are compressed already, and parts of one are read
        op.execute("ALTER TABLE archive_contents ALTER COLUMN content SET STORAGE EXTERNAL")
