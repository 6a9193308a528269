"""What EXP is multiplied by is what is so at the instant at which it is earned."""

from __future__ import annotations

import pytest

from tests.projections.history import MINUTE, Folded, History
from tracker.events.member import MemberRolesChanged
from tracker.ids import RoleId

TALK, CHAT = 10, 20
WINDOW = {"from": "2026-02-18T10:00Z", "to": "2026-02-18T11:00Z", "percent": 300}


def timed() -> History:
    """A message is worth 10 EXP, three times that from ten to eleven, and so is every minute in voice."""
    return History().settings(
        voice={"default": {"every_s": 60, "exp": 10}},
        messages={"exp_min": 10, "exp_max": 10, "cooldown_s": 0},
        interactions={"exp": 10, "cooldown_s": 0},
        multipliers={"windows": [WINDOW], "roles": {"5": 200}},
    )


@pytest.mark.parametrize(
    ("at", "exp"), [("09:59:59.999", 10), ("10:00", 30), ("10:59:59.999", 30), ("11:00", 10), ("11:00:00.001", 10)]
)
def test_a_window_begins_with_its_first_instant_and_ends_before_its_last(at: str, exp: int) -> None:
    assert Folded(timed().at(at).message(1, CHAT, 1001)).exp(1) == exp
    assert Folded(timed().at(at).use(1, CHAT, 1001)).exp(1) == exp


@pytest.mark.parametrize(
    ("first", "last", "exp"), [("09:59", "10:01", 60), ("10:58", "11:01", 50), ("10:58", "11:00", 40)]
)
def test_an_award_in_voice_counts_by_the_window_of_its_own_instant(first: str, last: str, exp: int) -> None:
    assert Folded(timed().at(first).join(1, TALK).at(last).leave(1, TALK)).exp(1) == exp


@pytest.mark.parametrize("roles", [(5,), (4, 5, 6)])
def test_a_role_multiplies_what_is_earned_in_voice_from_when_it_is_given_until_it_is_taken(
    roles: tuple[int, ...],
) -> None:
    history = timed().at("08:00").member(1).join(1, TALK)
    history.after(10 * MINUTE).add(MemberRolesChanged(role_ids=tuple(map(RoleId, roles))), user=1)
    history.after(5 * MINUTE).add(MemberRolesChanged(role_ids=()), user=1)
    folded = Folded(history.after(2 * MINUTE).leave(1, TALK))
    assert folded.exp(1) == 10 * 10 + 5 * 20 + 2 * 10


def test_a_role_multiplies_messages_from_the_instant_at_which_it_is_given() -> None:
    history = timed().at("08:00").member(1).message(1, CHAT, 1001)
    history.add(MemberRolesChanged(role_ids=(RoleId(5),)), user=1).message(1, CHAT, 1002)
    assert Folded(history.after(1).message(1, CHAT, 1003)).exp(1) == 10 + 20 + 20
