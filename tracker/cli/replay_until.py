"""As of another instant: what `--until` means, and the members' totals then."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from heapq import nsmallest
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.frame import say
from tracker.clock import from_ms, to_ms
from tracker.errors import ConfigError, NotFoundError
from tracker.ids import GuildId, Ms

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["Until", "as_of", "instant_of", "totals_until"]

Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="INSTANT",
        help="As of this instant, such as 2026-02-18T00:00+09:00: nothing that came later counts.",
    ),
]


def instant_of(text: str) -> Ms:
    """The instant that `--until` names. Raises ConfigError if it is none, or if nobody can say which."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return to_ms(moment)
    except (ValueError, OverflowError):
        raise ConfigError(f"--until: {text!r} is not an instant such as 2026-02-18T00:00+09:00") from None
    raise ConfigError(
        f"--until: {text!r} does not say in which time zone; add its offset, such as {text}+09:00 (or Z for UTC)"
    )


@contextmanager
def as_of(db: Database, until: str | None, guilds: Collection[GuildId] | None) -> Iterator[Database]:
    """The database as it was then, in a scratch one; `db` itself if `until` is None.

    `guilds`: only these (None: all), each of which must have been known then. Only reads `db`: its bot may be running.
    Raises ConfigError, NotFoundError, DatabaseError.
    """
    if until is None:
        yield db
        return
    from store import asof, log, queries
    from tracker.cli.progress import bar

    moment = instant_of(until)
    total = sum(log.head(db).values()) if guilds is None else None
    with asof.scratch(db) as past:
        with bar("Going back", total, rate="events") as counted:
            asof.fold_into(db, past, until=moment, guilds=guilds, progress=counted)
        for guild in guilds or ():
            if not queries.is_known(past, guild):
                raise NotFoundError(f"nothing was known of server {guild} at {until}")
        _say_if_beyond(past, moment)
        yield past


def _say_if_beyond(past: Database, moment: Ms) -> None:
    """Nobody knows what happened after the end of the log."""
    from store import queries

    ends = [queries.as_of(past, guild) for guild in queries.guild_ids(past)]
    if ends and max(ends) < moment:
        say(f"the log ends at {from_ms(max(ends)):%Y-%m-%dT%H:%M:%SZ}: figures are as of then")


def totals_until(db: Database, until: str, guild: GuildId | None, most: int) -> None:
    """Print, for each guild that was known then (or the one given), the members with the most EXP."""
    from store import queries
    from store.totals import read_totals
    from tracker.cli.replay_tables import show_totals

    with as_of(db, until, None if guild is None else [guild]) as past:
        known = queries.guild_ids(past)
        for each in known:
            rules, moment = queries.settings_of(past, each), queries.as_of(past, each)
            members = read_totals(past, each, rules, now=moment)
            first = nsmallest(most, members, key=lambda m: (-m.exp, -m.voice_ms, -m.messages, m.user_id))
            show_totals(each, rules, moment, first, len(members))
    if not known:
        say(f"nothing was known of any server at {until}")
