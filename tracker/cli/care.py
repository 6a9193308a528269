"""`tracker check` and `tracker replay`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.frame import say
from tracker.cli.options import DatabaseUrl, opened

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["check", "replay"]

_SHOWN = 20


def check(database: DatabaseUrl = None) -> None:
    """Check that nothing is missing from the log, and that the figures are what the log says.

    The positions of the log must be 1, 2, 3, … without a hole, and folding the whole log anew must give the very rows
    that reports are made of. Changes nothing; the bot may be running. Exit code 0: all is well, 1: it is not, and the
    first differences are shown.

    \b
    Example:
      tracker check --database sqlite:///study.db
    """
    from store import log, rebuild

    with opened(database) as db:
        events = log.check_contiguity(db)
        waiting = len(rebuild.marked(db))
        _compare(db)
    if waiting:
        say(f"tracker: an import was cut off, and {waiting} guilds are not counted yet: run `tracker replay`")
        raise typer.Exit(1)
    typer.echo(f"{events:,} events without a gap; live figures = replay")


def replay(
    verify: Annotated[bool, typer.Option("--verify", help="Compare again afterwards, with another replay.")] = False,
    database: DatabaseUrl = None,
) -> None:
    """Make all figures anew from the event log.

    Everything reports are made of is replaced, in one step, by what the log says. Nothing is sent to Discord. The bot
    must not be running on the database. Needed only after an import was cut off, or to repair what `tracker check`
    found.

    \b
    Example:
      tracker replay --verify
    """
    from store import log, rebuild
    from tracker.cli.holding import holding
    from tracker.cli.progress import bar

    with opened(database) as db:
        with holding(db) as lease:
            total = sum(log.head(db).values())
            with bar("Replaying", total) as counted:
                rebuild.rebuild(db, progress=counted, lease=lease)
        if verify:
            _compare(db)
    typer.echo(f"{total:,} events replayed" + ("; live figures = replay" if verify else ""))


def _compare(db: Database) -> None:
    """Show the first differences between the read models and the log, if any. Raises typer.Exit(1) then."""
    from store import log, rebuild
    from tracker.cli.progress import bar

    with bar("Comparing", sum(log.head(db).values())) as counted:
        differences = rebuild.verify(db, limit=_SHOWN, progress=counted)
    for d in differences:
        where = f"{d.table} {d.key} {d.column}".rstrip()
        say(f"{where}: live {d.live}, the log says {d.replayed}")
    if differences:
        say(f"tracker: the figures are not what the log says (the first {len(differences)} differences are above); "
            "`tracker replay` makes them anew")  # fmt: skip
        raise typer.Exit(1)
