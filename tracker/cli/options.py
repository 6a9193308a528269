"""Options that several commands share, and the database that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.config import Config
from tracker.errors import ConfigError
from tracker.events.codec import read_id
from tracker.ids import GuildId

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["AsJson", "DatabaseUrl", "GuildText", "guild_of", "opened"]

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The database: a file, sqlite:///FILE or postgresql://USER@HOST/NAME. "
        "Default: TRACKER_DATABASE_URL, else sqlite:///tracker.db.",
        show_default=False,
    ),
]
GuildText = Annotated[str, typer.Option("--guild", metavar="ID", help="The server's id (a string of digits).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def guild_of(text: str, *, option: str = "--guild") -> GuildId:
    """A guild's id (or another one, that `option` names). Raises ConfigError if it is none."""
    try:
        return GuildId(read_id(text))
    except ValueError:
        raise ConfigError(f"{option}: {text!r} is not an id (a string of digits)") from None


@contextmanager
def opened(url: str | None, *, create: bool = False) -> Iterator[Database]:
    """The database at `url` (None: what the environment says), closed at the end.

    `create`: make one that is not there; otherwise that is refused. Raises ConfigError, DatabaseError.
    """
    from store.engine import open_database

    database = open_database(Config.from_env(os.environ).database_url if url is None else url, create=create)
    try:
        yield database
    finally:
        database.close()
