"""A replay's rows in memory, for a guild or two: what shadow tables are for a whole database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracker.ids import Partition
from tracker.projections.rows import TABLES, Row, Table

__all__ = ["Gathered"]


class Gathered:
    """Takes rows as `store.shadow.Shadow` does, of one partition."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[Row, Row]] = {}

    def add(
        self,
        name: str,
        partition: Partition,
        columns: Sequence[Any],
        nulls: Mapping[str, Any] | None = None,
        *,
        fresh: bool,
    ) -> None:
        """Takes rows; those of one key are one after the other what became of it."""
        del partition, fresh  # there is one, and a look-up tells
        table = TABLES[name]
        kept = self._tables.setdefault(name, {})
        for row in zip(*_plain(table, columns, nulls or {}), strict=True):
            key, values = row[: len(table.key)], row[len(table.key) :]
            before = kept.get(key)
            kept[key] = values if before is None else _after(table, before, values)

    def settle(self) -> None:
        """Nothing has to be done."""

    def rows(self) -> dict[str, list[Row]]:
        """By table, one row a key."""
        return {name: [key + values for key, values in rows.items()] for name, rows in self._tables.items() if rows}


def _plain(table: Table, columns: Sequence[Any], nulls: Mapping[str, Any]) -> list[list[Any]]:
    plain = []
    for name, column in zip(table.columns, columns, strict=True):
        values = column if isinstance(column, list) else column.tolist()
        absent = nulls.get(name)
        if absent is not None:
            values = [None if gone else value for value, gone in zip(values, absent.tolist(), strict=True)]
        plain.append(values)
    return plain


def _after(table: Table, before: Row, now: Row) -> Row:
    """What an upsert of the row `now` leaves, keys apart."""
    values = []
    for name, old, new in zip(table.columns[len(table.key) :], before, now, strict=True):
        if name in table.add:
            values.append(old + new)
        elif name in table.largest:
            values.append(max(value for value in (old, new) if value is not None) if old != new else old)
        elif name in table.known:
            values.append(old if new is None else new)
        else:
            values.append(new)
    return tuple(values)
