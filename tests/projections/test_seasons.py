"""EXP by season, and the rules of the past, worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.projections.history import GUILD, HOUR, MINUTE, Folded, History
from tracker.events.member import MemberForgotten
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.ids import UserId

TALK, CHAT = 10, 20


def _season(history: History, name: str = "봄") -> int:
    """Start a season now; returns its instant."""
    history.add(SeasonStarted(name=name))
    return history.now


def _totals(history: History, user: int = 1) -> dict[int, int]:
    """season_at → EXP of one member."""
    return {r["season_at"]: r["exp"] for r in Folded(history).table("season_totals") if r["user_id"] == user}


def test_nothing_counts_in_a_season_while_none_runs() -> None:
    history = History().join(1, TALK).message(1, CHAT, 1001).add(ExpAdjusted(amount=5), user=1).after(HOUR).tick()
    assert Folded(history).exp(1) == 18
    assert _totals(history) == {}


def test_an_open_session_earns_for_the_old_season_up_to_the_instant_at_which_the_new_one_starts() -> None:
    history = History().at("09:00").join(1, TALK).at("09:15")
    spring = _season(history)
    history.at("10:00")
    summer = _season(history, "여름")
    history.at("10:05").leave(1, TALK)
    assert _totals(history) == {spring: 9, summer: 1}  # the award at 10:00 was completed in spring
    assert Folded(history).exp(1) == 13
    (guild,) = Folded(history).table("guilds")
    assert (guild["season_name"], guild["season_at"]) == ("여름", summer)


def test_each_source_of_exp_counts_in_the_season() -> None:
    history = History().settings(interactions={"exp": 7}, messages={"exp_min": 20, "exp_max": 20}).at("09:00")
    season = _season(history)
    history.join(1, TALK).message(1, CHAT, 1001).use(1, CHAT, 5001).add(ExpAdjusted(amount=-100), user=1)
    assert _totals(history.at("09:10").leave(1, TALK)) == {season: 2 + 20 + 7 - 100}


def test_a_revoked_award_leaves_the_season_in_which_it_was_given_and_no_other() -> None:
    history = History().settings(messages={"exp_min": 4, "exp_max": 4, "cooldown_s": 0, "revoke_s": 600})
    history.at("09:00").message(1, CHAT, 1001).after(1)
    spring = _season(history)
    history.message(1, CHAT, 1002).message(1, CHAT, 1003).after(MINUTE)
    summer = _season(history, "여름")
    history.message(1, CHAT, 1004).delete(1001, CHAT).delete(1002, CHAT)
    assert _totals(history) == {spring: 4, summer: 4}
    assert Folded(history).exp(1) == 8
    assert {r["message_id"]: r["season_at"] for r in Folded(history).table("awards")} == {1003: spring, 1004: summer}


def test_what_was_earned_and_taken_again_stays_a_row_of_nothing() -> None:
    history = History()
    season = _season(history)
    history.add(ExpAdjusted(amount=5), user=1).add(ExpAdjusted(amount=0), user=2).add(ExpAdjusted(amount=-5), user=1)
    assert _totals(history) == {season: 0}
    assert _totals(history, 2) == {}  # who never earned any in it is not in it


def test_a_season_that_starts_while_the_tracker_is_away_counts_what_is_made_up_for_afterwards() -> None:
    history = History().at("09:00").join(1, TALK).at("09:10").add(TrackerLost()).at("09:12")
    season = _season(history)
    history.at("09:15").add(TrackerReturned()).at("09:30").leave(1, TALK)
    assert _totals(history) == {season: 4}
    assert Folded(history).exp(1) == 6


def test_forgotten_members_and_pseudonyms_are_in_no_season() -> None:
    history = History()
    season = _season(history)
    for user in (-3, 1, 2):
        history.add(ExpAdjusted(amount=5), user=user)
    history.after(MINUTE).add(MemberForgotten(), user=1)
    assert Folded(history).rows["season_totals"] == [(GUILD, season, 2, 5)]


@pytest.mark.parametrize("by", [None, UserId(77)])
def test_each_change_of_the_settings_is_kept_with_its_instant_and_who_made_it(by: Any) -> None:
    first, second = {"timezone": "Asia/Seoul"}, {"locale": "ko", "messages": {"exp_max": 3}}
    history = History().at("09:00").add(SettingsChanged(settings=first, by=by)).at("10:00")
    history.settings(timezone="UTC").add(SettingsChanged(settings=second, by=by)).at("11:00").settings().tick()
    kept = [
        (row["at"] // HOUR % 24, json.loads(row["settings"]), row["set_by"]) for row in Folded(history).table("rules")
    ]
    assert kept == [(9, first, by), (10, second, by), (11, {}, None)]  # at one instant the last one counts
