"""`tracker import` and `tracker export`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO

import typer

from tracker.cli.frame import say
from tracker.cli.options import DatabaseUrl, guild_of, opened
from tracker.errors import ConfigError, EventFormatError

__all__ = ["export", "import_"]

_DASH = Path("-")


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of events, one JSON object per line; - for stdin.")
    ],
    skip_bad: Annotated[
        bool,
        typer.Option("--skip-bad", help="Import the good lines and list the others, instead of refusing the file."),
    ] = False,
    database: DatabaseUrl = None,
) -> None:
    """Import events (history from elsewhere, or what `tracker export` wrote), and count anew what they change.

    If any line is bad, nothing of the file is kept, and the first bad line is named. An event whose id is in the
    database already is passed over, so the same file can be imported again. A database that is not there is made.
    The bot must not be running on it meanwhile.

    \b
    Examples:
      tracker import events.jsonl
      zcat events.jsonl.gz | tracker import - --database sqlite:///study.db

    \b
    A line looks like this:
      {"id":"a1","type":"voice.joined","guild_id":"10","user_id":"20","channel_id":"30",
       "occurred_at":"2026-02-18T06:16:52.000Z","data":{"flags":[],"reason":"gateway"}}
    """
    from tracker.cli.bringing import bring_in
    from tracker.cli.holding import holding
    from tracker.cli.intake import check_all
    from tracker.cli.progress import bar

    bad: list[int | None] = []

    def refused(error: EventFormatError) -> None:
        bad.append(error.line)
        say(f"refused: {error}")

    with _seekable(file) as events:
        size = events.seek(0, 2)
        events.seek(0)
        with bar("Checking", size, size=True) as moved:
            named = check_all(events, moved, skip_bad=skip_bad)
        events.seek(0)
        with opened(database, create=True) as db, holding(db) as lease:
            done = bring_in(db, lease, events, size, named, refused)
    typer.echo(
        f"{done.new:,} new, {done.there:,} already there, {len(bad):,} refused, "
        f"{len(done.guilds):,} {'guild' if len(done.guilds) == 1 else 'guilds'} rebuilt"
    )


def export(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="Where to write; stdout if left out.", show_default=False)
    ] = _DASH,
    guild: Annotated[str | None, typer.Option("--guild", metavar="ID", help="Only this server's events.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="Only from this day on (in each server's zone).")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Only up to this day, itself included.")
    ] = None,
    database: DatabaseUrl = None,
) -> None:
    """Write the event log as JSON lines, in the order in which it was recorded.

    Members who asked to be forgotten are not in it. The bot may be running. The file can be imported elsewhere.

    \b
    Examples:
      tracker export backup.jsonl
      tracker export --guild 1100000000000000001 --from 2026-02-01 --to 2026-02-28 | gzip > february.jsonl.gz
    """
    from store import log
    from tracker.cli.outflow import exported, written_to
    from tracker.cli.progress import bar
    from tracker.events.exchange import to_line
    from tracker.reports.window import parse_day

    guild_id = None if guild is None else guild_of(guild)
    first_day, last_day = (None if text is None else parse_day(text) for text in (first, last))
    count = 0
    with (
        opened(database) as db,
        written_to(file) as out,
        bar("Exporting", sum(log.head(db).values()) if guild is None else None) as read,
    ):
        for event in exported(db, guild_id, first_day, last_day, read):
            out.write(to_line(event).encode() + b"\n")
            count += 1
    if file != _DASH:
        say(f"{count:,} events written to {file}")


@contextmanager
def _seekable(path: Path) -> Iterator[BinaryIO]:
    """The file, or a copy of what comes in on stdin or through a pipe: it is read twice. Raises ConfigError."""
    with _readable(path) as file:
        if path != _DASH and file.seekable():
            yield file
            return
        with TemporaryFile() as copy:
            copyfileobj(file, copy)
            copy.seek(0)
            yield copy


def _readable(path: Path) -> AbstractContextManager[BinaryIO]:
    if path == _DASH:
        return nullcontext(sys.stdin.buffer)
    try:
        return path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
