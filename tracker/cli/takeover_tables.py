"""What taking over totals would change, in a terminal. Names are never read as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer
from rich.text import Text

from tracker.cli.tables import console, new_table
from tracker.clock import from_ms
from tracker.events.level_rules import Mee6Curve
from tracker.ids import Ms
from tracker.imports.levels import SOURCES
from tracker.projections.levels import level_of

if TYPE_CHECKING:
    from store.engine import Database
    from tracker.cli.takeover import Change, Wish

__all__ = ["show_wish"]

_SHOWN: Final = 10


def show_wish(db: Database, wish: Wish, of_all: int, now: Ms) -> None:
    """Print the largest changes and what they come to; `of_all`: how many members the files name."""
    from store import queries

    curve = queries.settings_of(db, wish.guild_id).curve
    title = f"{SOURCES[wish.form]} → server {wish.guild_id}"
    table = new_table(title, ["Member", "Id"], ["EXP now", "In the file", "Change", "EXP then", "Level now", "Then"])
    for change in sorted(wish.changes, key=lambda c: (-abs(c.amount), c.total.user_id))[:_SHOWN]:
        then = change.before + change.amount
        figures = (f"{change.before:,}", f"{change.total.exp:,}", f"{change.amount:+,}", f"{then:,}")
        levels = (str(level_of(curve, change.before)), str(level_of(curve, then)))
        table.add_row(Text(change.name or "–"), str(change.total.user_id), *figures, *levels)
    if wish.changes:
        console().print(table)
    for line in _sums(wish, of_all, now):
        typer.echo(line)
    if wish.form == "mee6" and wish.changes and not isinstance(curve, Mee6Curve):
        typer.echo("Levels follow this server's own curve; levels = { kind = \"mee6\" } in its settings keeps MEE6's.")


def _sums(wish: Wish, of_all: int, now: Ms) -> list[str]:
    changes: tuple[Change, ...] = wish.changes
    strangers = sum(c.is_stranger for c in changes)
    when = (
        "from now on" if wish.at >= now else f"as of {from_ms(wish.at):%Y-%m-%d %H:%M} UTC, before all that is counted"
    )
    lines = [
        f"{of_all:,} members in the file; {len(changes):,} change, by {sum(c.amount for c in changes):+,} EXP, {when}",
        f"{wish.same:,} were taken over already with the same total",
    ]
    if len(changes) > _SHOWN:
        lines.append(f"{len(changes) - _SHOWN:,} more are not shown")
    if strangers:
        lines.append(f"{strangers:,} are unknown to the tracker: they get the EXP too, and have it if they come back")
    if wish.silent:
        lines.append(f"{wish.silent:,} are left out: bots, or opted out")
    if wish.gone:
        lines.append(f"{wish.gone:,} are left out: they were taken over before and asked to be forgotten since")
    return lines
