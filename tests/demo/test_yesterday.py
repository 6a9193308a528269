"""The day before, as events."""

from __future__ import annotations

from tracker.clock import PlayClock
from tracker.demo.cast import MUSIC_BOT
from tracker.demo.script import write_script
from tracker.demo.stage import set_stage
from tracker.demo.timetable import START, at
from tracker.demo.yesterday import DAY_MS, history
from tracker.events.envelope import Event
from tracker.ids import Ms
from tracker.sandbox.server import Sandbox

SINCE = Ms(at(0) - DAY_MS)


def _history() -> tuple[list[Event], int]:
    stage = set_stage(Sandbox(clock=PlayClock(points=((0, START), (1, START + 1)))))
    return list(history(stage, write_script(2), {}, SINCE)), stage.people[MUSIC_BOT.username].id


def test_it_is_in_order_with_ids_of_its_own_and_over_before_the_day_begins() -> None:
    events, _ = _history()
    moments = [event.occurred_at for event in events]
    assert moments == sorted(moments)
    assert moments[-1] < at(0)
    assert len({event.id for event in events}) == len(events)


def test_whoever_joined_has_left_and_the_other_bot_is_not_in_it() -> None:
    events, other_bot = _history()
    joined = [event.user_id for event in events if event.type == "voice.joined"]
    left = [event.user_id for event in events if event.type == "voice.left"]
    assert sorted(map(str, joined)) == sorted(map(str, left))
    assert joined
    assert other_bot not in {event.user_id for event in events}
