"""Of each of the archive's files, wherever it is, the database says where what folds read begins, and its hash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_INSIDE = """
UPDATE archive_segments s SET blocks_from = c.blocks_from, blocks_sha256 = c.blocks_sha256
FROM archive_contents c WHERE c.partition = s.partition AND c.file = s.file
"""


def upgrade() -> None:
    """From 0006 to 0007. Of files in a directory that are there already it is the whole one, as nobody said more."""
    op.add_column("archive_segments", sa.Column("blocks_from", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("archive_segments", sa.Column("blocks_sha256", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE archive_segments SET blocks_sha256 = sha256")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_INSIDE)
        for column in ("blocks_from", "blocks_sha256"):
            op.drop_column("archive_contents", column)
    else:  # not every SQLite can drop columns; no file is within it
        op.drop_table("archive_contents")
        op.create_table(
            "archive_contents",
            sa.Column("partition", sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False),
            sa.Column("file", sa.Text(), primary_key=True, nullable=False),
            sa.Column("content", sa.LargeBinary(), nullable=False),
            sqlite_with_rowid=False,
        )
