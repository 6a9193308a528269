"""What the demo shows while it runs: a live picture on a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tracker.clock import from_ms
from tracker.demo.director import Phase, View
from tracker.demo.timetable import ZONE

__all__ = ["PHASES", "Frame", "Screen", "screen_for"]

PHASES: Final[dict[Phase, str]] = {
    "starting": "starting the bot",
    "playing": "playing the day",
    "report": "waiting for the scheduled report",
    "asking": "members use commands",
    "done": "waiting for the last roles and posts",
}
"""Each phase in words."""

_LOG_LINES: Final = 6
_TOO_FAST: Final = 2_000
"""From this pace on, plain lines about the time of day are noise."""


class Frame:
    """One picture's contents: what the sandbox sees, what is durable, what the bot logs."""

    def __init__(self, view: View, *, durable: int, pace: float, log: Sequence[str]) -> None:
        self.view = view
        self.durable = durable
        self.pace = pace
        self.log = log


class Screen(Protocol):
    """Where frames go."""

    def show(self, frame: Frame) -> None:
        """Show it now."""
        ...


@contextmanager
def screen_for(console: Console) -> Iterator[Screen]:
    """The screen that fits the console; gone at the end."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield _Picture(live)


class _Picture:
    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, frame: Frame) -> None:
        self._live.update(_picture(frame), refresh=True)


class _Lines:
    """A line when the phase changes, when the gateway comes back, and each played half-hour."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase: Phase | None = None
        self._half_hour = -1
        self._resumes = 0

    def show(self, frame: Frame) -> None:
        view = frame.view
        if view.phase != self._phase:
            self._phase = view.phase
            self._say(view, PHASES[view.phase])
        if view.resumes > self._resumes:
            self._resumes = view.resumes
            self._say(view, f"the gateway session was resumed, {view.replayed} events sent again")
        half_hour = view.now // 1_800_000
        if view.phase == "playing" and half_hour != self._half_hour and frame.pace < _TOO_FAST:
            self._half_hour = half_hour
            voice = sum(map(len, view.rooms.values()))
            self._say(view, f"{voice} in voice, {view.messages} messages, {frame.durable} events durable")

    def _say(self, view: View, words: str) -> None:
        self._console.print(Text(f"{clock_text(view.now)}  {words}"), soft_wrap=True)


def clock_text(now: int) -> str:
    """`Fri 6 Mar 09:41:07`, as clocks show it where the guild is."""
    local = from_ms(now).astimezone(ZONE)
    return f"{local:%a} {local.day} {local:%b %H:%M:%S}"


def _picture(frame: Frame) -> Panel:
    view = frame.view
    title = Text.assemble((f" {clock_text(view.now)} KST ", "bold white on blue"), f"  ×{frame.pace:,.0f}   ")
    title.append(PHASES[view.phase], style="bold")
    now = Text(view.last_step, style="italic", no_wrap=True, overflow="ellipsis")
    bar = Padding(ProgressBar(total=max(1, view.steps), completed=view.steps_done), 0)  # a bar ends no line by itself
    middle = Table.grid(expand=True, padding=(0, 2))
    middle.add_column(ratio=3)
    middle.add_column(ratio=2)
    middle.add_row(_rooms(view), _counters(frame))
    log = Group(*(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in _padded(frame.log)))
    return Panel(
        Group(title, bar, now, Text(), middle, Text(), Text("The bot's log", style="bold"), log),
        title="tracker demo: the real bot against a sandbox Discord",
        border_style="blue",
        padding=(1, 2),
    )


def _padded(log: Sequence[str]) -> list[str]:
    last = list(log)[-_LOG_LINES:]
    return last + [""] * (_LOG_LINES - len(last))


def _rooms(view: View) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True, width=max(cell_len(room) for room in view.rooms) + 3)
    table.add_column(no_wrap=True, width=2, justify="right", style="cyan")
    table.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
    for room, people in view.rooms.items():
        table.add_row(Text(f"🔊 {room}"), str(len(people)), Text(", ".join(people), style="green"))
    return table


def _counters(frame: Frame) -> Table:
    view = frame.view
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style="dim", no_wrap=True, width=len("messages in the chat"))
    table.add_column(justify="right", style="bold", no_wrap=True, ratio=1)
    table.add_row("events durable", f"{frame.durable:,}")
    table.add_row("steps played", f"{view.steps_done} / {view.steps}")
    table.add_row("messages in the chat", f"{view.messages}")
    gateway = Text("connected", style="green") if view.connected else Text("cut", style="bold red")
    table.add_row("gateway", gateway)
    table.add_row("resumed / sent again", f"{view.resumes} / {view.replayed}")
    return table
