"""`tracker settings show | apply | validate`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.frame import say
from tracker.cli.options import DatabaseUrl, GuildText, guild_of, opened

__all__ = ["app"]

app = typer.Typer(
    help="Show, check and change a server's settings: time zone, language, EXP rules, reports.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_File = Annotated[
    Path, typer.Argument(metavar="FILE", help="The settings document, in TOML (or JSON if named *.json).")
]


class Form(StrEnum):
    """How a document is printed."""

    TOML = "toml"
    JSON = "json"


@app.command()
def show(
    guild: GuildText,
    form: Annotated[Form, typer.Option("--format", help="How to print them.")] = Form.TOML,
    database: DatabaseUrl = None,
) -> None:
    """Print the settings in force, the defaults included.

    What it prints can be changed and given to `tracker settings apply`.

    \b
    Example:
      tracker settings show --guild 1100000000000000001 > study.toml
    """
    from store import queries
    from tracker.cli.documents import complete_json, complete_toml

    with opened(database) as db:
        document = queries.settings_of(db, guild_of(guild)).document
    typer.echo(complete_json(document) if form is Form.JSON else complete_toml(document), nl=False)


@app.command()
def validate(
    file: _File,
    guild: Annotated[
        str | None,
        typer.Option("--guild", metavar="ID", help="Also show what applying it would change for this server."),
    ] = None,
    database: DatabaseUrl = None,
) -> None:
    """Check a settings file without changing anything. Exit code 0: it may be applied, 2: it is refused.

    \b
    Examples:
      tracker settings validate study.toml
      tracker settings validate study.toml --guild 1100000000000000001
    """
    from tracker.cli.documents import differences
    from tracker.cli.toml import read_document
    from tracker.events.settings import parse_settings

    settings = parse_settings(read_document(file))
    if guild is not None:
        from store import queries

        with opened(database) as db:
            before = queries.settings_of(db, guild_of(guild)).document
        for line in differences(before, settings.document):
            typer.echo(line)
    say(f"{file}: good")


@app.command()
def apply(file: _File, guild: GuildText, database: DatabaseUrl = None) -> None:
    """Put a whole settings document in force from now on; keys it leaves out get their defaults.

    A document with any mistake is refused as a whole. The bot must not be running on the same database. What
    happened before is not counted anew: rules are facts, each with its instant.

    \b
    Example:
      tracker settings apply study.toml --guild 1100000000000000001
    """
    from tracker.cli.appending import append_settings
    from tracker.cli.documents import differences
    from tracker.cli.holding import holding
    from tracker.cli.toml import read_document
    from tracker.events.settings import parse_settings

    settings = parse_settings(read_document(file))
    guild_id = guild_of(guild)
    with opened(database, create=True) as db, holding(db) as lease:
        before = append_settings(db, lease, guild_id, settings.document)
    changed = differences(before, settings.document)
    for line in changed:
        typer.echo(line)
    say(f"{len(changed)} settings changed" if changed else "these settings are in force already")
