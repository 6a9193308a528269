"""Rows of a COPY out of libpq, thousands of them for each step of the interpreter.

psycopg gives one row a call, which takes longer than all that libpq does for it. So what numba compiles calls the same
two functions of libpq, on psycopg's own connection, in the library that psycopg has loaded. Rows are as libpq gives
them: what a connection is encrypted with, and how who asks was recognized, are its business as ever.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any, Final, Protocol

import numpy as np
from psycopg import pq
from psycopg.pq.abc import PGconn

from store.columns_texts import Bytes
from tracker.projections.machine import Called, Machine

__all__ = ["ENDED", "FAILED", "FULL", "MACHINE", "NOT_YET", "Rows", "rows_of"]

FULL, NOT_YET, ENDED, FAILED = 1, 0, -1, -2
"""Why taking rows ended: there was no room for more of them; no more have come yet; that was all; libpq says what went
wrong."""

_ROW, _SIZE, _FILLED, _COUNT = range(4)
"""What the numbers of `state` are: where libpq has put a row for which there was no room, and its size (0: there is
none); how many bytes were taken, and how many rows."""

MACHINE: Final = Machine(__name__)

_get: Final = Called("int32", ("intp", "intp", "int32"))
"""PQgetCopyData, of a connection: a row's size; where the row is goes to an address. The last number: not to wait."""
_free: Final = Called("none", ("intp",))
"""PQfreemem, of a row."""
_move: Final = Called("intp", ("intp", "intp", "intp"))
"""memmove: to an address from another one, so many bytes."""
_MOVE: Final = ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0


@MACHINE.entry(*["int64"] * 4, "int64[::1]", *["int64"] * 4, results=1)
def _taken(
    get: int, free: int, move: int, connection: int, state: Any, place: int, out: int, room: int, most: int
) -> int:
    """Rows into the memory at `out`, one behind the other, up to `most` of them. `place`: the address of `state`."""
    while state[_COUNT] < most:
        size = state[_SIZE]
        if not size:
            size = np.int64(_get(get, connection, place, 1))
            if size <= 0:
                return int(size)
            state[_SIZE] = size
        if state[_FILLED] + size > room:
            return FULL
        _move(move, out + state[_FILLED], state[_ROW], size)
        _free(free, state[_ROW])
        state[_SIZE] = 0
        state[_FILLED] += size
        state[_COUNT] += 1
    return FULL


@cache
def _addresses() -> tuple[int, int] | None:
    """Where PQgetCopyData and PQfreemem are in the libpq that psycopg uses; None: nowhere where they are to be found.

    A system finds a library's names by way of whatever was linked to it; some look into that itself only.
    """
    try:
        linked = ctypes.CDLL(sys.modules[pq.PGconn.__module__].__file__)
        found = [ctypes.cast(getattr(linked, name), ctypes.c_void_p).value for name in ("PQgetCopyData", "PQfreemem")]
    except (OSError, AttributeError, KeyError):
        return None
    return (found[0], found[1]) if found[0] and found[1] else None


def rows_of(connection: PGconn) -> Rows:
    """The rows of a connection on which a COPY has begun. Close them before the connection is closed."""
    found, pointer = _addresses(), getattr(connection, "pgconn_ptr", None)
    return RowsByDriver(connection) if found is None or not pointer else RowsByLibpq(*found, int(pointer))


class Rows(Protocol):
    """The rows of a COPY, as they come."""

    def begin(self) -> None:
        """What is taken from now on goes to the beginning again."""

    def into(self, out: Bytes, most: int) -> int:
        """Put rows into `out` behind those that are there, until they are `most`; returns why that was all."""

    @property
    def taken(self) -> int:
        """How many bytes the rows take that were taken since `begin`."""

    @property
    def waiting(self) -> int:
        """The size of a row for which there was no room; 0: there is none."""

    def close(self) -> None:
        """Gives the memory of a row for which there was no room back."""


class RowsByLibpq:
    """Taken by what is compiled."""

    def __init__(self, get: int, free: int, connection: int) -> None:
        self._get, self._free, self._connection = get, free, connection
        self._state = np.zeros(4, np.int64)

    def begin(self) -> None:
        """See Rows."""
        self._state[_FILLED] = self._state[_COUNT] = 0

    def into(self, out: Bytes, most: int) -> int:
        """See Rows."""
        place, to = self._state.ctypes.data, out.ctypes.data
        return _taken(self._get, self._free, _MOVE, self._connection, self._state, place, to, len(out), most)  # type: ignore[no-any-return]

    @property
    def taken(self) -> int:
        """See Rows."""
        return int(self._state[_FILLED])

    @property
    def waiting(self) -> int:
        """See Rows."""
        return int(self._state[_SIZE])

    def close(self) -> None:
        """See Rows."""
        if self.waiting:
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._free)(int(self._state[_ROW]))
            self._state[_SIZE] = 0


class RowsByDriver:
    """One by one from psycopg: where its libpq is not to be found."""

    def __init__(self, connection: PGconn) -> None:
        self._next_one = connection.get_copy_data
        self._row = b""
        self._count = 0
        self._taken = 0

    def begin(self) -> None:
        """See Rows."""
        self._count = self._taken = 0

    def into(self, out: Bytes, most: int) -> int:
        """See Rows."""
        while self._count < most:
            if not self._row:
                size, row = self._next_one(1)
                if size <= 0:
                    return size
                self._row = bytes(row)
            end = self._taken + len(self._row)
            if end > len(out):
                return FULL
            out.data[self._taken : end] = self._row
            self._row, self._taken = b"", end
            self._count += 1
        return FULL

    @property
    def taken(self) -> int:
        """See Rows."""
        return self._taken

    @property
    def waiting(self) -> int:
        """See Rows."""
        return len(self._row)

    def close(self) -> None:
        """See Rows."""
