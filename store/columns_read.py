"""Chunks of a partition's log: out of the archived segments first, out of the table `events` then."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal

from store import archive
from store.archive import Segment
from store.archive_reading import current
from store.columns_apart import chunks_apart, put_down_apart
from store.columns_args import Args
from store.columns_arrow import address, from_postgresql, from_segment, installed
from store.columns_ask import Ask, UnfitError
from store.columns_chunk import Chunk, Rows, chunk_of
from store.columns_copy import by_copy, can_copy
from store.columns_down import Begun, Down, Part
from store.columns_rows import by_driver
from store.columns_worker import Job
from store.engine import Database
from store.own_process import Spare

if TYPE_CHECKING:
    from store.archive_stored import Stored

__all__ = ["Source", "ahead", "archived", "chunks", "fastest", "parts", "segments"]

Source = Literal["pages", "copy", "adbc", "driver"]
"""How the table `events` is read. `pages`: SQLite's, straight out of the file where that can be, else by ADBC; `copy`:
PostgreSQL's, by COPY.
"""

_MOST: Final = 65_536
"""Rows in a chunk: more at a time takes memory and no less time."""

_AT_ONCE: Final = 2
"""Segments that are read ahead."""

_MOST_OPEN: Final = 256
"""Segments whose files are kept open, so that an erasure may write them anew while they are folded."""

_FEW: Final = 50_000
"""Fewer events than this are read before another process has come up."""

_MANY: Final = 300_000
"""From so many events on it is worth the second that numba takes to begin (and, once on a machine, ten to compile)."""


def fastest(db: Database, events: int) -> Source:
    """The source that is the fastest of those installed, for about so many events."""
    if events < _FEW:
        return "driver"
    if events >= _MANY and db.dialect == "sqlite" and find_spec("numba") is not None:
        return "pages"
    if events >= _MANY and db.dialect == "postgresql" and can_copy():
        return "copy"
    return "adbc" if installed(db.dialect) else "driver"


def chunks(db: Database, ask: Ask, source: Source) -> Generator[Chunk]:
    """What is asked for, by position. Raises DatabaseError, LogCorruptError, ArchiveAwayError, ConfigError."""
    with closing(parts(db, ask, source, None)) as found:
        for chunk in found:
            assert isinstance(chunk, Chunk)  # noqa: S101
            yield chunk


def parts(
    db: Database,
    ask: Ask,
    source: Source,
    down: Callable[[], Down] | None,
    spare: Spare | None = None,
    *,
    by_guild: bool = False,
) -> Generator[Chunk | Part | Stored]:
    """As `chunks`; what is read out of pages is put `down` and told of instead, if that is said; of archived segments
    those that are stored `by_guild` are only told of. Raises OSError.

    `spare`: where the process is kept that put it down.
    """
    while True:
        asked = [(ask, segment) for segment in segments(db, ask)]
        with closing(ahead(db, asked, by_guild=by_guild)) as read:
            for _, segment, found in read:
                yield from found
                ask = replace(ask, after=max(ask.after, segment.last))
        if ask.after >= ask.upto:
            return
        try:
            with closing(_table(db, ask, source, down, spare)) as table:
                first = next(table, None)
                # By now the table is read as of one instant. What was archived between our look and that is not in it.
                if segments(db, ask):
                    continue
                for part in () if first is None else chain([first], table):
                    if not isinstance(part, Begun):
                        yield part
                        ask = replace(ask, after=part.upto if isinstance(part, Part) else int(part.position[-1]))
                return
        except UnfitError:  # what is missing is read in another way; some of it may be archived by now
            source = "adbc" if installed(db.dialect) else "driver"


def segments(db: Database, ask: Ask) -> list[Segment]:
    """The archived segments in which some of what is asked for may be."""
    with db.read() as connection:
        found = archive.segments(connection, ask.partition)
    return [s for s in found if s.last > ask.after and s.first <= ask.upto]


def ahead(
    db: Database, asked: Iterable[tuple[Ask, Segment]], *, by_guild: bool
) -> Generator[tuple[Ask, Segment, Iterable[Chunk | Stored]]]:
    """Segment by segment what is asked for of it; whole ones are read while others are worked on.

    Raises as `chunks`.
    """
    args = Args()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="segment") as pool:
        waiting: deque[tuple[Ask, Segment, Future[list[Chunk | Stored]] | None]] = deque()
        try:
            for number, (ask, segment) in enumerate(asked):
                whole = ask.guilds is None and ask.after < segment.first and ask.upto >= segment.last
                as_stored = number if by_guild else None
                read = pool.submit(_whole, db, ask, segment, as_stored) if whole else None
                waiting.append((ask, segment, read))
                if len(waiting) > _AT_ONCE:
                    yield _next(db, args, *waiting.popleft(), by_guild=by_guild)
            while waiting:
                yield _next(db, args, *waiting.popleft(), by_guild=by_guild)
        finally:
            pool.shutdown(cancel_futures=True)


def _next(
    db: Database, args: Args, ask: Ask, segment: Segment, read: Future[list[Chunk | Stored]] | None, *, by_guild: bool
) -> tuple[Ask, Segment, Iterable[Chunk | Stored]]:
    if read is not None:
        return ask, segment, read.result()
    return ask, segment, archived(db, ask, segment, args, stored=_MOST_OPEN if by_guild else None)


def _whole(db: Database, ask: Ask, segment: Segment, stored: int | None) -> list[Chunk | Stored]:
    return list(archived(db, ask, segment, Args(), stored=stored))


def archived(
    db: Database, ask: Ask, segment: Segment, args: Args, *, stored: int | None = None
) -> Generator[Chunk | Stored]:
    """What is asked for out of an archived segment. `stored`: so many others were taken by guild, and so may this one
    be; None: it may not. Raises ArchiveAwayError, LogCorruptError, ConfigError.
    """
    if stored is not None and ask.after < segment.first and ask.upto >= segment.last:
        from store import archive_stored

        keep = stored < _MOST_OPEN
        one = current(db, segment, lambda now: archive_stored.stored(now, ask.guilds, keep=keep))
        if one is not None:
            yield one
            return
    if ask.guilds is None and ask.after < segment.first and ask.upto >= segment.last:
        from store import archive_columns

        found = current(db, segment, lambda now: archive_columns.chunks_of(now, ask.rows))
        if found is not None:
            yield from found
            return
    rows = partial(from_segment, after=ask.after, upto=ask.upto, guilds=ask.guilds, rows=ask.rows)
    yield from _chunks(current(db, segment, rows), ask, args)


def _chunks(found: Generator[Rows], ask: Ask, args: Args) -> Generator[Chunk]:
    with closing(found):
        for rows in found:
            yield chunk_of(rows, ask.partition, args)


def _table(
    db: Database, ask: Ask, source: Source, down: Callable[[], Down] | None, spare: Spare | None
) -> Generator[Chunk] | Generator[Begun | Part]:
    """Out of the table `events`, as of the instant at which the first answer is asked for. `pages`: raises UnfitError,
    before or between them.
    """
    fitting = replace(ask, rows=min(ask.rows, _MOST))
    if source == "pages" and down is not None:
        return put_down_apart(Job(path=db.name, ask=fitting, way=source, down=down()), spare)
    return _chunks_of_table(db, fitting, source)


def _chunks_of_table(db: Database, fitting: Ask, source: Source) -> Generator[Chunk]:
    if source == "pages" or (source == "adbc" and db.dialect == "sqlite"):
        yield from chunks_apart(Job(path=db.name, ask=fitting, way=source))
        return
    if source == "copy":
        yield from by_copy(db, fitting)
        return
    if source == "driver":
        rows: Generator[Rows] = by_driver(db, fitting.sql(), fitting.partition, fitting.rows)
    else:
        rows = from_postgresql(address(db.engine), db.name, fitting.sql(), fitting.rows)
    yield from _chunks(rows, fitting, Args())
