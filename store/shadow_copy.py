"""Rows of 64-bit numbers into a table, as fast as each database takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np

from store.schema import TEXT_COLUMNS
from store.shadow_hash import text_cells
from store.shadow_rows import LENGTH_BITS, Matrix, nulls_of
from store.shadow_spool import Spool
from tracker.projections.rows import TABLES, Table

__all__ = ["Packer", "copy_binary", "insert_rows", "insert_sorted"]

_PARAMETERS: Final = 960
"""How many cells one INSERT of SQLite's takes; every build of it allows 999."""

_BYTES: Final = 1 << 18
"""About how many bytes are put into COPY's format at once."""

_COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END: Final = b"\xff\xff"


def insert_sorted(connection: Any, name: str, target: str, spool: Spool) -> None:
    """SQLite: all rows that the spool has of table `name` into `target`, through the driver's own connection.

    A transaction a chunk, so that the write-ahead log stays short and a running tracker gets its turn. Rows travel many
    to a statement, which takes half the time of one each.
    """
    for rows in spool.chunks(name):
        insert_rows(connection, name, target, rows, spool)


def insert_rows(connection: Any, name: str, target: str, rows: Matrix, spool: Spool) -> None:
    """SQLite: these rows, as `insert_sorted`; `spool` has their texts."""
    width = len(TABLES[name].columns) + 1
    many = max(1, _PARAMETERS // width)
    named = ", ".join(("partition", *TABLES[name].columns))
    row = f"({', '.join('?' * width)})"
    cells = _flat(TABLES[name], rows, spool)
    full = len(rows) // many * many * width
    connection.execute("BEGIN IMMEDIATE")
    for stop, count in ((full, many), (len(cells), 1)):
        start, step = (0, many * width) if count == many else (full, width)
        statement = f"INSERT INTO {target} ({named}) VALUES {', '.join([row] * count)}"  # noqa: S608
        connection.executemany(statement, (cells[i : i + step] for i in range(start, stop, step)))
    connection.execute("COMMIT")


def _flat(table: Table, rows: Matrix, spool: Spool) -> list[Any]:
    """All cells, row behind row, as Python has them."""
    width = len(table.columns) + 1
    cells: list[Any] = rows[:, :-1].ravel().tolist()
    nulls = nulls_of(rows)
    for i, column in enumerate(table.columns, start=1):
        if column in TEXT_COLUMNS:
            cells[i::width] = spool.texts(rows, i)
        elif nulls.any():
            for at in (np.flatnonzero((nulls >> i) & 1) * width + i).tolist():
                cells[at] = None
    return cells


def copy_binary(
    cursor: Any, packer: Packer | None, name: str, target: str, chunks: Iterable[Matrix], spool: Spool
) -> None:
    """PostgreSQL: these rows of table `name` into `target`, through the driver's own cursor; `spool` has their texts.

    The table must have been made or emptied in the same transaction. The rows are then written as if they had been
    there for ever (FREEZE): a transaction that is older than they are does not find the table empty after a swap.
    `packer`: what puts rows into the server's format; None: the interpreter does.
    """
    table = TABLES[name]
    named = ", ".join(("partition", *table.columns))
    sql = f"COPY {target} ({named}) FROM STDIN (FORMAT BINARY, FREEZE)"
    with cursor.copy(sql, writer=None if packer is None else packer.writer) as copy:
        if packer is not None or TEXT_COLUMNS.isdisjoint(table.columns):
            copy.write(_COPY_HEADER)
            for rows in chunks:
                if packer is not None:
                    packer.write(copy, table, rows, spool)
                    continue
                for part in _same_nulls(rows):
                    copy.write(_binary(part))
            copy.write(_COPY_END)
            return
        width = len(table.columns) + 1
        copy.set_types(["int8", *("text" if c in TEXT_COLUMNS else "int8" for c in table.columns)])
        for rows in chunks:
            cells = _flat(table, rows, spool)
            for i in range(0, len(cells), width):
                copy.write_row(cells[i : i + width])


class Packer:
    """Puts rows into the format of COPY by what numba compiles, in memory that stays in the processor's caches.

    `cursor`: the driver's. `writer`: what its COPYs are to write to (None: as ever): the connection's socket, where
    nothing is encrypted. Close it.
    """

    def __init__(self, cursor: Any) -> None:
        from store.columns_socket import plain_socket
        from store.shadow_packed import packed
        from store.shadow_socket import ToSocket, calls

        self._pack = packed
        self._out = np.empty(_BYTES, np.uint8)
        system = calls()
        self._plain = None if system is None else plain_socket(cursor.connection.pgconn)
        self.writer = None if system is None or self._plain is None else ToSocket(cursor, self._plain, system)

    def close(self) -> None:
        """Nothing more is to be written."""
        if self._plain is not None:
            self._plain.close()

    def write(self, copy: Any, table: Table, rows: Matrix, spool: Spool) -> None:
        """Rows into a COPY that has begun; `spool` has their texts."""
        rows, texts = np.ascontiguousarray(rows), np.isin(np.arange(rows.shape[1] - 1), text_cells(table))
        letters = spool.letters() if texts.any() else np.zeros(1, np.uint8)
        if self.writer is not None:
            self.writer.write_rows(rows, texts, LENGTH_BITS, letters)
            return
        first, end = 0, 0
        while first < len(rows):
            first, end = self._pack(rows, first, texts, bool(texts.any()), LENGTH_BITS, letters, self._out, 0)
            copy.write(self._out.data[:end])
            if not end:
                self._out = np.empty(2 * len(self._out), np.uint8)


def _same_nulls(rows: Matrix) -> Iterator[Matrix]:
    """The rows in batches of which each has its nulls in the same columns."""
    nulls = nulls_of(rows)
    if (nulls == nulls[0]).all():
        yield rows
        return
    for kind in np.unique(nulls):
        yield rows[nulls == kind]


def _binary(rows: Matrix) -> bytes:
    """Rows in the format of COPY: the number of cells, then each one's length (-1: null) and its big-endian bytes."""
    width, nulls = rows.shape[1] - 1, int(nulls_of(rows)[0])
    fields: list[tuple[str, str]] = [("cells", ">i2")]
    for i in range(width):
        fields.append((f"length{i}", ">i4"))
        if not (nulls >> i) & 1:
            fields.append((f"cell{i}", ">i8"))
    made = np.empty(len(rows), np.dtype(fields))
    made["cells"] = width
    for i in range(width):
        absent = (nulls >> i) & 1
        made[f"length{i}"] = -1 if absent else 8
        if not absent:
            made[f"cell{i}"] = rows[:, i]
    return made.tobytes()
