"""Voice time and voice EXP, worked out by hand from SEMANTICS §4–§6."""

from __future__ import annotations

from tests.projections.history import GUILD, HOUR, MINUTE, Folded, History
from tracker.events.member import MemberLeft, MemberOptedIn, MemberOptedOut
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.events.voice import DEAF, SELF_MUTE, SUPPRESS, VoiceLeft
from tracker.projections.kernel.exp import awards_in

TALK, STUDY, WAITING = 10, 11, 12


def test_a_stay_of_an_hour_counts_an_hour_and_twelve_awards() -> None:
    folded = Folded(History().at("09:00").join(1, TALK).at("10:00").leave(1, TALK))
    assert folded.voice_ms(1) == {20260218: HOUR}
    assert folded.exp(1) == 12
    assert folded.sessions(1) == [(TALK, HOUR, HOUR)]


def test_time_is_split_at_the_guilds_own_midnight() -> None:
    history = History().settings(timezone="Asia/Seoul").at("14:50").join(1, TALK).at("15:20").leave(1, TALK)
    folded = Folded(history)
    assert folded.voice_ms(1) == {20260218: 10 * MINUTE, 20260219: 20 * MINUTE}
    assert [cells[1] for cells in folded.daily(1).values()] == [1, 1]  # one session in each day's report
    assert [row["day"] for row in folded.table("sessions")] == [20260218]
    assert [(row["day"], row["first_day"]) for row in folded.table("session_days")] == [(20260219, 20260218)]


def test_a_session_is_counted_once_a_day_however_often_the_guilds_zone_comes_back_to_it() -> None:
    history = History().settings(timezone="Asia/Seoul").at("2026-02-18T15:30").join(1, TALK)
    for at, zone in (("15:40", "UTC"), ("15:50", "Asia/Seoul"), ("16:00", "UTC")):
        history.at(f"2026-02-18T{at}").settings(timezone=zone)
    folded = Folded(history.at("2026-02-20T01:00").tick())
    days = {row[0]: cells[1] for row, cells in folded.daily(1).items()}
    assert days == {20260219: 1, 20260218: 1, 20260220: 1}
    assert [row["day"] for row in folded.table("sessions")] == [20260219]
    assert sorted(row["day"] for row in folded.table("session_days")) == [20260218, 20260220]
    assert {row["first_day"] for row in folded.table("session_days")} == {20260219}
    assert folded.state.guilds[GUILD].voice.open[1].days == (20260219, 20260218, 20260220)
    later = Folded(history.leave(1, TALK).after(1).join(2, TALK).after(1).tick()).state.guilds[GUILD].voice.open[2]
    assert later.days == (20260220,)  # nothing is left of the session whose rows it got


def test_an_award_at_midnight_belongs_to_the_day_that_ends() -> None:
    folded = Folded(History().at("2026-02-18T23:55").join(1, TALK).at("2026-02-19T00:00").leave(1, TALK))
    assert {day: cells[4] for (day, _), cells in folded.daily(1).items()} == {20260218: 1}


def test_eligible_time_is_carried_over_sessions_in_the_same_channel() -> None:
    history = History().at("09:00").join(1, TALK).at("09:04").leave(1, TALK)
    history.at("10:00").join(1, STUDY).at("10:04").leave(1, STUDY).at("11:00").join(1, TALK).at("11:01").leave(1, TALK)
    folded = Folded(history)
    assert folded.exp(1) == 1
    assert {r["channel_id"]: r["carry_ms"] for r in folded.table("carries")} == {TALK: 0, STUDY: 4 * MINUTE}


def test_a_move_ends_one_session_and_begins_another() -> None:
    folded = Folded(History().at("09:00").join(1, TALK).at("09:10").move(1, TALK, STUDY).at("09:30").leave(1, STUDY))
    assert folded.sessions(1) == [(TALK, 10 * MINUTE, 10 * MINUTE), (STUDY, 20 * MINUTE, 20 * MINUTE)]


def test_a_waiting_room_and_the_afk_channel_are_not_tracked() -> None:
    history = History().channel(WAITING, "⏳ 대기실").channel(TALK, "자는 곳", afk=True)
    folded = Folded(history.join(1, WAITING).join(2, TALK).after(HOUR).leave(1, WAITING).leave(2, TALK))
    assert folded.rows.get("daily") is None
    assert folded.rows.get("sessions") is None


def test_a_rename_in_mid_session_takes_effect_at_that_instant() -> None:
    history = History().channel(TALK, "대화").at("09:00").join(1, TALK).at("09:20").channel(TALK, "관전")
    folded = Folded(history.at("10:00").channel(TALK, "대화").at("10:05").leave(1, TALK))
    assert folded.voice_ms(1) == {20260218: 25 * MINUTE}
    assert folded.daily(1)[20260218, TALK][1] == 1


def test_a_settings_change_in_mid_session_takes_effect_at_that_instant() -> None:
    history = History().at("09:00").join(1, TALK).at("10:00")
    history.settings(voice={"channels": {str(TALK): {"every_s": 60, "exp": 2}}}).at("10:10").leave(1, TALK)
    assert Folded(history).exp(1) == 12 + 20


def test_a_category_rule_is_used_where_the_channel_has_none() -> None:
    history = History().settings(voice={"categories": {"77": {"every_s": 600, "exp": 5}}})
    history.channel(TALK, "대화", parent=77).join(1, TALK).join(2, STUDY).after(HOUR).leave(1, TALK).leave(2, STUDY)
    folded = Folded(history)
    assert (folded.exp(1), folded.exp(2)) == (30, 12)


