"""How long the bot is away when it starts again on a log of a million events."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from scripts.benchlib.figures import Figure
from scripts.benchlib.place import Place
from scripts.benchlib.processes import bot, sandbox
from scripts.community import Plan
from scripts.simulate import write
from store.engine import open_database

__all__ = ["measure"]

_TAIL = 120_000
"""A minute at 2,000 events/s: the most that a kill leaves out of the read models."""

_RECOVER = """
import json, sys, time
import store.log, store.state
from store.engine import open_database
imported = time.perf_counter()
database = open_database(sys.argv[1])
states = store.state.recover_all(database)
print(json.dumps(time.perf_counter() - imported))
"""


def measure(place: Place) -> list[Figure]:
    """Seconds of recovery, and of the whole start until the gateway is connected; after a stop and after a kill."""
    events, tail = place.scaled(1_000_000, 5_000), place.scaled(_TAIL, 1_000)
    figures = []
    for dialect in place.kinds():
        for how, unfolded in (("stop", 0), ("kill", tail)):
            url = place.new_url(dialect)
            database = open_database(url)
            plan = Plan(
                guilds=20, members=place.scaled(300, 20), days=60, tick_s=0
            )  # a minute of events has no tick in it
            write(database, plan, events=events, unfolded=unfolded, flush_events=100_000)
            database.close()
            what = f"{events:,} events, after a {how}, {dialect}"
            note = "" if not unfolded else f"{unfolded:,} of them not in the read models: a minute at 2,000 events/s"
            recovers = [_recover(url) for _ in range(place.runs)]
            figures.append(_figure(f"{dialect}.{how}.recover", f"recovery, {what}", recovers, 2.0, note))
            starts = [_start(place, url) for _ in range(place.runs)]
            figures.append(_figure(f"{dialect}.{how}.start", f"process start to connected, {what}", starts, None, note))
    return figures


def _figure(name: str, what: str, runs: list[float], aim: float | None, note: str) -> Figure:
    return Figure(name=f"restart.{name}", what=what, unit="s", runs=tuple(runs), aim=aim, note=note)


def _recover(url: str) -> float:
    """In a fresh process, imports not counted."""
    done = subprocess.run([sys.executable, "-c", _RECOVER, url], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout))


def _start(place: Place, url: str) -> float:
    """Everything: interpreter, imports, lease, recovery, login, READY. Killed afterwards: nothing is flushed."""
    source, where = sandbox(place.folder, members=10, voice=1)
    with source:
        began = time.perf_counter()
        with bot("bot", where, place.folder, url) as observed:
            while not observed.ask("report")["ready"]:
                time.sleep(0.01)
            taken = time.perf_counter() - began
            observed.process.kill()
            return taken
