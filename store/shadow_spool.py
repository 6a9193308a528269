"""A place for more rows than the memory should hold: sorted runs in a file, read back as one sorted whole.

Nothing of it is in the database, and the files have no name: a process that is killed leaves nothing behind.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from store.shadow_hash import NOTHING, Fingerprint, text_cells
from store.shadow_rows import (
    Column,
    Matrix,
    Sorted,
    Texts,
    fingerprint_of,
    matrix_of,
    merged,
    sorted_by_key,
)
from tracker.projections.rows import TABLES, Row, Table

__all__ = ["Spool"]

_PENDING: Final = 24 << 20
"""Bytes of rows that wait in memory to be sorted; from then on, the biggest tables' go into runs."""

_CHUNK: Final = 16_384
"""About how many rows are read back at once."""

_SAMPLE: Final = 512
"""The key of each so many-th row of a run is kept in memory, to cut all runs into chunks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Rows of one table, sorted by key. `read(a, b)` gives those from a to before b."""

    rows: int
    width: int
    samples: list[Row]
    read: Callable[[int, int], Matrix]

    def before(self, cut: Row | None) -> int:
        """How many rows have smaller keys than `cut` (None: all)."""
        if cut is None:
            return self.rows
        sample = bisect_left(self.samples, cut)
        if not sample:
            return 0
        first = (sample - 1) * _SAMPLE
        keys = self.read(first, min(sample * _SAMPLE, self.rows))[:, : self.width]
        return first + bisect_left(range(len(keys)), cut, key=lambda i: tuple(keys[i].tolist()))


