"""`tracker archive`: old events out of the database into files, and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.frame import say
from tracker.cli.options import DatabaseUrl, opened
from tracker.clock import SystemClock, from_ms, to_ms
from tracker.errors import ConfigError, HeldByAnotherProcessError
from tracker.ids import Ms

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["archive"]


def archive(
    before: Annotated[
        str | None, typer.Option("--before", metavar="YYYY-MM-DD", help="Archive what happened before this day (UTC).")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            metavar="DIRECTORY",
            help="Where the files go. Default: where they went before, or next to the SQLite file, in <name>.archive, "
            "or within PostgreSQL. Without --before: the files were moved, and are there now.",
            show_default=False,
        ),
    ] = None,
    restore: Annotated[bool, typer.Option("--restore", help="Put all archived events back into the database.")] = False,
    smaller: Annotated[
        bool,
        typer.Option(
            "--shrink",
            help="Write a SQLite file, or PostgreSQL's table of events, anew without its free room (which new events "
            "would use); with --before: after that.",
        ),
    ] = False,
    database: DatabaseUrl = None,
) -> None:
    """Move old events out of the database into compressed files that everything still reads.

    Reports come from other tables and stay as they are. Counting anew, checking, exporting and erasing members read and
    write the files as if they were the database: keep them, and back them up with it. A bot starts and counts without
    them. The log's beginning goes, up to the first event that is not before the day, or is not counted yet. If the bot
    is running on the database, the wish is left to it: it archives by and by while it goes on counting. (With
    TRACKER_ARCHIVE_AFTER_DAYS, and within PostgreSQL, it does so without being asked.) --restore and --shrink need it
    stopped. Without options: say what is archived.

    \b
    Examples:
      tracker archive --before 2026-01-01
      tracker archive --before 2026-01-01 --dir /srv/archive --database postgresql://tracker@localhost/study
      tracker archive --shrink
      tracker archive --restore
    """
    if restore and (before is not None or directory is not None):
        raise ConfigError("--restore goes with neither --before nor --dir")
    if smaller and before is None and (restore or directory is not None):
        raise ConfigError("--shrink goes with neither --restore nor --dir, but with --before or alone")
    until = None if before is None else _instant(before)
    with opened(database) as db:
        if restore:
            _restore(db)
        elif until is not None:
            _archive(db, until, directory, smaller=smaller)
        elif directory is not None:
            _moved(db, directory)
        elif smaller:
            _shrink(db)
        else:
            _tell(db)


def _instant(text: str) -> Ms:
    """The first instant of the day. Raises ConfigError if it is none, or has not come yet."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--before: {text!r} is not a date such as 2026-01-31") from None
    instant = to_ms(datetime.combine(day, time(), UTC))
    if instant > SystemClock().now():
        raise ConfigError(f"--before: {text} has not come yet")
    return instant


def _archive(db: Database, until: Ms, directory: Path | None, *, smaller: bool) -> None:
    from store import archive_wishes, log
    from store.archive_moving import archive_before
    from store.shrinking import shrink
    from tracker.cli.holding import holding
    from tracker.cli.progress import bar

    try:
        with holding(db) as lease, bar("Archiving", sum(log.head(db).values())) as moved:
            done = archive_before(db, until, now=SystemClock().now(), folder=directory, lease=lease, progress=moved)
            archive_wishes.come_true(db, until)
            freed = shrink(db) if smaller else 0
    except HeldByAnotherProcessError as error:
        if not error.is_bot:
            raise
        _leave_to_the_bot(db, until, directory, error.who, smaller=smaller)
        return
    if freed:
        say(_smaller(freed))
    if not done.files:
        typer.echo("nothing to archive: no event is older than that, counted, and not archived yet")
        return
    typer.echo(
        f"{done.events:,} events are in {_files(done.files, 'new ')} in {done.place} "
        f"({done.bytes / 1e6:,.1f} MB, {done.bytes / done.events:.1f} bytes an event)"
    )
    if not smaller:
        kept = "the database's file keeps its size" if db.dialect == "sqlite" else "the table of events keeps its size"
        say(f"{kept}, and the room in it is used for new events; --shrink gives it back")


def _smaller(freed: int) -> str:
    return f"the database is {freed / 1e6:,.1f} MB smaller"


def _shrink(db: Database) -> None:
    from store.shrinking import shrink
    from tracker.cli.holding import holding

    with holding(db):
        typer.echo(_smaller(shrink(db)))


def _leave_to_the_bot(db: Database, until: Ms, directory: Path | None, bot: str, *, smaller: bool) -> None:
    """Note the wish: a running bot looks for it each minute. Raises ConfigError for what it cannot do."""
    from store import archive_files, archive_place, archive_wishes

    if smaller:
        raise ConfigError(
            f"--shrink writes what is left anew, and the bot ({bot}) is running on it: stop it first, or leave "
            "--shrink out, and the bot archives while it goes on counting"
        )
    archive_files.require()
    place = archive_place.settle(db, directory)
    archive_wishes.ask(db, until)
    typer.echo(
        f"the bot ({bot}) is running and does it: within a minute it begins to move what happened before "
        f"{from_ms(until):%Y-%m-%d} into {place}, and goes on counting meanwhile"
    )
    say("`tracker archive` says how far that is")


def _restore(db: Database) -> None:
    from store import log
    from store.archive_moving import restore
    from tracker.cli.holding import holding
    from tracker.cli.progress import bar

    with holding(db) as lease, bar("Restoring", sum(log.head(db).values())) as moved:
        done = restore(db, lease=lease, progress=moved)
    if not done.files:
        typer.echo("nothing is archived")
        return
    typer.echo(f"{done.events:,} events are back in the database, out of {_files(done.files)} in {done.place}")


def _moved(db: Database, directory: Path) -> None:
    from store import archive_place

    files = archive_place.move(db, directory)
    typer.echo(f"the archive is in {directory.absolute()} from now on: {_files(len(files))}, each as it was written")


def _tell(db: Database) -> None:
    """What is archived, and what is still to be. Raises typer.Exit(1) if a file of it is not there."""
    from store import archive as archives
    from store import archive_place, archive_wishes

    wish = archive_wishes.wish(db)
    if wish is not None:
        say(f"tracker: the bot is still to archive what happened before {from_ms(wish):%Y-%m-%d}, while it runs")
    with db.read() as connection:
        found, place = archives.all_segments(connection), archives.place(connection)
    for stranger in archive_place.strangers(db):
        say(f"tracker: {stranger} is no file of this database's archive; another copy of the database may need it")
    if not found:
        typer.echo("nothing is archived")
        return
    away = [s for s in found if not s.file.exists()]
    for segment in away:
        say(f"tracker: {segment.named} is not there")
    since, until = min(s.first_at for s in found), max(s.last_at for s in found)
    typer.echo(
        f"{sum(s.events for s in found):,} events from {from_ms(since):%Y-%m-%d} to {from_ms(until):%Y-%m-%d} are in "
        f"{_files(len(found))} in {place} "
        f"({sum(s.bytes for s in found) / 1e6:,.1f} MB)"
    )
    if away:
        raise typer.Exit(1)


def _files(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}{'file' if count == 1 else 'files'}"
