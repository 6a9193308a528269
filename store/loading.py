"""Reading read models back: what a restart needs of them, and whole tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final, cast

from sqlalchemy import Connection

from store import arrays
from store.sessions_on import OPEN
from tracker.clock import from_ms, to_ms
from tracker.ids import Ms, Partition
from tracker.projections.rows import TABLES, Row

__all__ = ["rows_of", "rows_to_load"]

_BATCH: Final = 5_000
_DAY_MS: Final = 86_400_000

_THESE_DAYS: Final = {
    "sqlite": "(SELECT value ->> 0 AS day, value ->> 1 AS ends FROM json_each(?)) j",
    "postgresql": "unnest(%s::bigint[], %s::bigint[]) AS j (day, ends)",
}
_OPEN_SESSION_DAYS: Final = (
    "SELECT d.guild_id, d.day, d.user_id, d.started_at, d.first_day "
    "FROM {days} CROSS JOIN {open} CROSS JOIN session_days d "
    "WHERE s.partition = {mark} AND s.ended_at IS NULL AND s.day > 0 AND j.ends > s.started_at "
    "AND d.partition = s.partition AND d.guild_id = s.guild_id AND d.day = j.day AND d.user_id = s.user_id "
    "AND d.started_at = s.started_at"
)
_WHERE: Final = {
    "sessions": " AND s.ended_at IS NULL",
    "totals": " AND (message_award_at > {mark} OR interaction_award_at > {mark})",
    "carries": " AND carry_ms > 0",
}


def rows_to_load(connection: Connection, partition: Partition, as_of: Ms, name: str) -> Iterable[Row]:
    """What a fold that goes on at the checkpoint's instant `as_of` needs of the read model's partition (streamed)."""
    if name == "session_days":
        return _open_session_days(connection, partition, as_of)
    arguments: tuple[int, ...] = (partition,)
    if name == "totals":  # no cooldown is longer than a day
        arguments = (partition, as_of - _DAY_MS, as_of - _DAY_MS)
    place = OPEN[connection.dialect.name] if name == "sessions" else name
    return _rows(connection, name, place, arguments, _WHERE.get(name, ""))


def rows_of(connection: Connection, partition: Partition, name: str) -> Iterable[Row]:
    """All rows of a read model's partition, in the order of its columns (streamed)."""
    return _rows(connection, name, name, (partition,), "")


def _rows(connection: Connection, name: str, place: str, arguments: tuple[int, ...], where: str) -> Iterable[Row]:
    statement = f"SELECT {', '.join(TABLES[name].columns)} FROM {place} WHERE partition = {{mark}}{where}"  # noqa: S608
    return _streamed(connection, statement.format(mark=_mark(connection)), arguments)


def _open_session_days(connection: Connection, partition: Partition, as_of: Ms) -> Iterable[Row]:
    """The other days of sessions that are open: sought by their keys, one day after the other since each began."""
    days = _days(_oldest(connection, partition), as_of)
    kind = connection.dialect.name
    arguments: tuple[Any, ...] = (json.dumps(days), partition)
    if kind == "postgresql":
        arguments = (arrays.whole(day for day, _ in days), arrays.whole(ends for _, ends in days), partition)
    statement = _OPEN_SESSION_DAYS.format(open=OPEN[kind], days=_THESE_DAYS[kind], mark=_mark(connection))
    return _streamed(connection, statement, arguments)


def _oldest(connection: Connection, partition: Partition) -> int | None:
    """When the oldest open session began."""
    place, mark = OPEN[connection.dialect.name], _mark(connection)
    found: int | None = connection.exec_driver_sql(
        f"SELECT MIN(s.started_at) FROM {place} WHERE s.partition = {mark} AND s.ended_at IS NULL",  # noqa: S608
        (partition,),
    ).scalar_one()
    return found


def _days(oldest: int | None, as_of: Ms) -> list[tuple[int, int]]:
    """The days (yyyymmdd) from `oldest` to `as_of` in whatever zone, each with when it is over in any."""
    if oldest is None:
        return []
    day, last = from_ms(Ms(oldest - _DAY_MS)), from_ms(Ms(max(oldest, as_of) + _DAY_MS))
    found = []
    while day.date() <= last.date():
        midnight = to_ms(day.replace(hour=0, minute=0, second=0, microsecond=0))
        found.append((int(f"{day:%Y%m%d}"), midnight + 2 * _DAY_MS))
        day += timedelta(days=1)
    return found


def _streamed(connection: Connection, statement: str, arguments: tuple[Any, ...]) -> Iterable[Row]:
    streaming = connection.execution_options(stream_results=True, yield_per=_BATCH)
    for rows in streaming.exec_driver_sql(statement, arguments).partitions(_BATCH):
        yield from cast("Sequence[Row]", rows)


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.name == "sqlite" else "%s"