class Spool:
    """Takes the rows of all read models in any order; gives each table's in the order of its key, one row a key.

    `folder`: where the temporary files are (None: the system's place). `compiled`: fingerprints are made by what numba
    compiles; `native`, asked once there are rows: they are those of `store.shadow_native`. Close it, or use it in a
    `with`.
    """

    def __init__(
        self, folder: Path | None = None, *, compiled: bool = False, native: Callable[[], bool] = bool
    ) -> None:
        self._texts = Texts(folder)
        self._compiled, self._asked = compiled, native
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._end = 0
        self._pending: dict[str, list[Matrix]] = {name: [] for name in TABLES}
        self._waiting = 0
        self._in_order: set[str] = set()
        self._runs: dict[str, list[_Run]] = {name: [] for name in TABLES}
        self._sums = dict.fromkeys(TABLES, NOTHING)

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the disk space back."""
        self._texts.close()
        self._file.close()

    @cached_property
    def native(self) -> bool:
        """Whether fingerprints are those of `store.shadow_native`."""
        return self._asked()

    @property
    def waiting(self) -> int:
        """How many bytes of rows wait in memory."""
        return self._waiting

    @property
    def handed_in(self) -> dict[str, Fingerprint]:
        """What was handed in. Rows that came after others of the same key count as merged once `chunks` has run."""
        return dict(self._sums)

    def add(
        self, name: str, partition: int, columns: Sequence[Column], nulls: Mapping[str, np.ndarray], *, fresh: bool
    ) -> None:
        """Takes rows of a table, as columns. Raises ValueError if they are not what the table's columns are."""
        table = TABLES[name]
        rows = matrix_of(table, partition, columns, nulls, self._texts, fresh)
        if not len(rows):
            return
        self._sums[name] += self._sum(table, rows, columns)
        self._in_order.discard(name)
        self._wait(name, rows)

    def add_sorted(self, made: Sorted) -> None:
        """Takes rows of a table that are in order already."""
        if not len(made.rows):
            return
        self._sums[made.name] += self._sum(TABLES[made.name], made.rows)
        if not self.has(made.name):
            self._in_order.add(made.name)
        elif made.name in self._in_order and not self._follows(made):
            self._in_order.discard(made.name)
        self._wait(made.name, made.rows)

    def _follows(self, made: Sorted) -> bool:
        """Whether these rows come behind all that wait."""
        key, waiting = len(TABLES[made.name].key) + 1, self._pending[made.name]
        if not waiting or self._runs[made.name]:
            return False
        last, first = Row(waiting[-1][-1, :key].tolist()), Row(made.rows[0, :key].tolist())
        return last < first

    def _wait(self, name: str, rows: Matrix) -> None:
        self._pending[name].append(rows)
        self._waiting += rows.nbytes
        if self._waiting > _PENDING:
            self._spill()

    def clear(self) -> None:
        """Gives the disk space back of what `chunks` has given back; of all tables that is."""
        if any(self._runs.values()) or self._waiting:
            raise AssertionError("there are rows in the spool that nobody has read")
        if self._end:
            self._file.truncate(0)
            self._end = 0
        self._texts.clear()

    def _spill(self) -> None:
        sizes = {name: sum(rows.nbytes for rows in waiting) for name, waiting in self._pending.items()}
        for name in sorted(sizes, key=lambda n: -sizes[n]):
            if self._waiting <= _PENDING // 2:
                break
            rows = self._drained(name)
            self._runs[name].append(_run(TABLES[name], rows, self._written(rows)))

    def _written(self, rows: Matrix) -> Callable[[int, int], Matrix]:
        """Puts rows into the file; returns the way to read them back."""
        at, width = self._end, rows.shape[1]
        self._file.seek(at)
        left = np.ascontiguousarray(rows).data.cast("B")
        while left:
            left = left[self._file.write(left) :]
        self._end += rows.nbytes

        def read(a: int, b: int) -> Matrix:
            self._file.seek(at + 8 * width * a)
            part = bytearray(8 * width * (b - a))
            view = memoryview(part)
            while view:
                view = view[self._file.readinto(view) :]  # type: ignore[attr-defined]
            return np.frombuffer(part, np.int64).reshape(-1, width)

        return read

    def _drained(self, name: str) -> Matrix:
        """What waits of a table, sorted."""
        waiting = self._pending[name]
        if not waiting:
            return np.empty((0, len(TABLES[name].columns) + 2), np.int64)
        rows = waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
        self._waiting -= rows.nbytes
        waiting.clear()
        if name in self._in_order:
            self._in_order.discard(name)
            return rows
        return sorted_by_key(TABLES[name], rows)

    def has(self, name: str) -> bool:
        """Whether there are rows of the table."""
        return bool(self._pending[name] or self._runs[name])

    def chunks(self, name: str) -> Iterator[Matrix]:
        """All rows of a table by key, one a key, in matrices of some 16,000. Forgets them on the way.

        Raises ValueError if a row that was said to be fresh was not.
        """
        table, alone = TABLES[name], name in self._in_order and not self._runs[name]
        rest = self._drained(name)
        if alone:
            yield from (rest[at : at + _CHUNK] for at in range(0, len(rest), _CHUNK))
            return
        runs = [*self._runs[name], _run(table, rest, lambda a, b: rest[a:b])]
        self._runs[name] = []
        begins = [0] * len(runs)
        cuts = sorted(sample for run in runs for sample in run.samples)[:: _CHUNK // _SAMPLE]
        for cut in [*cuts[1:], None]:
            ends = [run.before(cut) for run in runs]
            parts = [run.read(a, b) for run, a, b in zip(runs, begins, ends, strict=True) if b > a]
            begins = ends
            if parts:
                yield self._settled(table, parts)

    def _settled(self, table: Table, parts: list[Matrix]) -> Matrix:
        """Parts of several runs as one, sorted, each key once; what was merged counts as handed in merged."""
        rows = parts[0] if len(parts) == 1 else sorted_by_key(table, np.concatenate(parts))
        rows, several, one = merged(table, rows)
        if len(several):
            self._sums[table.name] += self._sum(table, one) - self._sum(table, several)
        return rows

    def _sum(self, table: Table, rows: Matrix, columns: Sequence[Column] = ()) -> Fingerprint:
        """`columns`: those of which the rows were made, if they are still there."""
        cells = text_cells(table)
        if self.native:
            from store.shadow_native import fingerprint_of_native

            return fingerprint_of_native(table, rows, self.letters() if cells else None)
        if self._compiled:
            from store.shadow_numbered import fingerprint_of_rows, fingerprint_of_texts

            return fingerprint_of_texts(table, rows, self.letters()) if cells else fingerprint_of_rows(table, rows)
        given = {i: columns[i - 1] for i in cells} if columns else {}
        texts = {i: one if isinstance(one := given.get(i), list) else self.texts(rows, i) for i in cells}
        return fingerprint_of(table, rows, texts)

    def letters(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The bytes of all texts, among which the text cells of rows say where theirs are (LENGTH_BITS). To be let go
        of before the next `clear`.
        """
        return self._texts.letters()

    def texts(self, rows: Matrix, cell: int) -> list[str | None]:
        """The texts of a column of `chunks`' rows; `cell`: its place, the partition's being 0."""
        return self._texts.get(rows[:, cell], (rows[:, -1] >> cell) & 1)


def _run(table: Table, rows: Matrix, read: Callable[[int, int], Matrix]) -> _Run:
    width = len(table.key) + 1
    return _Run(
        rows=len(rows), width=width, samples=[tuple(key) for key in rows[::_SAMPLE, :width].tolist()], read=read
    )
