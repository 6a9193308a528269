"""The health report's figures in the text format that Prometheus and its like read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_PLAIN: Final = (
    ("events_committed", "counter", "tracker_events_committed_total", "Events made durable since the start."),
    ("events_waiting", "gauge", "tracker_events_waiting", "Events that are only in memory yet."),
    ("flushes", "counter", "tracker_flushes_total", "Times that the tables were brought up to date."),
    ("failures", "counter", "tracker_failures_total", "Tries that failed, of whatever was tried."),
)
_CACHES: Final = (
    ("hits", "counter", "tracker_cache_hits_total", "Questions answered out of memory alone."),
    ("misses", "counter", "tracker_cache_misses_total", "Questions for which something had to be read or drawn."),
    ("bytes", "gauge", "tracker_cache_bytes", "What is kept takes so much memory, roughly."),
)


def exposition(report: Mapping[str, Any]) -> str:
    """One line for each figure of a health report, with what it means."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield from _about("tracker_up", "gauge", "1 while the tracker does its work, 0 while something is wrong.")
    yield f"tracker_up {int(report.get('status') == 'ok')}"
    for key, kind, name, meaning in _PLAIN:
        if key in report:
            yield from _about(name, kind, meaning)
            yield f"{name} {report[key]}"
    caches: Mapping[str, Mapping[str, int]] = report.get("caches", {})
    for key, kind, name, meaning in _CACHES:
        found = {cache: figures[key] for cache, figures in caches.items() if key in figures}
        if found:
            yield from _about(name, kind, meaning)
            yield from (f'{name}{{cache="{cache}"}} {value}' for cache, value in sorted(found.items()))


def _about(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"
