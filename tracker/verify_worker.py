"""The process that compares the figures with the log: `python -m tracker.verify_worker`.

Started and ended by `tracker.ingest.verifying` alone. It reads the database's address on the standard input (not as an
argument: others can see those, and it may hold a password), writes a `Verdict` as JSON on the standard output, and ends
at once when its input does: it outlives nobody.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from tracker.errors import TrackerError

if TYPE_CHECKING:
    from store.comparing import Difference

__all__ = ["MOST", "GuildVerdict", "Verdict", "WrongFigure", "verdict_on"]

MOST: Final = 1_000
"""Differences that are looked for; whatever is wrong, hardly anybody reads so many."""
_NAMED: Final = 5


class WrongFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A difference in words. `column` "": the whole row. `day`: yyyymmdd; None: the row is about none.

    `live`, `replayed` "": null, or no such row.
    """

    table: str
    column: str
    user_id: str | None
    day: int | None
    live: str
    replayed: str


class GuildVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """How many differences a guild has, and the first of them."""

    guild_id: int
    differences: int
    first: tuple[WrongFigure, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """So many events were folded. `more`: the looking stopped before the end. `error`: why nothing can be said."""

    events: int = 0
    guilds: tuple[GuildVerdict, ...] = ()
    more: bool = False
    error: str | None = None


def verdict_on(url: str) -> Verdict:
    """Compare. What goes wrong becomes the verdict's `error`."""
    from store.comparing import verify
    from store.engine import open_database

    events: list[int] = []
    try:
        db = open_database(url, create=False)
        try:
            found = verify(db, limit=MOST, progress=events.append)
        finally:
            db.close()
    except TrackerError as error:
        return Verdict(error=str(error))
    except Exception as error:
        return Verdict(error=f"{type(error).__name__}: {error}")
    guilds = sorted({d.guild_id for d in found})
    return Verdict(
        events=sum(events),
        guilds=tuple(_of_guild(guild, [d for d in found if d.guild_id == guild]) for guild in guilds),
        more=len(found) >= MOST,
    )


def _of_guild(guild: int, found: Sequence[Difference]) -> GuildVerdict:
    return GuildVerdict(guild_id=guild, differences=len(found), first=tuple(map(_worded, found[:_NAMED])))


def _worded(difference: Difference) -> WrongFigure:
    return WrongFigure(
        table=difference.table,
        column=difference.column,
        user_id=None if difference.user_id is None else str(difference.user_id),
        day=difference.where.get("day"),
        live="" if difference.live is None else str(difference.live),
        replayed="" if difference.replayed is None else str(difference.replayed),
    )


def _end_with(requests: BinaryIO, folder: str) -> None:
    """Whoever started this process is gone, and with them the reason to go on."""
    requests.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main() -> None:
    """Answer whoever started this process. Ctrl-C is for the bot, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        os.nice(15)  # the bot goes first
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that prints may get in between
    from store.asof import SCRATCH

    url = sys.stdin.buffer.readline().decode().rstrip("\n")
    folder = tempfile.tempdir = tempfile.mkdtemp(prefix=SCRATCH)  # all that is left behind is in there
    threading.Thread(target=_end_with, args=(sys.stdin.buffer, folder), daemon=True).start()
    answers.write(msgspec.json.encode(verdict_on(url)))
    answers.flush()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # the thread still reads, and Python would wait for its lock


if __name__ == "__main__":
    main()
