"""Measures the tracker and prints what was reached beside what is aimed at. `docs/BENCHMARKS.md` explains the figures.

Each measurement runs in a process of its own, on databases of its own: SQLite files, and a PostgreSQL server that comes
out of a wheel and is thrown away afterwards (or, with --database, databases made beside yours on your server).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

if not __package__:  # run as a file, Python looks beside it only
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchlib import commands, flush, handler, machine, members, memory, midnight, replay, restart, trips, wire
from scripts.benchlib.figures import Figure, from_plain, print_table, to_plain
from scripts.benchlib.place import Place, postgres_url

__all__ = ["MEASUREMENTS", "main"]

MEASUREMENTS: dict[str, Callable[[Place], list[Figure]]] = {
    "handler": handler.measure,
    "flush": flush.measure,
    "rate": wire.measure_rate,
    "latency": wire.measure_latency,
    "burst": wire.measure_bursts,
    "trips": trips.measure,
    "memory": memory.measure,
    "restart": restart.measure,
    "commands": commands.measure,
    "members": members.measure,
    "midnight": midnight.measure,
    "replay": replay.measure,
}

_WITHOUT_POSTGRES = {"handler", "burst", "memory", "members", "midnight"}


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", choices=[*MEASUREMENTS], metavar="NAME",
        help=f"measure this alone; may be given again: {', '.join(MEASUREMENTS)}",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="small sizes, one run: to see that everything works")
    parser.add_argument("--runs", type=int, metavar="N", help="how often each is measured (default 5, quick 1)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON too; - for standard output instead")
    parser.add_argument("--database", metavar="URL", help="a PostgreSQL server to use instead of the bench's own")
    parser.add_argument("--no-postgres", action="store_true", help="measure SQLite only")
    parser.add_argument(
        "--cache", metavar="DIR", type=Path,
        help="measure `commands` and `replay` with 10 million events, not 300,000, in databases made there once",
    )  # fmt: skip
    parser.add_argument(
        "--events", metavar="N", type=int, help="with --cache: measure `replay` with so many events, not 10 million"
    )
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process, no table
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit code: 0, or 1 if a measurement failed."""
    parser = _arguments()
    given = parser.parse_args(arguments)
    if given.events is not None and (given.cache is None or given.events < 1_000):
        parser.error("--events: a whole number from 1000 on, and --cache with it")
    runs = given.runs or (1 if given.quick else 5)
    names: list[str] = given.only or [*MEASUREMENTS]
    found, failed, state = [], [], machine.describe()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tracker-bench-")))
        postgres = given.database
        if postgres is None and not given.no_postgres and {*names} - _WITHOUT_POSTGRES:
            postgres = stack.enter_context(postgres_url())
        if given.cache is not None:
            given.cache.mkdir(parents=True, exist_ok=True)
        place = Place(
            folder=folder, runs=runs, quick=given.quick, postgres=postgres, cache=given.cache, events=given.events
        )
        for name in names:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                found += MEASUREMENTS[name](place) if given.here else _apart(name, place)
            except (RuntimeError, subprocess.CalledProcessError) as error:
                print(f"{name} failed: {error}", file=sys.stderr)
                failed.append(name)
    _show(found, state, given.json)
    return 1 if failed else 0


def _apart(name: str, place: Place) -> list[Figure]:
    """Measure in a fresh process, whose memory no earlier measurement has filled."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).resolve()), "--here", "--only", name, "--json", "-"]
    command += ["--runs", str(place.runs), *(["--quick"] if place.quick else [])]
    command += ["--no-postgres"] if place.postgres is None else ["--database", place.postgres]
    command += [] if place.cache is None else ["--cache", str(place.cache)]
    command += [] if place.events is None else ["--events", str(place.events)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [from_plain(plain) for plain in json.loads(done.stdout)["figures"]]


def _show(figures: list[Figure], state: dict[str, Any], target: str | None) -> None:
    document = json.dumps({"machine": state, "figures": [to_plain(f) for f in figures]}, indent=2)
    if target == "-":
        print(document)
        return
    if target is not None:
        Path(target).write_text(document + "\n", encoding="utf-8")
    print_table(figures, machine.sentence(state))


if __name__ == "__main__":
    sys.exit(main())
