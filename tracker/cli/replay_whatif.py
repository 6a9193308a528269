"""`tracker replay --what-if`: what other settings would have made of a server's history, and putting them in force."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tracker.cli.frame import say
from tracker.errors import ConfigError, NotFoundError
from tracker.ids import GuildId

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease
    from tracker.reports.what_if import WhatIf

__all__ = ["Wish", "show_and_apply"]

_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for. `file`: the settings. `shown`: how many members. `ask`: before anything is applied."""

    file: Path
    csv: Path | None
    shown: int
    apply: bool
    retroactive: bool
    ask: bool


def show_and_apply(db: Database, guild: GuildId | None, wish: Wish) -> None:
    """Show the difference; with `apply`, then append the settings.

    Raises ConfigError, SettingsError, NotFoundError, DatabaseError, LogCorruptError; to apply needs the writer's
    lease: HeldByAnotherProcessError names who has it, before anything is worked out.
    """
    from tracker.cli.holding import holding
    from tracker.cli.toml import read_document
    from tracker.events.settings import parse_settings

    if wish.retroactive and not wish.apply:
        raise ConfigError("--retroactive says how to apply settings: give --apply too (without it, nothing is changed)")
    document = parse_settings(read_document(wish.file)).document
    meant = _meant(db, guild)
    with holding(db) if wish.apply else nullcontext() as lease:
        found = _worked_out(db, meant, document, wish)
        if lease is not None:
            _apply(db, lease, found, wish)


def _meant(db: Database, guild: GuildId | None) -> GuildId:
    """The guild that is meant: the one given, or the only one that there is. Raises ConfigError, NotFoundError."""
    from store import queries

    known = queries.guild_ids(db)
    if guild is not None:
        if guild not in known:
            raise NotFoundError(f"guild {guild} is not in the database")
        return guild
    if not known:
        raise NotFoundError("no server is in the database yet")
    if len(known) > 1:
        named = ", ".join(map(str, known[:_NAMED])) + (", …" if len(known) > _NAMED else "")
        raise ConfigError(
            f"--what-if is about one server, and {len(known)} are in the database: give --guild ({named})"
        )
    return known[0]


def _worked_out(db: Database, guild: GuildId, document: object, wish: Wish) -> WhatIf:
    from store.whatif import what_if
    from tracker.cli.progress import bar
    from tracker.cli.replay_tables import show_what_if
    from tracker.reports.what_if_csv import what_if_csv

    with bar("Replaying", None, rate="events") as counted:
        found = what_if(db, guild, document, progress=counted)  # type: ignore[arg-type]
    show_what_if(found, wish.shown)
    if wish.csv is not None:
        try:
            wish.csv.write_bytes(what_if_csv(found))
        except OSError as error:
            raise ConfigError(f"{wish.csv} cannot be written: {error.strerror}") from None
        say(f"{len(found.members):,} members written to {wish.csv}")
    return found


def _apply(db: Database, lease: Lease, found: WhatIf, wish: Wish) -> None:
    """Ask, append, and (retroactive) count the guild anew."""
    from store import rebuild
    from tracker.cli.appending import append_settings
    from tracker.cli.documents import differences
    from tracker.cli.progress import bar

    guild, document = found.guild_id, found.rules_after.document
    changed = differences(found.rules_before.document, document)
    for line in changed:
        typer.echo(line)
    if not changed and not wish.retroactive:
        say("these settings are in force already")
        return
    how = "for its whole history, which is counted anew" if wish.retroactive else "from now on"
    if wish.ask and not typer.confirm(f"Put these settings in force for server {guild}, {how}?", err=True):
        say("nothing was changed")
        raise typer.Exit(1)
    append_settings(db, lease, guild, document, retroactive=wish.retroactive)
    if wish.retroactive:
        with bar("Counting anew", None, rate="events") as counted:
            rebuild.rebuild(db, guilds=[guild], progress=counted, lease=lease)
    say(f"{len(changed)} settings changed, {how}")
