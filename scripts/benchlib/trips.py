"""How often a minute the bot asks its database something, with 2,000 members active."""

from __future__ import annotations

import time

from scripts.benchlib.figures import Figure
from scripts.benchlib.place import Place
from scripts.benchlib.processes import bot, sandbox

__all__ = ["measure"]

_EVENTS_A_MEMBER = 2
"""In a minute: half of them voice moves, half messages."""


def measure(place: Place) -> list[Figure]:
    """Round trips and statements a minute of the whole bot: commits, flush, heartbeats, posts."""
    members, seconds = place.scaled(2_000, 100), place.scaled(60, 6)
    figures = []
    for dialect in place.kinds():
        source, where = sandbox(place.folder, members=members, voice=40)
        trips, statements = [], []
        with source, bot("bot", where, place.folder, place.new_url(dialect)) as observed:
            observed.settled()
            rate = members * _EVENTS_A_MEMBER / 60
            for _ in range(min(place.runs, 3)):
                observed.ask("reset")
                began = time.monotonic()
                source.do("firehose", kind="mixed", events=int(rate * seconds), rate=rate)
                report = observed.ask("report")
                minutes = (time.monotonic() - began) / 60
                trips.append(report["round_trips"] / minutes)
                statements.append(report["statements"] / minutes)
        note = f"{members:,} members, {_EVENTS_A_MEMBER} events a minute each; every query of the process, all threads"
        # SQLite answers within the process: what it is asked is worth knowing, but nothing travels.
        aim = 70.0 if dialect == "postgresql" else None
        figures += [
            Figure(
                name=f"trips.{dialect}",
                what=f"round trips a minute (BEGIN and COMMIT too), {dialect}",
                unit="/min",
                runs=tuple(trips),
                aim=aim,
                note=note,
            ),
            Figure(
                name=f"trips.{dialect}.statements",
                what=f"statements a minute, {dialect}",
                unit="/min",
                runs=tuple(statements),
                note=note,
            ),
        ]
    return figures
