"""The event log, the writer's lease, the read models and the outbox of posts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# One line a table: name, key columns, other columns. A trailing ? may be null, $ is text, =0 has that default.
_TABLES = """
tracker_info: name$ | value$
log_head: partition | position epoch=0 subjects=0
events: partition position | id$ type$ version guild_id subject_id? channel_id? occurred_at recorded_at data$
subjects: partition subject_id | guild_id user_id retired=0
leases: partition | token$ host$ machine$ pid process_start$ since heartbeat_at
checkpoints: partition | position as_of
rebuild_marks: partition guild_id |
deliveries: partition key$ | guild_id channel_id? kind$ payload$ nonce$ state$ attempts=0 next_attempt_at message_id? error$? created_at
daily: partition guild_id day user_id channel_id | voice_ms sessions messages interactions exp_voice exp_messages exp_interactions exp_adjusted last_at?
sessions: partition guild_id user_id started_at | channel_id? ended_at? flags? voice_ms? exp? carry_ms?
session_days: partition guild_id day user_id started_at |
totals: partition guild_id user_id | exp voice_ms messages interactions last_at? message_award_at? interaction_award_at?
carries: partition guild_id user_id channel_id | carry_ms?
members: partition guild_id user_id | name$? bot? present? opted_out? role_ids$?
role_changes: partition guild_id role_id user_id at | held?
roles: partition guild_id role_id | name$?
channels: partition guild_id channel_id | name$? kind$? parent_id? afk?
guilds: partition guild_id | settings$? lost_at? season_name$? season_at?
away: partition guild_id from_at | to_at?
awards: partition guild_id message_id | user_id? channel_id? day? exp? until?
"""  # noqa: E501

_UNIQUE = {
    "events": ("events_id", "partition id"),
    "subjects": ("subjects_member", "partition guild_id user_id retired"),
}

# With room left in their pages, PostgreSQL writes a row's next version beside it and touches no index (half the time).
_UPDATED_EACH_MINUTE = ("daily", "sessions", "totals")

_PARTIAL_INDEXES = (
    ("deliveries_due", "deliveries", "next_attempt_at", "state IN ('pending', 'failed')"),
    ("sessions_open", "sessions", "partition guild_id user_id started_at", "ended_at IS NULL"),
)


def upgrade() -> None:
    """From nothing to 0001."""
    for line in _TABLES.strip().splitlines():
        name, _, columns = line.partition(": ")
        keys, _, others = columns.partition("|")
        made = [_column(word, key=True) for word in keys.split()] + [_column(word) for word in others.split()]
        label, unique = _UNIQUE.get(name, ("", ""))
        constraints = [sa.UniqueConstraint(*unique.split(), name=label)] if unique else []
        room = {"fillfactor": 60} if name in _UPDATED_EACH_MINUTE else {}
        op.create_table(name, *made, *constraints, sqlite_with_rowid=False, postgresql_with=room)
    for index, table, columns, where in _PARTIAL_INDEXES:
        clause = sa.text(where)
        op.create_index(index, table, columns.split(), sqlite_where=clause, postgresql_where=clause)


def _column(word: str, *, key: bool = False) -> sa.Column[Any]:
    word, _, default = word.partition("=")
    name = word.rstrip("?$")
    kind: sa.types.TypeEngine[Any] = sa.Text() if "$" in word else sa.BigInteger()
    return sa.Column(
        name,
        kind,
        primary_key=key,
        nullable="?" in word,
        autoincrement=False,
        server_default=sa.text(default) if default else None,
    )
