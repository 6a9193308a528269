"""The sandbox's own count."""

from __future__ import annotations

from tracker.demo.truth import Truth
from tracker.ids import Ms


def test_a_stay_counts_within_the_window_only() -> None:
    truth = Truth()
    truth.moved(1, True, Ms(100))
    truth.moved(1, False, Ms(300))
    assert truth.voice_ms(1, Ms(0), Ms(1000)) == 200
    assert truth.voice_ms(1, Ms(150), Ms(250)) == 100
    assert truth.voice_ms(1, Ms(300), Ms(400)) == 0


def test_moving_between_tracked_rooms_loses_nothing() -> None:
    truth = Truth()
    for moment in (0, 40, 70):
        truth.moved(1, True, Ms(moment))
    truth.moved(1, False, Ms(100))
    assert truth.voice_ms(1, Ms(0), Ms(1000)) == 100


def test_who_is_still_there_counts_to_the_end() -> None:
    truth = Truth()
    truth.moved(1, True, Ms(900))
    assert truth.voice_ms(1, Ms(0), Ms(1000)) == 100


def test_an_untracked_room_counts_nothing() -> None:
    truth = Truth()
    truth.moved(1, False, Ms(0))
    truth.moved(1, False, Ms(500))
    assert truth.voice_ms(1, Ms(0), Ms(1000)) == 0


def test_messages_are_counted_by_member() -> None:
    truth = Truth()
    for user in (1, 2, 1):
        truth.said(user)
    assert truth.messages == {1: 2, 2: 1}
