"""Sessions lie with the local day of their first tracked time; `session_days` keeps their other days only.

Of those that ended without any tracked time there are no rows any more.
"""

from __future__ import annotations

import json
from itertools import pairwise

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_SESSION = "partition, guild_id, user_id, started_at"
_REST = "channel_id, ended_at, flags, voice_ms, exp, carry_ms"
_FIRST = f"SELECT {_SESSION}, MIN(day) AS day FROM session_days GROUP BY {_SESSION}"  # noqa: S608
_SAME = " AND ".join(f"{{0}}.{c} = {{1}}.{c}" for c in _SESSION.split(", "))

# Days follow each other, but where a guild's zone became another one within a session: which day came first, its rows
# do not say then.
_LONG = f"""
SELECT DISTINCT s.partition, s.guild_id, r.at FROM sessions s
JOIN (SELECT {_SESSION} FROM session_days GROUP BY {_SESSION} HAVING COUNT(*) > 1) d ON {_SAME.format("d", "s")}
JOIN rules r ON r.partition = s.partition AND r.guild_id = s.guild_id AND r.at > s.started_at
  AND (s.ended_at IS NULL OR r.at < s.ended_at)
"""  # noqa: S608


def upgrade() -> None:
    """From 0004 to 0005. Guilds of which the old rows do not say all are counted anew at the next start."""
    connection = op.get_bind()
    doubtful = _doubtful(connection)
    _create("session_first__0005", _SESSION.replace(",", ""), ["day"])
    op.execute(f"INSERT INTO session_first__0005 ({_SESSION}, day) {_FIRST}")
    if connection.dialect.name == "sqlite":
        _make_anew()
    else:
        _change()
    op.execute("DROP TABLE session_first__0005")
    still = sa.text("ended_at IS NULL")
    columns = ["partition", "guild_id", "user_id", "started_at"]
    op.create_index("sessions_open", "sessions", columns, sqlite_where=still, postgresql_where=still)
    for partition, guild in sorted(doubtful):
        op.execute(
            f"INSERT INTO rebuild_marks (partition, guild_id) SELECT {partition}, {guild} WHERE NOT EXISTS "  # noqa: S608
            f"(SELECT 1 FROM rebuild_marks WHERE partition = {partition} AND guild_id = {guild})"
        )


def _doubtful(connection: sa.Connection) -> set[tuple[int, int]]:
    """(partition, guild id) where a zone changed within a session of several days."""
    found: dict[tuple[int, int], set[int]] = {}
    for partition, guild, at in connection.execute(sa.text(_LONG)):
        found.setdefault((partition, guild), set()).add(at)
    return {place for place, changes in found.items() if changes & _zone_changes(connection, *place)}


def _zone_changes(connection: sa.Connection, partition: int, guild: int) -> set[int]:
    """When the guild's rules named another zone than those before."""
    asked = sa.text("SELECT at, settings FROM rules WHERE partition = :partition AND guild_id = :guild ORDER BY at")
    rows = connection.execute(asked, {"partition": partition, "guild": guild})
    zones = [(0, None), *((at, None if text is None else json.loads(text).get("timezone")) for at, text in rows)]
    return {at for (_, before), (at, after) in pairwise(zones) if after != before}


def _make_anew() -> None:
    """SQLite: rows lie in the order of the key, so the tables are made anew."""
    op.execute("DROP INDEX sessions_open")
    op.execute("PRAGMA legacy_alter_table = ON")  # what others made of these tables is left as it is
    _create("sessions__0005", "partition guild_id day user_id started_at", _REST.split(", "))
    _create("session_days__0005", "partition guild_id day user_id started_at", ["first_day"])
    op.execute(
        f"INSERT INTO sessions__0005 (partition, guild_id, day, user_id, started_at, {_REST}) "  # noqa: S608
        f"SELECT s.partition, s.guild_id, COALESCE(f.day, 0), s.user_id, s.started_at, {_REST} FROM sessions s "
        f"LEFT JOIN session_first__0005 f ON {_SAME.format('f', 's')} "
        "WHERE f.day IS NOT NULL OR s.ended_at IS NULL ORDER BY 1, 2, 3, 4, 5"
    )
    op.execute(
        "INSERT INTO session_days__0005 (partition, guild_id, day, user_id, started_at, first_day) "  # noqa: S608
        "SELECT d.partition, d.guild_id, d.day, d.user_id, d.started_at, f.day FROM session_days d "
        f"CROSS JOIN session_first__0005 f WHERE {_SAME.format('f', 'd')} AND d.day <> f.day"
    )
    for name in ("sessions", "session_days"):
        op.execute(f"DROP TABLE {name}")
        op.execute(f"ALTER TABLE {name}__0005 RENAME TO {name}")
    op.execute("PRAGMA legacy_alter_table = OFF")


def _change() -> None:
    """PostgreSQL: the tables stay who they are, with their options, and with who may read them."""
    op.execute("ALTER TABLE sessions DROP CONSTRAINT sessions_pkey")
    op.execute("DROP INDEX sessions_open")
    op.execute("ALTER TABLE sessions ADD COLUMN day BIGINT NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE session_days ADD COLUMN first_day BIGINT")
    op.execute("ANALYZE session_first__0005")
    op.execute(f"UPDATE sessions s SET day = f.day FROM session_first__0005 f WHERE {_SAME.format('f', 's')}")  # noqa: S608
    first = f"session_first__0005 f WHERE {_SAME.format('f', 'd')}"
    op.execute(f"DELETE FROM session_days d USING {first} AND d.day = f.day")  # noqa: S608
    op.execute(f"UPDATE session_days d SET first_day = f.day FROM {first}")  # noqa: S608
    op.execute("DELETE FROM sessions WHERE day = 0 AND ended_at IS NOT NULL")
    op.execute("ALTER TABLE sessions ALTER COLUMN day DROP DEFAULT")
    op.execute("ALTER TABLE sessions ADD PRIMARY KEY (partition, guild_id, day, user_id, started_at)")


def _create(name: str, key: str, others: list[str]) -> None:
    keys = [sa.Column(k, sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False) for k in key.split()]
    op.create_table(
        name, *keys, *(sa.Column(c, sa.BigInteger(), nullable=True) for c in others), sqlite_with_rowid=False
    )
