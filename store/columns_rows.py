"""The log's rows as the database's ordinary driver gives them: always there, a Python object for each value."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import psycopg

from store.columns_chunk import COLUMNS, Ints, unreadable
from store.engine import Database
from tracker.errors import DatabaseError
from tracker.events.message import message_id_of
from tracker.ids import EventId

__all__ = ["DriverRows", "by_driver", "explained_by_driver", "joined", "numbers"]

_NUMBERS: Final = 10_000
"""How many rows of numbers there are at once as objects."""

_KEYS: Final = 50_000
"""Over how many keys numbers are joined into one text: a megabyte."""


def by_driver(db: Database, sql: str, partition: int, rows: int) -> Generator[DriverRows]:
    """The answer to `sql` (of an Ask), `rows` at a time. Raises DatabaseError."""
    # The driver's own cursor: SQLAlchemy's rows take as long again.
    with db.read() as connection, connection.begin(), explained_by_driver(db):
        driver: Any = connection.connection.driver_connection
        with closing(driver.cursor() if db.dialect == "sqlite" else driver.cursor("columns")) as cursor:
            cursor.execute(sql)
            while found := cursor.fetchmany(rows):
                yield DriverRows(partition, found)


def numbers(db: Database, sql: str, columns: int) -> Iterator[Ints]:
    """The answer to `sql`, which has so many columns of whole numbers, as matrices. Raises DatabaseError."""
    with db.read() as connection, explained_by_driver(db):
        driver: Any = connection.connection.driver_connection
        with closing(driver.cursor()) as cursor:
            cursor.execute(sql)
            while found := cursor.fetchmany(_NUMBERS):
                values = chain.from_iterable(found)
                yield np.fromiter(values, np.int64, columns * len(found)).reshape(-1, columns)


def joined(db: Database, table: str, key: str, value: str, where: str) -> Iterator[tuple[Ints, Ints]]:
    """The numbers in these columns, of all rows in which `key` is above 0, and this holds. Raises DatabaseError.

    The database makes texts of them, in ranges of the key: so none of them is an object here.
    """
    one_text = "group_concat({}, ' ')" if db.dialect == "sqlite" else "string_agg({}::text, ' ')"
    with db.read() as connection, explained_by_driver(db):
        driver: Any = connection.connection.driver_connection
        with closing(driver.cursor()) as cursor:
            cursor.execute(f"SELECT MAX({key}) FROM {table} WHERE {where}")  # noqa: S608
            for first in range(0, cursor.fetchone()[0] or 0, _KEYS):
                within = f"{where} AND {key} > {first} AND {key} <= {first + _KEYS}"
                both = f"{one_text.format(key)}, {one_text.format(value)}"  # of rows in the same order
                cursor.execute(f"SELECT {both} FROM {table} WHERE {within}")  # noqa: S608
                keys, values = (np.fromstring(text or "", np.int64, sep=" ") for text in cursor.fetchone())
                yield keys, values


@contextmanager
def explained_by_driver(db: Database) -> Iterator[None]:
    """What the driver raises within, raised as DatabaseError."""
    try:
        yield
    except (sqlite3.Error, psycopg.Error) as error:
        raise DatabaseError(f"database {db.name}: {str(error).strip().splitlines()[0]}") from error


_INDEX: Final = {name: index for index, name in enumerate(COLUMNS)}


class DriverRows:
    """Tuples in the order of COLUMNS."""

    def __init__(self, partition: int, rows: Sequence[tuple[Any, ...]]) -> None:
        self._partition = partition
        self._columns = list(zip(*rows, strict=True))

    def ints(self, name: str) -> Ints:
        """See Rows."""
        values: Sequence[Any] = self._columns[_INDEX[name]]
        if name in ("subject_id", "channel_id"):
            values = [v or 0 for v in values]
        try:
            return np.array(values, np.int64)
        except (TypeError, ValueError, OverflowError):
            row = next(i for i, v in enumerate(values) if type(v) is not int or not -(1 << 63) <= v < 1 << 63)
            raise unreadable(self._partition, self._columns[0][row], f"{name} is no whole number") from None

    def coded(self, name: str) -> tuple[npt.NDArray[Any], Sequence[Any]]:
        """See Rows."""
        met: dict[Any, int] = {}
        codes = [met.setdefault(text, len(met)) for text in self._columns[_INDEX[name]]]
        return np.array(codes, np.int32), list(met)

    def texts(self, name: str, rows: npt.NDArray[Any]) -> list[Any]:
        """See Rows."""
        values = self._columns[_INDEX[name]]
        return [values[i] for i in rows.tolist()]

    def message_ids(self, rows: npt.NDArray[Any]) -> Ints:
        """See Rows."""
        return np.array([_number(text) for text in self.texts("id", rows)], np.int64)


def _number(event_id: str) -> int:
    try:
        return message_id_of(EventId(event_id))
    except ValueError:
        return 0
