"""What the demo says at its end, and when it fails."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from tracker.clock import PlayClock
from tracker.demo import ledger
from tracker.demo.director import Director
from tracker.demo.ending import tell
from tracker.demo.script import write_script
from tracker.demo.stage import set_stage
from tracker.demo.timetable import START
from tracker.sandbox.server import Sandbox


def test_a_member_who_does_not_hold_what_follows_from_the_figures_makes_the_demo_fail(tmp_path: Path) -> None:
    clock = PlayClock(points=((0, START), (1, START + 1)))
    stage, output = set_stage(Sandbox(clock=clock)), io.StringIO()
    director = Director(stage, write_script(1), clock)
    with ledger.opened_new(f"sqlite:///{tmp_path / 'demo.db'}", stage, write_script(2)) as database:
        code = tell(
            Console(file=output, width=110), stage, director, database, tmp_path / "page", tmp_path / "demo.db", ()
        )
    said = output.getvalue()
    assert code == 1
    assert "tracker demo: 김서연 holds no tier role, by the figures it should be 브론즈" in said
    assert "Changes of members sent to Discord: 0, refused by it: 0." in said
