"""`tracker check` and `tracker replay`."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.frame import say
from tracker.cli.options import DatabaseUrl, guild_of, opened
from tracker.cli.replay_until import Until
from tracker.errors import ConfigError

if TYPE_CHECKING:
    from store.comparing import Difference
    from store.engine import Database
    from tracker.ids import GuildId

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
        differences, _ = _compared(db, None)
    for d in differences:
        where = f"{d.table} {d.key} {d.column}".rstrip()
        say(f"{where}: live {d.live}, the log says {d.replayed}")
    if differences:
        _refuse(len(differences), None)
    if waiting:
        say(
            f"tracker: history was added to {waiting} guilds and is not counted yet: a running bot does so by itself, "
            "otherwise run `tracker replay`"
        )
        raise typer.Exit(1)
    typer.echo(f"{events:,} events without a gap; live figures = replay")


def replay(
    verify: Annotated[
        bool, typer.Option("--verify", help="Only compare: are the figures what the log says, row by row?")
    ] = False,
    until: Until = None,
    what_if: Annotated[
        Path | None,
        typer.Option("--what-if", metavar="FILE", help="Show what these settings would have made of the history."),
    ] = None,
    guild: Annotated[str | None, typer.Option("--guild", metavar="ID", help="Only this server.")] = None,
    shown: Annotated[
        int, typer.Option("--show", metavar="N", min=1, help="How many differences or members to show.")
    ] = _SHOWN,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="With --what-if: also write all members to a table.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="With --what-if: then put these settings in force from now on.")
    ] = False,
    retroactive: Annotated[
        bool, typer.Option("--retroactive", help="With --apply: also for all that has happened so far.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --apply: do not ask.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            max=64,
            help="Groups of servers to count at once, when all is made anew. Default: one for each core.",
            show_default=False,
        ),
    ] = None,
    database: DatabaseUrl = None,
) -> None:
    """Make all figures anew from the event log; or check them, see them as of any day, or under other rules.

    Without an option, everything that reports are made of is replaced, in one step, by what the log says, and nothing
    is sent to Discord. Cut off at any point, it leaves the figures as they were. The bot must not be running on the
    database. Needed only after an import was cut off, or to repair what `tracker check` found.

    --verify, --until and --what-if change nothing, and the bot may be running. --verify ends with exit code 1 if there
    are differences, and shows the first ones.

    \b
    Examples:
      tracker replay
      tracker replay --verify
      tracker replay --until 2026-02-18T00:00+09:00 --guild 1100000000000000001
      tracker replay --what-if study.toml --guild 1100000000000000001 --csv members.csv
      tracker replay --what-if study.toml --guild 1100000000000000001 --apply --retroactive
    """
    chosen = [name for name, on in (("--verify", verify), ("--until", until), ("--what-if", what_if)) if on]
    if len(chosen) > 1:
        raise ConfigError(f"{' and '.join(chosen)} cannot be combined: each of them shows something else")
    if what_if is None and (csv or apply or retroactive or yes):
        raise ConfigError("--csv, --apply, --retroactive and --yes belong to --what-if FILE")
    if jobs is not None and (chosen or guild):
        raise ConfigError("--jobs is for making all figures anew: it goes with none of the other options")
    guild_id = None if guild is None else guild_of(guild)
    with opened(database) as db:
        if verify:
            _verify(db, guild_id, shown)
        elif until is not None:
            from tracker.cli.replay_until import totals_until

            totals_until(db, until, guild_id, shown)
        elif what_if is not None:
            from tracker.cli.replay_whatif import Wish, show_and_apply

            wish = Wish(file=what_if, csv=csv, shown=shown, apply=apply, retroactive=retroactive, ask=not yes)
            show_and_apply(db, guild_id, wish)
        else:
            _rebuild(db, guild_id, jobs)


def _rebuild(db: Database, guild: GuildId | None, jobs: int | None) -> None:
    from store import log, rebuild, verifications
    from store.replay_kernel import must_compile
    from tracker.cli.holding import holding
    from tracker.cli.progress import bar

    known_to(db, guild)
    events, turn = 0, Lock()
    with holding(db) as lease:
        total = None if guild is not None else sum(log.head(db).values())
        if must_compile(total or 0):
            say("tracker: the rules are compiled first; that takes half a minute, once on this machine")
        with bar("Replaying", total, rate="events") as moved:

            def counted(amount: int) -> None:  # from several threads
                nonlocal events
                with turn:
                    events += amount
                    moved(amount)

            only = None if guild is None else [guild]
            rebuild.rebuild(db, guilds=only, progress=counted, lease=lease, jobs=jobs)
        if guild is None:
            verifications.mended(db)
    typer.echo(f"{events:,} events replayed")


def known_to(db: Database, guild: GuildId | None) -> None:
    """Raises NotFoundError for a guild of which the database has never heard."""
    from store import queries, rebuild
    from tracker.errors import NotFoundError

    if guild is not None and not queries.is_known(db, guild) and guild not in rebuild.marked(db):
        raise NotFoundError(f"guild {guild} is not in the database")


def _verify(db: Database, guild: GuildId | None, shown: int) -> None:
    """Say that live tables and log agree, or show where not. Raises typer.Exit(1) then."""
    from store import queries, rebuild
    from tracker.cli.replay_tables import show_differences

    known_to(db, guild)
    waiting = rebuild.marked(db)
    if guild is not None:
        waiting &= {guild}
    differences, events = _compared(db, guild, shown)
    if differences:
        zones = {g: queries.settings_of(db, g).zone for g in {d.guild_id for d in differences}}
        show_differences((d, zones[d.guild_id]) for d in differences)
        _refuse(len(differences), guild)
    if waiting:
        say(f"left out: {len(waiting)} guilds whose history was added to; they are about to be counted anew")
    typer.echo(f"{events:,} events replayed: live figures = replay")


def _compared(db: Database, guild: GuildId | None, shown: int = _SHOWN) -> tuple[list[Difference], int]:
    """The first differences between the read models and the log, and how many events were folded."""
    from store import log
    from store.comparing import verify
    from tracker.cli.progress import bar

    events = 0
    total = None if guild is not None else sum(log.head(db).values())
    with bar("Comparing", total, rate="events") as moved:

        def counted(amount: int) -> None:
            nonlocal events
            events += amount
            moved(amount)

        found = verify(db, guilds=None if guild is None else [guild], limit=shown, progress=counted)
    return found, events


def _refuse(count: int, guild: GuildId | None) -> None:
    mend = "tracker replay" if guild is None else f"tracker replay --guild {guild}"
    say(
        f"tracker: the figures are not what the log says (the first {count} differences are above); "
        f"`{mend}` makes them anew"
    )
    raise typer.Exit(1)