def test_no_default_rule_means_time_without_exp() -> None:
    folded = Folded(History().settings(voice={"default": None}).join(1, TALK).after(HOUR).leave(1, TALK))
    assert (folded.voice_ms(1), folded.exp(1)) == ({20260218: HOUR}, 0)


def test_a_carry_that_a_shorter_rule_finds_long_enough_gives_one_award_at_once() -> None:
    assert awards_in(240_000, 60_000, 1) == (1, 1, 0)
    assert awards_in(240_000, 60_000, 60_001) == (2, 1, 0)
    assert awards_in(0, 60_000, 59_999) == (0, 0, 59_999)
    assert awards_in(59_999, 60_000, 1) == (1, 1, 0)


def test_only_time_with_enough_company_earns() -> None:
    history = History().settings(voice={"require": {"min_members": 2}})
    history.at("09:00").join(1, TALK).at("09:10").join(2, TALK).at("09:20").leave(2, TALK).at("10:00").leave(1, TALK)
    folded = Folded(history)
    assert (folded.exp(1), folded.exp(2)) == (2, 2)
    assert folded.voice_ms(1) == {20260218: HOUR}


def test_deafened_or_muted_time_counts_but_earns_nothing_where_that_is_required() -> None:
    history = History().settings(voice={"require": {"undeafened": True, "unmuted": True}})
    history.at("09:00").join(1, TALK).at("09:10").flags(1, TALK, DEAF).at("09:20").flags(1, TALK, SUPPRESS)
    history.at("09:30").flags(1, TALK, SELF_MUTE).at("09:40").flags(1, TALK, 0).at("09:50").leave(1, TALK)
    folded = Folded(history)
    assert (folded.exp(1), folded.voice_ms(1)) == (4, {20260218: 50 * MINUTE})


def test_multipliers_of_channel_best_role_and_window_multiply_and_round_down() -> None:
    window = {"percent": 250, "from": "2026-02-18T09:05:00+00:00", "to": "2026-02-18T09:10:00+00:00"}
    history = History().settings(
        multipliers={"channels": {str(TALK): 150}, "roles": {"5": 110, "6": 90}, "windows": [window]}
    )
    history.member(1, 5, 6).at("09:00").join(1, TALK).at("09:10").leave(1, TALK)
    # 09:05 is in the window (half-open): 1 × 1.5 × 1.1 × 2.5 = 4.125; 09:10 is not: 1.65
    assert Folded(history).exp(1) == 4 + 1


def test_bots_and_members_who_opted_out_are_not_counted() -> None:
    history = History().member(1, bot=True).join(1, TALK).join(2, TALK).after(10 * MINUTE).add(MemberOptedOut(), user=2)
    history.after(HOUR).join(2, TALK).after(HOUR).add(MemberOptedIn(), user=2).join(2, TALK).after(MINUTE).leave(
        2, TALK
    )
    folded = Folded(history)
    assert folded.voice_ms(1) == {}
    assert folded.voice_ms(2) == {20260218: 11 * MINUTE}


def test_leaving_the_guild_ends_the_session() -> None:
    folded = Folded(History().member(1).join(1, TALK).after(HOUR).add(MemberLeft(), user=1).after(HOUR).tick())
    assert folded.voice_ms(1) == {20260218: HOUR}


def test_a_tick_counts_an_open_session_up_to_now_and_no_further() -> None:
    folded = Folded(History().at("09:00").join(1, TALK).at("09:07").tick())
    assert folded.voice_ms(1) == {20260218: 7 * MINUTE}
    assert folded.sessions(1) == [(TALK, None, 7 * MINUTE)]


def test_ticks_do_not_advance_a_guild_that_the_tracker_does_not_see() -> None:
    history = History().at("09:00").join(1, TALK).at("09:10").add(TrackerLost()).at("09:40").tick()
    assert Folded(history).voice_ms(1) == {20260218: 10 * MINUTE}


def test_a_session_that_went_on_over_a_short_absence_is_counted_through() -> None:
    history = History().at("09:00").join(1, TALK).at("09:10").add(TrackerLost()).at("09:15").add(TrackerReturned())
    folded = Folded(history.at("09:30").tick())
    assert folded.voice_ms(1) == {20260218: 30 * MINUTE}
    (away,) = folded.table("away")
    assert away["to_at"] - away["from_at"] == 5 * MINUTE


def test_a_session_that_ended_unseen_ends_when_the_tracker_was_lost() -> None:
    history = History().at("09:00").join(1, TALK).at("09:10").add(TrackerLost())
    history.add(VoiceLeft(reason="outage"), user=1, channel=TALK).at("11:00").add(TrackerReturned()).at("11:30").tick()
    assert Folded(history).voice_ms(1) == {20260218: 10 * MINUTE}


def test_joining_the_channel_one_is_in_changes_nothing() -> None:
    folded = Folded(History().at("09:00").join(1, TALK).at("09:10").join(1, TALK).at("09:20").leave(1, TALK))
    assert folded.sessions(1) == [(TALK, 20 * MINUTE, 20 * MINUTE)]


def test_leaving_without_having_joined_changes_nothing() -> None:
    assert Folded(History().leave(1, TALK).flags(1, TALK, DEAF)).rows.get("sessions") is None
