"""Which voice sessions had tracked time on some days, each of them once: said here for all who ask by day.

A session lies with its first day, in `sessions`; for the others there is a row in `session_days`, which says where it
lies. So those of some days are found by the keys of both tables. The questions take :partition, :guild, :first and
:last (days as yyyymmdd, both included).
"""

from __future__ import annotations

from typing import Final

__all__ = ["MET", "OPEN", "spans"]

OPEN: Final = {"sqlite": "sessions s INDEXED BY sessions_open", "postgresql": "sessions s"}
"""Sessions that are asked for with `ended_at IS NULL`. Unless it is told to, SQLite goes through all there ever were:
it takes the start of the primary key for no worse than an index on the few that are open."""

_ON_DAYS: Final = "{0}.partition = :partition AND {0}.guild_id = :guild AND {0}.day BETWEEN :first AND :last"
_BEGAN_HERE: Final = f"{_ON_DAYS.format('s')} AND s.day <> 0"
_BEGAN_ELSEWHERE: Final = f"{_ON_DAYS.format('d')} AND d.first_day NOT BETWEEN :first AND :last"

MET: Final = f"""SELECT s.user_id, s.started_at FROM sessions s WHERE {_BEGAN_HERE}
UNION ALL SELECT DISTINCT d.user_id, d.started_at FROM session_days d WHERE {_BEGAN_ELSEWHERE}"""  # noqa: S608
"""Who had them, and when they began: (user_id, started_at)."""


def spans(columns: str, only: str = "") -> str:
    """These columns of `sessions s`. `only`: what else must be true of `{0}.user_id`, in SQL.

    Those that lie with another day are sought by their keys: a cross join is what SQLite does not turn around.
    """
    here, there = (f" AND {only.format(alias)}" if only else "" for alias in ("s", "d"))
    return f"""SELECT {columns} FROM sessions s WHERE {_BEGAN_HERE}{here}
UNION ALL SELECT {columns} FROM (
  SELECT DISTINCT d.first_day, d.user_id, d.started_at FROM session_days d WHERE {_BEGAN_ELSEWHERE}{there}
) met CROSS JOIN sessions s
WHERE s.partition = :partition AND s.guild_id = :guild AND s.day = met.first_day AND s.user_id = met.user_id
  AND s.started_at = met.started_at"""  # noqa: S608
