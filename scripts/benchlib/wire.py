"""The whole way on the real wire: sandbox, WebSocket, hikari, our listeners, the fold, the log.

The sandbox and the bot are processes of their own on one machine, so a machine of two cores is busy with both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scripts.benchlib.figures import Figure, percentile
from scripts.benchlib.place import Place
from scripts.benchlib.processes import Child, bot, sandbox

__all__ = ["measure_bursts", "measure_latency", "measure_rate"]

_RATE = 2_000
_MS = 1e6


@contextmanager
def _connected(place: Place, what: str, url: str, **environ: str) -> Iterator[tuple[Child, Child]]:
    """A sandbox with a guild of 2,000, everyone in voice after the first lap, and a bot that has come to rest."""
    members = place.scaled(2_000, 200)
    child, where = sandbox(place.folder, members=members, voice=40)
    with child, bot(what, where, place.folder, url, **environ) as observed:
        observed.settled()
        child.do("firehose", kind="voice", events=members)
        observed.until("handled", members)
        observed.settled()
        yield child, observed


def measure_rate(place: Place) -> list[Figure]:
    """Events a second from the socket to durable, and what hikari alone could take."""
    events = place.scaled(60_000, 2_000)
    figures = []
    with _connected(place, "hikari", "") as (source, observed):
        rates = [_burst(source, observed, events, durable=False)[0] for _ in range(place.runs)]
    figures.append(_rate("hikari", "hikari alone, listeners that do nothing", rates, events, None))
    for dialect in place.kinds():
        with _connected(place, "bot", place.new_url(dialect)) as (source, observed):
            runs = [_burst(source, observed, events, durable=True) for _ in range(place.runs)]
        figures.append(
            _rate(dialect, f"end to end until durable, {dialect}", [durable for _, durable in runs], events, 20_000)
        )
        figures.append(
            _rate(f"{dialect}.handled", f"end to end until folded, {dialect}", [r for r, _ in runs], events, None)
        )
    return figures


def _rate(name: str, what: str, rates: list[float], events: int, aim: float | None) -> Figure:
    return Figure(
        name=f"rate.{name}",
        what=what,
        unit="events/s",
        runs=tuple(rates),
        aim=aim,
        better="higher",
        note=f"{events:,} voice moves as fast as the socket takes them",
    )


def _burst(source: Child, observed: Child, events: int, *, durable: bool) -> tuple[float, float]:
    """Events a second until the last one was handled, and until it was durable (0 if that is not asked)."""
    observed.ask("reset")
    source.do("firehose", kind="voice", events=events)
    observed.until("handled", events)
    observed.written()
    seen = observed.ask("details")
    started = seen["first_sent"]
    rest = events / (seen["durable"] - started) * 1e9 if durable else 0.0
    return events / (seen["last_handled"] - started) * 1e9, rest


def measure_latency(place: Place) -> list[Figure]:
    """At 2,000 events/s with a flush every 2 s: socket to handled, loop lag, CPU; the last also for hikari alone."""
    seconds = place.scaled(12, 2)
    figures = []
    with _connected(place, "hikari", "") as (source, observed):
        reports = [_steady(source, observed, seconds) for _ in range(place.runs)]
    figures += _steady_figures("hikari", reports, seconds, bare=True)
    for dialect in place.kinds():
        with _connected(place, "bot", place.new_url(dialect), TRACKER_FLUSH_S="2") as (source, observed):
            reports = [_steady(source, observed, seconds) for _ in range(place.runs)]
        figures += _steady_figures(dialect, reports, seconds, bare=False)
    return figures


def _steady(source: Child, observed: Child, seconds: int) -> dict[str, Any]:
    observed.ask("reset")
    source.do("firehose", kind="mixed", events=_RATE * seconds, rate=_RATE)
    costs = observed.until("handled", _RATE * seconds)  # before the details are gone through, which costs too
    return observed.ask("details") | {"cpu_ns": costs["cpu_ns"], "wall_ns": costs["wall_ns"]}


def _steady_figures(name: str, reports: list[dict[str, Any]], seconds: int, *, bare: bool) -> list[Figure]:
    who = "hikari alone" if bare else name
    note = f"{_RATE:,} events/s for {seconds} s, half voice moves, half messages; a flush of all sessions every 2 s"

    def figure(key: str, what: str, unit: str, values: list[float], aim: float | None) -> Figure:
        return Figure(
            name=f"latency.{name}.{key}", what=f"{what}, {who}", unit=unit, runs=tuple(values),
            aim=None if bare else aim, note=note,
        )  # fmt: skip

    whole, flushing = [r["latencies"] for r in reports], [r["in_flush"] for r in reports if r["in_flush"]]
    cpu = [100 * r["cpu_ns"] / r["wall_ns"] for r in reports]
    figures = [
        figure("p50", "socket to handled, p50", "ms", [percentile(v, 0.5) / _MS for v in whole], None),
        figure("p99", "socket to handled, p99", "ms", [percentile(v, 0.99) / _MS for v in whole], None),
        figure("lag", "longest event loop lag", "ms", [r["lag_ns"] / _MS for r in reports], 50.0),
        figure("cpu", "CPU at 2,000 events/s", "% of a core", cpu, 15.0),
    ]
    if flushing:
        longest = [max(r["flush_ns"]) / _MS for r in reports if r["flush_ns"]]
        figures += [
            figure("flush_p50", "… during a flush, p50", "ms", [percentile(v, 0.5) / _MS for v in flushing], None),
            figure("flush_p99", "… during a flush, p99", "ms", [percentile(v, 0.99) / _MS for v in flushing], 1.0),
            figure("flush", "longest whole flush under this load", "ms", longest, None),
        ]
    return figures


def measure_bursts(place: Place) -> list[Figure]:
    """Many voice changes at the same moment: from the first one in the socket to the last one folded."""
    sizes = ((500, 50.0), (5_000, 250.0)) if not place.quick else ((100, None), (200, None))
    figures = []
    with _connected(place, "bot", place.new_url("sqlite")) as (source, observed):
        for size, aim in sizes:
            taken = []
            for _ in range(place.scaled(place.runs * 3, 1)):
                observed.ask("reset")
                source.do("firehose", kind="voice", events=size)
                observed.until("handled", size)
                seen = observed.ask("details")
                taken.append((seen["last_handled"] - seen["first_sent"]) / _MS)
                observed.written()
            figures.append(
                Figure(
                    name=f"burst.{size}",
                    what=f"{size:,} simultaneous voice changes, all folded after",
                    unit="ms",
                    runs=tuple(taken),
                    aim=aim,
                    note="2,000 members in voice in one guild",
                )
            )
    return figures
