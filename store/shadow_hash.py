"""Fingerprints of read models: whether two tables hold the same rows, in whatever order, on whatever database.

A row's hash: its cells, each reduced modulo a prime and weighted by a prime of its own, are summed; the product of that
sum's remainders by two more primes is the hash. It needs no operation that one of the databases lacks or that could
overflow 64 bits (where SQLite would go on with floats and PostgreSQL refuse), and it is not linear, so that cells which
change places between two rows are noticed. Text counts by its SHA-256, null by a number of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from store.schema import TEXT_COLUMNS
from tracker.projections.rows import TABLES, Table

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "HALF", "MODULI", "NOTHING", "NULL", "SUFFIX", "WEIGHTS", "Fingerprint", "fingerprints", "hash_sum", "nullable",
    "text_cells", "text_number", "weighed",
]  # fmt: skip

SUFFIX: Final = "__shadow"
"""Behind a read model's name: the table that a rebuild fills."""

_CELL: Final = 2_038_074_743  # far from any power of two, so that no flipped bits go unnoticed
_ROW: Final = (2_147_483_629, 2_147_483_587)
MODULI: Final = (_CELL, *_ROW)
"""What a cell is reduced by, and the sum of a row's cells."""
WEIGHTS: Final = (
    134_217_757, 134_217_773, 134_217_779, 134_217_781, 134_217_799, 134_217_803, 134_217_823, 134_217_827,
    134_217_869, 134_217_877, 134_217_893, 134_217_917, 134_217_929, 134_217_931, 134_217_943, 134_217_973,
)  # fmt: skip
NULL: Final = 6_768_432_981_255_042_671
"""What null counts as."""
HALF: Final = 31
"""Bits of the lower half of a hash."""
_TEXT_HEX: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """How many rows, and the sum of their hashes (exact, not wrapped). Equal ones: the same rows, but for a miracle."""

    rows: int = 0
    total: int = 0

    def __add__(self, other: Fingerprint) -> Fingerprint:
        return Fingerprint(rows=self.rows + other.rows, total=self.total + other.total)

    def __sub__(self, other: Fingerprint) -> Fingerprint:
        return Fingerprint(rows=self.rows - other.rows, total=self.total - other.total)


NOTHING: Final = Fingerprint()


def nullable(table: Table) -> frozenset[str]:
    """The columns that may hold null."""
    return frozenset(table.columns) - {*table.key, *table.add}


def weighed(table: Table) -> tuple[list[int], list[int]]:
    """By cell of a table: its weight, and what null counts as there (0: none may be)."""
    columns = ("partition", *table.columns)
    return list(WEIGHTS[: len(columns)]), [NULL if column in nullable(table) else 0 for column in columns]


def text_cells(table: Table) -> list[int]:
    """Which cells of a table's rows are text; the partition is cell 0."""
    return [i for i, name in enumerate(table.columns, start=1) if name in TEXT_COLUMNS]


def text_number(text: str) -> int:
    """What a text counts as: 60 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 64 - 4 * _TEXT_HEX


def hash_sum(table: Table, cells: np.ndarray, nulls: np.ndarray) -> Fingerprint:
    """The fingerprint of rows in memory: `cells` in the order (partition, *columns), texts as their `text_number`.

    `nulls`: by row, bit i set where the i-th cell is null (its number is then of no account).
    """
    import numpy as np

    total = np.zeros(len(cells), np.int64)
    for i in range(1 + len(table.columns)):
        column = cells[:, i]
        if i and table.columns[i - 1] in nullable(table):
            column = np.where((nulls >> i) & 1, NULL, column)
        total += np.fmod(column, _CELL) * WEIGHTS[i]
    hashes = np.fmod(total, _ROW[0]) * np.fmod(total, _ROW[1])
    low, high = int((hashes & (2**HALF - 1)).sum()), int((hashes >> HALF).sum())
    return Fingerprint(rows=len(cells), total=(high << HALF) + low)


def fingerprints(
    connection: Connection,
    live: bool = True,
    *,
    partitions: Collection[int] | None = None,
    guilds: Collection[int] | None = None,
    names: Collection[str] | None = None,
) -> dict[str, Fingerprint]:
    """The fingerprint of every read model, computed by the database; `live` False: of the shadow tables.

    `partitions`, `guilds`: only their rows; `names`: only these tables (None: all).
    """
    where = _where(partitions, guilds)
    wanted = TABLES if names is None else names
    return {name: _of_table(connection, TABLES[name], "" if live else SUFFIX, where) for name in wanted}


def _where(partitions: Collection[int] | None, guilds: Collection[int] | None) -> str:
    wanted = (("partition", partitions), ("guild_id", guilds))
    terms = [f"{column} IN ({', '.join(str(int(v)) for v in sorted(some))})" for column, some in wanted if some]
    if any(some is not None and not some for _, some in wanted):
        terms.append("1 = 0")
    return f" WHERE {' AND '.join(terms)}" if terms else ""


def _of_table(connection: Connection, table: Table, suffix: str, where: str) -> Fingerprint:
    sqlite = connection.dialect.name == "sqlite"
    if sqlite and any(c in TEXT_COLUMNS for c in table.columns):
        _teach(connection)
    cells = zip(("partition", *table.columns), WEIGHTS, strict=False)
    terms = " + ".join(f"({_cell(table, column, sqlite)} % {_CELL}) * {weight}" for column, weight in cells)
    # The limit and the offset keep the planners from computing each row's sum once for every use of it.
    once = "LIMIT -1 OFFSET 0" if sqlite else "OFFSET 0"
    rows = f"SELECT {terms} AS x FROM {table.name}{suffix}{where} {once}"  # noqa: S608
    h = f"(x % {_ROW[0]}) * (x % {_ROW[1]})"
    if sqlite:
        hashes = f"SELECT {h} AS h FROM ({rows}) AS r {once}"  # noqa: S608
        sums = f"coalesce(sum(h & {2**HALF - 1}), 0), coalesce(sum(h >> {HALF}), 0)"
        statement = f"SELECT count(*), {sums} FROM ({hashes}) AS s"  # noqa: S608
    else:  # where a sum may have more than 64 bits
        statement = f"SELECT count(*), coalesce(sum({h}), 0), 0 FROM ({rows}) AS r"  # noqa: S608
    row = connection.exec_driver_sql(statement if sqlite else statement.replace("%", "%%")).one()
    return Fingerprint(rows=row[0], total=int(row[1]) + (int(row[2]) << HALF))


def _cell(table: Table, column: str, sqlite: bool) -> str:
    cell = column
    if column in TEXT_COLUMNS:
        digits = f"left(encode(sha256(convert_to({column}, 'UTF8')), 'hex'), {_TEXT_HEX})"
        cell = f"tracker_text_number({column})" if sqlite else f"('x' || {digits})::bit({4 * _TEXT_HEX})::bigint"
    return f"coalesce({cell}, {NULL})" if column in nullable(table) else cell


def _teach(connection: Connection) -> None:
    """Gives this SQLite connection the function that numbers texts."""
    kept = connection.connection
    if not kept.info.get("tracker_text_number"):
        driver: Any = kept.driver_connection
        driver.create_function("tracker_text_number", 1, _number_or_null, deterministic=True)
        kept.info["tracker_text_number"] = True


def _number_or_null(text: str | None) -> int | None:
    return None if text is None else text_number(text)
