"""How long the commands' answers take inside the process, in a guild of many members with a long history.

From the call of the desk to the finished embed: the look that brings everything up to date, the read, the words. What
Discord's side adds is not in it. Meanwhile the guild lives on: some hundred members in voice, twenty events a second.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from scripts.benchlib.figures import Figure, percentile
from scripts.benchlib.house import Ask, house
from scripts.benchlib.place import Place
from scripts.community import Plan
from scripts.simulate import write
from store.engine import Database, open_database

__all__ = ["fill_history", "measure"]

_AIM_MS = 50.0
_TURN_S = 0.000_5  # as `tracker run`


def measure(place: Place) -> list[Figure]:
    """Milliseconds of each command's answer: the first one after a start; p50, p95 and the longest of the others."""
    # Counting ten million events takes minutes: only where the database is kept from one bench to the next.
    events, members = (10_000_000, 100_000) if place.cache else (300_000, 10_000)
    if place.quick:
        events, members = 5_000, 300
    figures: list[Figure] = []
    for dialect in place.kinds():
        with place.lasting(
            dialect, f"commands_{events}_{members}", lambda url: fill_history(url, events, members)
        ) as url:
            database = open_database(url)
            runs = [asyncio.run(_run(database, place)) for _ in range(place.runs)]
            database.close()
        about = f"{events:,} events, {members:,} members, {dialect}"
        figures += _figures(dialect, about, runs)
    return figures


@dataclass(slots=True)
class _Times:
    """Milliseconds by command. `first`: of the first answer; `kept_mib`: what is kept in memory takes in the end."""

    first: dict[str, float] = field(default_factory=dict)
    later: dict[str, list[float]] = field(default_factory=dict)
    kept_mib: float = 0.0
    kept_reports_mib: float = 0.0


def _figures(dialect: str, about: str, runs: list[_Times]) -> Iterator[Figure]:
    def figure(name: str, what: str, values: list[float], aim: float | None = None, unit: str = "ms") -> Figure:
        note = "from the desk's call to the embed; twenty events a second, and a flush a minute, meanwhile"
        name, what = f"commands.{dialect}.{name}", f"{what}, {about}"
        return Figure(name=name, what=what, unit=unit, runs=tuple(values), aim=aim, note=note)

    for command in runs[0].later:
        for name, share, held in (("p50", 0.5, None), ("p95", 0.95, _AIM_MS), ("max", 1.0, None)):
            values = [percentile(run.later[command], share) for run in runs]
            yield figure(f"{command}.{name}", f"/{command} {name}", values, held)
        yield figure(f"{command}.first", f"/{command} first", [run.first[command] for run in runs])
    yield figure("kept", "boards kept in memory", [run.kept_mib for run in runs], unit="MiB")
    reports = [run.kept_reports_mib for run in runs]
    yield figure("kept_reports", "what reports are made of, kept in memory", reports, unit="MiB")


def fill_history(url: str, events: int, members: int) -> None:
    """Ten guilds, one of them big; up to two months, a season running since the fourth day."""
    database = open_database(url)
    plan = Plan(
        guilds=10, members=min(300, members), days=60, tick_s=0, crowd=members, activity=14, season_day=3
    )  # on a day, one in seven of those who would be there in a lively guild
    write(database, plan, events=events, flush_events=200_000)
    database.close()


async def _run(database: Database, place: Place) -> _Times:
    sys.setswitchinterval(_TURN_S)
    times, rounds = _Times(), place.scaled(40, 3)
    async with house(database) as bot:
        commands = bot.commands()
        for name, ask in commands.items():
            times.first[name] = await _timed(ask)
        await bot.boards.settled()
        await bot.histories.settled()
        asked = [name for name in commands for _ in range(rounds)]
        bot.random.shuffle(asked)
        for name in asked:
            times.later.setdefault(name, []).append(await _timed(commands[name]))
            await asyncio.sleep(bot.random.uniform(0.0, 0.1))
        times.kept_mib = bot.kept.nbytes / 2**20
        times.kept_reports_mib = bot.kept_reports.figures()["bytes"] / 2**20
    return times


async def _timed(ask: Ask) -> float:
    began = time.perf_counter()
    await ask()
    return (time.perf_counter() - began) * 1000
