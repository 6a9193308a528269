"""The log's rows as Arrow record batches: out of SQLite and PostgreSQL by ADBC, out of archived segments by Parquet.

Needs the packages of `tracker[fast]`, which are imported when they are used.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from store.columns_chunk import Ints
from tracker.errors import DatabaseError
from tracker.events.message import message_id_of
from tracker.ids import EventId

if TYPE_CHECKING:  # the process that reads SQLite's log starts twice as fast without
    from sqlalchemy import Engine

    from store.archive import Segment

__all__ = ["ArrowRows", "address", "from_postgresql", "from_segment", "from_sqlite", "installed"]

_PREFIX: Final = "message:"
_ROWS: Final = 65_536
"""Rows of one record batch at most: more at a time takes memory and no less time."""


def installed(dialect: str) -> bool:
    """Whether Arrow and ADBC's driver for the database are installed."""
    return all(find_spec(name) is not None for name in ("pyarrow", "adbc_driver_manager", f"adbc_driver_{dialect}"))


def address(engine: Engine) -> str:
    """How libpq finds the database: everything that the engine's address says, the password too."""
    from psycopg.conninfo import make_conninfo

    _, given = engine.dialect.create_connect_args(engine.url)
    return make_conninfo(**{key: str(value) for key, value in given.items() if isinstance(value, str | int)})


def from_sqlite(path: str, sql: str, rows: int) -> Generator[ArrowRows]:
    """The answer to `sql`. Only for a process that has the database open in no other way: ADBC brings an SQLite of its
    own, and when two SQLites of one process have a file open, closing one takes the other's locks away.

    Raises DatabaseError.
    """
    import adbc_driver_sqlite.dbapi as adbc

    options = {"adbc.sqlite.query.batch_rows": str(min(rows, _ROWS))}
    # Without a limit in them, `?` and `#` would end the path.
    quoted = Path(path).absolute().as_uri()
    with _explained(path):
        yield from _batches(lambda: adbc.connect(f"{quoted}?mode=ro"), sql, options, rows)


def from_postgresql(conninfo: str, name: str, sql: str, rows: int) -> Generator[ArrowRows]:
    """The answer to `sql`. `conninfo`: `address`; `name`: the database's for people. Raises DatabaseError."""
    import adbc_driver_postgresql.dbapi as adbc

    with _explained(name):
        yield from _batches(lambda: adbc.connect(conninfo), sql, {}, rows)


def _batches(connect: Any, sql: str, options: dict[str, str], rows: int) -> Generator[ArrowRows]:
    with connect() as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**options)
        cursor.execute(sql)
        yield from _cut(cursor.fetch_record_batch(), rows)


def from_segment(
    segment: Segment, *, after: int, upto: int, guilds: Collection[int] | None, rows: int
) -> Generator[ArrowRows]:
    """The rows of an archived segment beyond `after`, up to `upto`, of these guilds (None: all). It is read at once.

    Raises ArchiveAwayError, LogCorruptError, ConfigError.
    """
    from store import archive_files

    archive_files.require()
    import pyarrow as pa
    import pyarrow.compute as pc

    def mask(table: Any) -> Any:
        wanted = pc.and_(pc.greater(table["position"], after), pc.less_equal(table["position"], upto))
        if guilds is not None:
            wanted = pc.and_(wanted, pc.is_in(table["guild_id"], value_set=pa.array(list(guilds), pa.int64())))
        return wanted

    whole = guilds is None and after < segment.first and upto >= segment.last
    found = archive_files.batches(segment, None if whole else mask, ("position", "guild_id"))
    return (part for table in found for part in _cut(table.combine_chunks().to_batches(), rows))


def _cut(batches: Any, rows: int) -> Generator[ArrowRows]:
    most = min(rows, _ROWS)
    for batch in batches:
        for start in range(0, batch.num_rows, most):
            yield ArrowRows(batch.slice(start, most))


@contextmanager
def _explained(name: str) -> Iterator[None]:
    import adbc_driver_manager
    import pyarrow as pa

    try:
        yield
    except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DatabaseError(f"database {name}: {first}") from error


class ArrowRows:
    """A record batch with the columns of `columns_chunk.COLUMNS`."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch
        self._coded: dict[str, Any] = {}

    def only(self, rows: npt.NDArray[Any]) -> ArrowRows:
        """These rows."""
        return ArrowRows(self._batch.take(rows))

    def ints(self, name: str) -> Ints:
        """See Rows."""
        import pyarrow.compute as pc
        import pyarrow.types as pt

        values = self._batch.column(name)
        if pt.is_null(values.type):
            return np.zeros(len(values), np.int64)
        if values.null_count:
            values = pc.fill_null(values, 0)
        return np.array(values.to_numpy(zero_copy_only=False), np.int64)  # the batch's memory is not ours to keep

    def coded(self, name: str) -> tuple[npt.NDArray[Any], Sequence[Any]]:
        """See Rows."""
        values = self._dictionary(name)
        if name == "type":
            return values.indices.to_numpy(), values.dictionary.to_pylist()
        return values.indices.to_numpy(), values.dictionary

    def _dictionary(self, name: str) -> Any:
        import pyarrow.types as pt

        if name not in self._coded:
            values = self._batch.column(name)
            self._coded[name] = values if pt.is_dictionary(values.type) else values.dictionary_encode()
        return self._coded[name]

    def texts(self, name: str, rows: npt.NDArray[Any]) -> list[Any]:
        """See Rows."""
        found: list[Any] = self._batch.column(name).take(rows).to_pylist()
        return found

    def message_ids(self, rows: npt.NDArray[Any]) -> Ints:
        """See Rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ids = self._batch.column("id").take(rows).cast(pa.string())
        if pc.all(pc.starts_with(ids, pattern=_PREFIX), min_count=0).as_py():
            tails = pc.binary_slice(ids.cast(pa.binary()), len(_PREFIX), len(_PREFIX) + 20).cast(pa.string())
            _, offsets, letters = tails.buffers()
            starts = np.frombuffer(offsets, np.int32)[tails.offset : tails.offset + len(tails) + 1]
            # From a digit other than 0 on, the only text that reads as a number is the one in which it is written;
            # and 20 digits are too many.
            if (np.diff(starts) > 0).all() and _start_of_a_number(np.frombuffer(letters, np.uint8)[starts[:-1]]):
                try:
                    return np.array(tails.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)
                except pa.ArrowInvalid:
                    pass
        return np.array([_number(text) for text in ids.to_pylist()], np.int64)


def _start_of_a_number(letters: npt.NDArray[np.uint8]) -> bool:
    return bool(((letters >= ord("1")) & (letters <= ord("9"))).all())


def _number(event_id: str) -> int:
    try:
        return message_id_of(EventId(event_id))
    except ValueError:
        return 0
