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
    """At 2,000 events/s: socket to handled and CPU, between flushes and (a flush every 2 s) during them; loop lag."""
    seconds = place.scaled(10, 2)
    figures = []
    with _connected(place, "hikari", "") as (source, observed):
        figures += _calm("hikari", [_steady(source, observed, seconds) for _ in range(place.runs)], seconds)
    for dialect in place.kinds():
        with _connected(place, "bot", place.new_url(dialect), TRACKER_FLUSH_S="3600") as (source, observed):
            figures += _calm(dialect, [_steady(source, observed, seconds) for _ in range(place.runs)], seconds)
        with _connected(place, "bot", place.new_url(dialect), TRACKER_FLUSH_S="2") as (source, observed):
            figures += _flushing(dialect, [_steady(source, observed, seconds) for _ in range(place.runs)], seconds)
    return figures


def _steady(source: Child, observed: Child, seconds: int) -> dict[str, Any]:
    observed.ask("reset")
    source.do("firehose", kind="mixed", events=_RATE * seconds, rate=_RATE)
    costs = observed.until("handled", _RATE * seconds)  # before the details are gone through, which costs too
    return observed.ask("details") | {"cpu_ns": costs["cpu_ns"], "wall_ns": costs["wall_ns"]}


def _calm(name: str, reports: list[dict[str, Any]], seconds: int) -> list[Figure]:
    """Without a flush; a minute has one, of some 50 ms."""
    bare = name == "hikari"
    who = "hikari alone" if bare else name
    note = f"{_RATE:,} events/s for {seconds} s, half voice moves, half messages, group commits, no flush"
    cpu = [100 * r["cpu_ns"] / r["wall_ns"] for r in reports]
    return [
        _latency(name, "p50", f"socket to handled, p50, {who}", _shares(reports, "latencies", 0.5), None, note),
        _latency(name, "p99", f"socket to handled, p99, {who}", _shares(reports, "latencies", 0.99), None, note),
        Figure(
            name=f"latency.{name}.cpu",
            what=f"CPU at 2,000 events/s, {who}",
            unit="% of a core",
            runs=tuple(cpu),
            aim=None if bare else 15.0,
            note=note,
        ),
    ]


def _flushing(name: str, reports: list[dict[str, Any]], seconds: int) -> list[Figure]:
    note = (
        f"{_RATE:,} events/s for {seconds} s and every 2 s a flush of 2,000 open sessions, 2,000 that ended since and "
        "some 6,000 daily rows; `during`: on its way at some instant between a flush's start and its end"
    )
    reports = [r for r in reports if r["in_flush"]]
    lag = [r["lag_ns"] / _MS for r in reports]
    whole = [max(r["flush_ns"]) / _MS for r in reports]
    return [
        _latency(name, "all_p99", f"… p99, a flush every 2 s, {name}", _shares(reports, "latencies", 0.99), None, note),
        _latency(name, "flush_p50", f"… during a flush, p50, {name}", _shares(reports, "in_flush", 0.5), None, note),
        _latency(name, "flush_p99", f"… during a flush, p99, {name}", _shares(reports, "in_flush", 0.99), 1.0, note),
        _latency(name, "lag", f"longest event loop lag, flush every 2 s, {name}", lag, 50.0, note),
        _latency(name, "flush", f"longest whole flush under this load, {name}", whole, None, note),
    ]  # fmt: skip


def _shares(reports: list[dict[str, Any]], key: str, share: float) -> list[float]:
    return [percentile(r[key], share) / _MS for r in reports]


def _latency(name: str, key: str, what: str, values: list[float], aim: float | None, note: str) -> Figure:
    return Figure(name=f"latency.{name}.{key}", what=what, unit="ms", runs=tuple(values), aim=aim, note=note)


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
