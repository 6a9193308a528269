"""The read-model tables as dicts: what a database does with a fold's changes, and nothing else."""

from __future__ import annotations

from typing import Any

from tracker.projections.rows import TABLES, Changes, Row, Table

__all__ = ["TableStore"]


class TableStore:
    """table → key → the other columns by name."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Row, dict[str, Any]]] = {name: {} for name in TABLES}

    def write(self, changes: Changes) -> None:
        """Apply one drain: forgotten members, expired keys, then rows."""
        for guild, user in changes.forgotten:
            self._forget(guild, user)
        for name, keys in changes.expired.items():
            for key in keys:
                self.tables[name].pop(tuple(key), None)
        for name, rows in changes.rows.items():
            for row in rows:
                self._upsert(TABLES[name], row)

    def rows(self, name: str) -> list[Row]:
        """All rows of a table, columns in the table's order, sorted by key."""
        table = TABLES[name]
        rest = table.columns[len(table.key) :]
        return [
            key + tuple(values[c] for c in rest)
            for key, values in sorted(self.tables[name].items(), key=lambda p: p[0])
        ]

    def _forget(self, guild: int, user: int) -> None:
        for name, rows in self.tables.items():
            columns = TABLES[name].columns
            if "user_id" in columns:
                for row in self.rows(name):
                    if row[columns.index("guild_id")] == guild and row[columns.index("user_id")] == user:
                        del rows[row[: len(TABLES[name].key)]]

    def _upsert(self, table: Table, row: Row) -> None:
        assert len(row) == len(table.columns), (table.name, row)
        key, new = row[: len(table.key)], dict(zip(table.columns, row, strict=True))
        old = self.tables[table.name].setdefault(key, {})
        for column in table.add:
            old[column] = old.get(column, 0) + new[column]
        for column in table.largest:
            old[column] = max(old.get(column, new[column]), new[column])
        for column in table.set:
            old[column] = new[column]
        for column in table.known:
            if column not in old or new[column] is not None:
                old[column] = new[column]
