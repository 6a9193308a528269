"""Why something earned nothing, worked out by hand: each millisecond under the first reason that applies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.projections.history import HOUR, MINUTE, Folded, History
from tracker.events.member import MemberForgotten, MemberOptedOut
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.events.voice import DEAF, SELF_DEAF, SELF_MUTE, STREAM, SUPPRESS, VoiceLeft
from tracker.projections.unearned import NO_REASONS

TALK, STUDY, WAITING, CHAT, QUIET = 10, 11, 12, 20, 21
TODAY, TOMORROW = 20260218, 20260219


def _reasons(folded: Folded, user: int = 1) -> dict[tuple[int, int], dict[str, int]]:
    """(day, channel) → what is counted there, of one member."""
    return {
        (row["day"], row["channel_id"]): {name: row[name] for name in list(row)[4:] if row[name]}
        for row in folded.table("unearned")
        if row["user_id"] == user
    }


def test_a_cell_for_each_number_of_a_row() -> None:
    (row,) = Folded(History().settings(voice={"default": None}).join(1, TALK).after(1).leave(1, TALK)).rows["unearned"]
    assert len(row) - 4 == len(NO_REASONS)


def test_who_earns_has_no_row() -> None:
    folded = Folded(History().join(1, TALK).message(1, CHAT, 1001).use(1, CHAT, 5001).after(HOUR).leave(1, TALK).tick())
    assert folded.exp(1) == 13
    assert "unearned" not in folded.rows


@pytest.mark.parametrize(
    ("afk", "name", "kept"),
    [
        (True, "🔇 AFK", "afk_ms"),  # ignored too: that it is the AFK channel is said first
        (True, "자는 곳", "afk_ms"),
        (False, "⏳ 대기실", "ignored_ms"),
    ],
)
def test_time_in_channels_that_are_not_tracked_is_noted_by_local_day_and_nowhere_else(
    afk: bool, name: str, kept: str
) -> None:
    history = History().settings(timezone="Asia/Seoul").channel(WAITING, name, afk=afk)
    folded = Folded(history.at("14:50").join(1, WAITING, SELF_MUTE).at("15:20").leave(1, WAITING))
    assert _reasons(folded) == {
        (TODAY, WAITING): {kept: 10 * MINUTE},
        (TOMORROW, WAITING): {kept: 20 * MINUTE},
    }
    assert "daily" not in folded.rows
    assert "sessions" not in folded.rows
    assert "session_days" not in folded.rows


@pytest.mark.parametrize("ignored", [{"channels": [str(TALK)]}, {"categories": ["77"]}])
def test_a_channel_on_the_ignore_list_or_in_a_category_on_it_is_ignored_from_that_instant(ignored: Any) -> None:
    history = History().channel(TALK, "대화", parent=77).at("09:00").join(1, TALK).at("09:10")
    history.settings(voice={"ignore": ignored}).at("09:30").settings().at("09:35").leave(1, TALK)
    folded = Folded(history)
    assert _reasons(folded) == {(TODAY, TALK): {"ignored_ms": 20 * MINUTE}}
    assert folded.voice_ms(1) == {TODAY: 15 * MINUTE}


def test_a_channel_that_becomes_the_afk_channel_is_noted_from_that_instant() -> None:
    history = History().channel(TALK, "대화").at("09:00").join(1, TALK).at("09:10").channel(TALK, "대화", afk=True)
    assert _reasons(Folded(history.at("09:30").leave(1, TALK))) == {(TODAY, TALK): {"afk_ms": 20 * MINUTE}}


def test_alone_comes_before_deaf_and_deaf_before_muted() -> None:
    require = {"min_members": 2, "undeafened": True, "unmuted": True}
    history = History().settings(voice={"require": require}).at("09:00").join(1, TALK, SELF_DEAF | SUPPRESS)
    history.at("09:10").join(2, TALK).at("09:20").flags(1, TALK, SELF_MUTE).at("09:30").flags(1, TALK, STREAM)
    history.at("09:35").flags(1, TALK, DEAF).at("09:36").leave(2, TALK).at("09:40").leave(1, TALK)
    folded = Folded(history)
    assert _reasons(folded) == {
        (TODAY, TALK): {"alone_ms": 14 * MINUTE, "deaf_ms": 11 * MINUTE, "muted_ms": 10 * MINUTE}
    }
    assert _reasons(folded, 2) == {}
    assert folded.voice_ms(1) == {TODAY: 40 * MINUTE}  # what counts as voice is another question
    assert folded.exp(1) == 1


def test_flags_that_the_settings_do_not_ask_about_are_no_reason() -> None:
    history = History().settings(voice={"require": {"undeafened": True}}).join(1, TALK, SELF_MUTE | SUPPRESS)
    assert _reasons(Folded(history.after(HOUR).leave(1, TALK))) == {}
    history = History().settings(voice={"require": {"unmuted": True}}).join(1, TALK, SELF_MUTE | SELF_DEAF)
    assert _reasons(Folded(history.after(HOUR).leave(1, TALK))) == {(TODAY, TALK): {"muted_ms": HOUR}}


@pytest.mark.parametrize("rule", [None, {"every_s": 60, "exp": 0}])
def test_eligible_time_that_no_rule_pays_for_is_unruled_and_its_carry_goes_on(rule: Any) -> None:
    history = History().settings(voice={"default": rule, "require": {"unmuted": True}}).at("09:00").join(1, TALK)
    history.at("09:04").flags(1, TALK, SELF_MUTE).at("09:05").flags(1, TALK, 0).at("09:06:30").leave(1, TALK)
    folded = Folded(history)
    assert _reasons(folded) == {(TODAY, TALK): {"unruled_ms": 330_000, "muted_ms": MINUTE}}
    assert [row["carry_ms"] for row in folded.table("carries")] == [330_000 if rule is None else 30_000]


def test_a_session_counted_in_many_steps_has_the_reasons_of_one_counted_at_once() -> None:
    at_once = History().settings(timezone="Asia/Seoul").channel(WAITING, "대기실").at("14:30").join(1, WAITING)
    in_steps = History().settings(timezone="Asia/Seoul").channel(WAITING, "대기실").at("14:30").join(1, WAITING)
    for _ in range(60):
        in_steps.after(MINUTE).tick().tick()
    assert _reasons(Folded(at_once.after(HOUR).tick())) == _reasons(Folded(in_steps))
    assert sum(r["ignored_ms"] for r in _reasons(Folded(in_steps)).values()) == HOUR


def test_time_that_the_tracker_did_not_see_is_noted_only_where_it_was_bridged() -> None:
    def lost() -> History:
        history = History().channel(WAITING, "대기실").at("09:00").join(1, WAITING).at("09:10").add(TrackerLost())
        return history.at("09:12").settings(locale="ko")

    ended = lost().at("09:10").add(VoiceLeft(reason="outage"), user=1, channel=WAITING)
    for history, seen in (
        (lost().at("09:40").tick(), 10),
        (lost().at("09:15").add(TrackerReturned()).at("09:40").tick(), 40),
        (ended.at("09:15").add(TrackerReturned()).at("09:40").tick(), 10),
    ):
        assert _reasons(Folded(history)) == {(TODAY, WAITING): {"ignored_ms": seen * MINUTE}}


def test_messages_say_whether_cooldown_an_ignored_channel_or_their_deletion_took_the_award() -> None:
    history = History().settings(messages={"cooldown_s": 60, "revoke_s": 600, "ignore_channels": [str(QUIET)]})
    history.at("23:59").message(1, CHAT, 1001).after(59_999).message(1, CHAT, 1002).message(1, QUIET, 1003)
    history.after(1).message(1, CHAT, 1004).after(MINUTE).delete(1001, CHAT).delete(1002, CHAT).delete(1003, QUIET)
    folded = Folded(history)
    assert _reasons(folded) == {
        (TODAY, CHAT): {"cooldown_messages": 1, "revoked_messages": 1},  # 1001 lost its award on the day it was given
        (TODAY, QUIET): {"ignored_messages": 1},
    }
    assert folded.exp(1) == 1


def test_a_message_deleted_too_late_or_worth_nothing_has_no_reason() -> None:
    late = History().settings(messages={"revoke_s": 60}).message(1, CHAT, 1001).after(60_001).delete(1001, CHAT)
    off = History().settings(messages={"exp_min": 0, "exp_max": 0}).message(1, CHAT, 1001).message(1, CHAT, 1002)
    for history in (late, off):
        assert _reasons(Folded(history)) == {}


def test_interactions_within_the_cooldown_are_noted_and_those_that_earn_nothing_anyway_are_not() -> None:
    history = History().settings(interactions={"exp": 3, "cooldown_s": 60}).use(1, CHAT, 5001).use(1, CHAT, 5002)
    history.after(MINUTE).use(1, CHAT, 5003).settings().use(1, CHAT, 5004).use(1, CHAT, 5005)
    assert _reasons(Folded(history)) == {(TODAY, CHAT): {"cooldown_interactions": 1}}


def test_of_bots_and_of_members_who_opted_out_no_reasons_are_kept() -> None:
    history = History().channel(WAITING, "대기실").member(1, bot=True).join(1, WAITING).join(2, WAITING)
    history.after(MINUTE).add(MemberOptedOut(), user=2).after(MINUTE).join(2, WAITING).message(2, CHAT, 1001)
    folded = Folded(history.message(2, CHAT, 1002).use(1, CHAT, 5001).after(HOUR).tick())
    assert _reasons(folded) == {}
    assert _reasons(folded, 2) == {(TODAY, WAITING): {"ignored_ms": MINUTE}}


def test_forgotten_members_and_pseudonyms_have_no_reasons() -> None:
    history = History().channel(WAITING, "대기실")
    for user in (-3, 1, 2):
        history.join(user, WAITING).message(user, CHAT, 1000 + user).message(user, CHAT, 2000 + user)
    history.after(MINUTE).tick().add(MemberForgotten(), user=1).after(MINUTE).tick()
    assert {row["user_id"] for row in Folded(history).table("unearned")} == {2}
