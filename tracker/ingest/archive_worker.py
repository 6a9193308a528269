"""The process that writes the archive's files: `python -m tracker.ingest.archive_worker`. Started by `archiving` alone.

The first line on its standard input is the database's address (not an argument: others can see those, and it may hold
a password). Each line after that is a Step as JSON, and is answered by a line: a Prepared, or why nothing came of it.
In the database it writes nothing but the file, if that is where the archive is; it works with low priority, and ends
with its input: it outlives nobody. What it leaves half written is noted in the database, and removed with the next
archiving.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from tracker.errors import TrackerError

if TYPE_CHECKING:
    from store.archive_segment import Prepared
    from store.engine import Database

__all__ = ["Answer", "Request"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Write the events `first` to `last` of a partition to the file of that name, where the archive is."""

    partition: int
    first: int
    last: int
    file: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`prepared`: a `store.archive_segment.Prepared`, as JSON. `error`: why there is none."""

    prepared: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None


def answers(url: str, requests: BinaryIO) -> Iterator[Answer]:
    """An answer to each request."""
    with _opened(url) as db:
        for line in requests:
            try:
                prepared = _prepared(db, msgspec.json.decode(line, type=Request))
                yield Answer(prepared=msgspec.Raw(msgspec.json.encode(prepared)))
            except TrackerError as error:
                yield Answer(error=str(error))
            except Exception as error:
                yield Answer(error=f"{type(error).__name__}: {error}")


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    from store.engine import open_database

    with closing(open_database(url, create=False)) as db:
        yield db


def _prepared(db: Database, request: Request) -> Prepared:
    from store import archive
    from store.archive_files import require
    from store.archive_segment import Step, prepare
    from tracker.ids import Partition, Position

    require()  # here, and not in the bot, which would be bigger by pyarrow for ever
    partition = Partition(request.partition)
    with db.read() as connection:
        file = archive.place(connection).file(partition, request.file)
    step = Step(partition=partition, first=Position(request.first), last=Position(request.last), file=file)
    return prepare(db, step)


def main() -> None:
    """Answer whoever started this process. Ctrl-C is for the bot, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        os.nice(15)  # the bot goes first
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that prints may get in between
    url = sys.stdin.buffer.readline().decode().rstrip("\n")
    try:
        for answer in answers(url, sys.stdin.buffer):
            out.write(msgspec.json.encode(answer) + b"\n")
            out.flush()
    except TrackerError as error:
        out.write(msgspec.json.encode(Answer(error=str(error))) + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
