"""What the demo shows while it runs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from rich.console import Console

from tracker.demo.director import Phase, View
from tracker.demo.screen import Frame, screen_for
from tracker.demo.timetable import at
from tracker.ids import Ms

TEN = at(10)


def _frame(
    now: Ms = TEN,
    *,
    phase: Phase = "playing",
    rooms: Mapping[str, Sequence[str]] | None = None,
    resumes: int = 0,
    pace: float = 600,
    last_step: str = "",
) -> Frame:
    view = View(
        phase=phase,
        now=now,
        steps_done=1,
        steps=2,
        rooms={"📝-공부방": ["김서연", "Hana"]} if rooms is None else rooms,
        messages=3,
        connected=True,
        resumes=resumes,
        replayed=5 * resumes,
        last_step=last_step,
    )
    return Frame(view, durable=1234, pace=pace, log=["tracker: connected: counting"])


def _shown(*frames: Frame, terminal: bool) -> str:
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=100, height=40, _environ={"TERM": "xterm"})
    with screen_for(console) as screen:
        for frame in frames:
            screen.show(frame)
    return output.getvalue()


def test_a_terminal_sees_rooms_counters_step_and_log() -> None:
    shown = _shown(_frame(last_step="Hana joins 📝-공부방"), terminal=True)
    for part in ("Fri 6 Mar 10:00:00", "김서연, Hana", "1,234", "connected: counting", "Hana joins"):
        assert part in shown


def test_names_are_no_markup() -> None:
    assert "[red]x[/red]" in _shown(_frame(rooms={"[b]r": ["[red]x[/red]"]}), terminal=True)


def test_elsewhere_it_is_a_line_for_each_phase_and_half_hour() -> None:
    frames = [_frame(at(9, 40)), _frame(at(9, 50)), _frame(at(10, 1)), _frame(at(24), phase="report")]
    lines = _shown(*frames, terminal=False).splitlines()
    assert [line.split("  ")[1] for line in lines] == [
        "playing the day",
        "2 in voice, 3 messages, 1234 events durable",
        "2 in voice, 3 messages, 1234 events durable",
        "waiting for the scheduled report",
    ]


def test_elsewhere_the_fast_hours_are_passed_over() -> None:
    assert "in voice" not in _shown(_frame(at(15), pace=20_000), terminal=False)


def test_elsewhere_a_resume_is_a_line() -> None:
    assert "resumed, 5 events sent again" in _shown(_frame(), _frame(resumes=1), terminal=False)
