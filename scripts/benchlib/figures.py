"""A measured figure, the aim it is held against, and the table of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

__all__ = ["Figure", "from_plain", "percentile", "print_table", "to_plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure, measured once in each of several runs.

    `name` is stable (`handler.voice.p99`), `what` is for people. `aim` is None where nothing is demanded; `better`
    says on which side of it a figure should be. `note`: how it came about, where that is not plain.
    """

    name: str
    what: str
    unit: str
    runs: tuple[float, ...]
    aim: float | None = None
    better: Literal["lower", "higher"] = "lower"
    note: str = ""

    @property
    def median(self) -> float:
        """The middle run."""
        return float(median(self.runs))

    @property
    def reached(self) -> bool | None:
        """Whether the median is on the right side of the aim; None if there is no aim."""
        if self.aim is None:
            return None
        return self.median <= self.aim if self.better == "lower" else self.median >= self.aim


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed. Raises IndexError if there are none."""
    ordered = sorted(values)
    return float(ordered[min(int(len(ordered) * share), len(ordered) - 1)])


def to_plain(figure: Figure) -> dict[str, Any]:
    """The figure as JSON values."""
    return {
        "name": figure.name,
        "what": figure.what,
        "unit": figure.unit,
        "min": min(figure.runs),
        "median": figure.median,
        "max": max(figure.runs),
        "runs": list(figure.runs),
        "aim": figure.aim,
        "better": figure.better,
        "reached": figure.reached,
        "note": figure.note,
    }


def from_plain(plain: Mapping[str, Any]) -> Figure:
    """What `to_plain` gave."""
    return Figure(
        name=plain["name"],
        what=plain["what"],
        unit=plain["unit"],
        runs=tuple(plain["runs"]),
        aim=plain["aim"],
        better=plain["better"],
        note=plain["note"],
    )


def print_table(figures: Iterable[Figure], machine: str) -> None:
    """Aim and reached side by side, on standard output."""
    table = Table(title="tracker bench", caption=machine, caption_justify="left")
    for heading in ("figure", "min", "median", "max", "unit", "aim", ""):
        table.add_column(heading, justify="left" if heading in ("figure", "unit") else "right", no_wrap=True)
    for f in figures:
        sign = "≤" if f.better == "lower" else "≥"
        aim = "" if f.aim is None else f"{sign} {_number(f.aim)}"
        verdict = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[f.reached]
        table.add_row(
            f.what, _number(min(f.runs)), _number(f.median), _number(max(f.runs)), f.unit, aim, verdict
        )  # fmt: skip
    Console(width=None if Console().is_terminal else 140).print(table)


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
