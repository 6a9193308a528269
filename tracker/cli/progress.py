"""A progress bar for long work: on stderr, and only if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

__all__ = ["bar"]


@contextmanager
def bar(
    title: str, total: int | None, *, size: bool = False, rate: str | None = None
) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with each bit of work done. `total` None: it is not known. `size`: count in bytes.

    `rate`: also say how many of these are done a second.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    counted: ProgressColumn = DownloadColumn() if size else MofNCompleteColumn()
    speed = [] if rate is None else [_speed(rate)]
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        counted,
        *speed,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task(title, total=total)
        yield lambda amount: progress.advance(task, amount)


def _speed(unit: str) -> ProgressColumn:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Speed(ProgressColumn):
        """`35,000 events/s`, once that can be told."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f} {unit}/s", style="progress.data.speed")

    return Speed()
