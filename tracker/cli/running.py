"""`tracker run` and `tracker demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.bot import run_bot
from tracker.cli.options import DatabaseUrl

__all__ = ["demo", "run"]


def run(database: DatabaseUrl = None) -> None:
    """Run the bot until it is told to stop (Ctrl-C or SIGTERM; it writes down everything first).

    It needs the bot's token in DISCORD_TOKEN. Other environment variables:

    \b
    TRACKER_DATABASE_URL   where everything is kept (sqlite:///tracker.db)
    TRACKER_HEALTH_PORT    serve a health check on this port (off)
    TRACKER_LOG_LEVEL      debug, info, warning or error (info)
    TRACKER_REST_URL       another server that speaks Discord's protocol
    TRACKER_COMMIT_MS, TRACKER_COMMIT_EVENTS
                           an event is durable after so long at most (1000 ms, 500 events)
    TRACKER_FLUSH_S        seconds between two updates of the figures (60)
    TRACKER_BUFFER_EVENTS  events that may wait for a database that is away (100000)
    TRACKER_VERIFY         when the figures are compared with the log: a weekday and a time in UTC, 24h, or off
                           (sun 19:00)

    \b
    Example:
      DISCORD_TOKEN=… tracker run
    """
    run_bot(database)


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where its page and its database go.")] = Path(
        "demo-out"
    ),
    seed: Annotated[int, typer.Option("--seed", help="Another number plays another day.")] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave sandbox and bot running at the end, until Ctrl-C.")
    ] = False,
) -> None:
    """See the real bot at work within a minute: no token, no network, nothing to set up.

    A sandbox that speaks Discord's protocol is started on this machine, and the bot against it. A community of 24
    members plays through a day in accelerated time and rises through three tiers: roles, nicknames and level cards
    follow, the daily report is posted at midnight, and members use /report, /rank and /why. At the end it compares the
    figures, roles and nicknames with what really happened, and says where the page of the log channel and the database
    are.

    \b
    Example:
      tracker demo --out my-demo
    """
    from tracker.demo.run import run_demo

    raise typer.Exit(run_demo(out, seed=seed, keep=keep))
