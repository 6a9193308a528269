"""Seasons, why something earned nothing, the rules of the past, and what members should look like on Discord."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_STILL_OWED = "state IN ('pending', 'failed')"
_REASONS = (
    "afk_ms ignored_ms alone_ms deaf_ms muted_ms unruled_ms "
    "cooldown_messages ignored_messages revoked_messages cooldown_interactions"
)


def upgrade() -> None:
    """From 0001 to 0002. The new read models are filled by counting every guild anew at the next start."""
    op.add_column("awards", sa.Column("season_at", sa.BigInteger(), nullable=True))
    _make("season_totals", "partition guild_id season_at user_id", [_whole("exp")])
    _make("unearned", "partition guild_id day user_id channel_id", [_whole(name) for name in _REASONS.split()])
    _make("rules", "partition guild_id at", [_text("settings", null=True), _whole("set_by", null=True)])
    _make(
        "member_sync",
        "partition guild_id user_id",
        [
            _whole("level"),
            _text("tier_roles"),
            _whole("revision"),
            _text("state"),
            _whole("attempts", default="0"),
            _whole("next_attempt_at"),
            _text("error", null=True),
            _whole("managed", default="0"),
            *(_text(name, null=True) for name in ("set_nick", "meant_nick", "original_nick")),
        ],
    )
    owed = sa.text(_STILL_OWED)
    columns = ["partition", "guild_id", "next_attempt_at", "user_id", "state"]
    op.create_index("member_sync_due", "member_sync", columns, sqlite_where=owed, postgresql_where=owed)
    op.execute(
        "INSERT INTO rebuild_marks (partition, guild_id) SELECT partition, guild_id FROM guilds "
        "WHERE guild_id NOT IN (SELECT guild_id FROM rebuild_marks)"
    )


def _make(name: str, key: str, columns: list[sa.Column[int] | sa.Column[str]]) -> None:
    keys = [sa.Column(k, sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False) for k in key.split()]
    op.create_table(name, *keys, *columns, sqlite_with_rowid=False)


def _whole(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null, server_default=sa.text(default) if default else None)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)
