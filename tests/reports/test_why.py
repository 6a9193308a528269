"""A day's facts, made into reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tracker.events.settings import Rule, parse_settings
from tracker.ids import ChannelId, Ms, RoleId, UserId
from tracker.reports.why import explain, same_exp_rules
from tracker.reports.why_model import ChannelDay, CountLine, DayFacts, VoiceLine, Why

START, DAY, MINUTE = 1_771_340_400_000, 86_400_000, 60_000  # 2026-02-18 in Seoul
ROOM = ChannelId(30)


def room(channel: int = ROOM, **did: Any) -> ChannelDay:
    return ChannelDay(channel_id=ChannelId(channel), name=did.pop("name", "room"), **did)


def facts(*channels: ChannelDay, settings: dict[str, Any] | None = None, **changes: Any) -> DayFacts:
    day = DayFacts(
        user_id=UserId(1),
        name="Ana",
        opted_out=False,
        known_since=Ms(START - DAY),
        day=20260218,
        start=Ms(START),
        end=Ms(START + DAY),
        as_of=Ms(START + 2 * DAY),
        channels=channels,
        adjusted=0,
        settings=parse_settings({"timezone": "Asia/Seoul", **(settings or {})}),
        changed_at=(),
        role_ids=(),
        best_role=None,
        away=(),
    )
    return replace(day, **changes)


def voice(why: Why) -> VoiceLine:
    (line,) = why.voice
    return line


def message(why: Why) -> CountLine:
    (line,) = why.messages
    return line


@pytest.mark.parametrize(
    ("parent", "section", "source", "every"),
    [
        (None, {"channels": {"30": {"every_s": 60, "exp": 2}}}, "channel", 60),
        (ChannelId(40), {"categories": {"40": {"every_s": 90, "exp": 2}}}, "category", 90),
        (ChannelId(41), {"categories": {"40": {"every_s": 90, "exp": 2}}}, "default", 300),
    ],
)
def test_the_rule_is_the_channels_else_the_categorys_else_the_default(
    parent: ChannelId | None, section: dict[str, Any], source: str, every: int
) -> None:
    why = explain(facts(room(parent_id=parent, voice_ms=MINUTE, exp_voice=1), settings={"voice": section}))
    line = voice(why)
    assert (line.source, line.rule) == (source, Rule(every_ms=Ms(every * 1000), exp=2 if source != "default" else 1))
    assert (why.exp, why.main_reason) == (1, None)


def test_without_any_rule_there_is_none_to_show() -> None:
    line = voice(explain(facts(room(voice_ms=9, unruled_ms=9), settings={"voice": {"default": None}})))
    assert (line.rule, line.source, line.reasons, line.short) == (None, None, (("unruled", 9),), False)


def test_reasons_come_with_the_most_time_first_and_make_up_what_did_not_count() -> None:
    did = room(voice_ms=60 * MINUTE, deaf_ms=10 * MINUTE, muted_ms=20 * MINUTE, ignored_ms=5 * MINUTE, exp_voice=6)
    line = voice(explain(facts(did)))
    assert line.time_ms == 65 * MINUTE
    assert line.reasons == (("muted", 20 * MINUTE), ("deaf", 10 * MINUTE), ("ignored", 5 * MINUTE))
    assert (line.short, line.rounded) == (False, False)


@pytest.mark.parametrize(
    ("name", "ignore", "reason"),
    [
        ("대기실", {}, "named"),
        ("room", {"channels": ["30"]}, "ignored"),
        ("대기실", {"channels": ["30"]}, "ignored"),
        ("대기실", {"patterns": []}, "ignored"),
    ],
)
def test_a_channel_that_is_ignored_for_its_name_alone_is_told_apart(
    name: str, ignore: dict[str, Any], reason: str
) -> None:
    why = explain(facts(room(name=name, ignored_ms=MINUTE), settings={"voice": {"ignore": ignore}}))
    line = voice(why)
    assert (line.reasons, line.rule) == (((reason, MINUTE),), None)
    assert (why.main_reason, why.main_amount) == (reason, MINUTE)


def test_too_little_time_is_a_reason_and_what_is_there_already_is_told() -> None:
    why = explain(facts(room(voice_ms=4 * MINUTE, muted_ms=MINUTE, carry_ms=3 * MINUTE)))
    line = voice(why)
    assert (line.short, line.rounded, line.carry_ms) == (True, False, 3 * MINUTE)
    assert (why.main_reason, why.main_amount) == ("short", 3 * MINUTE)
    line = voice(explain(facts(room(voice_ms=MINUTE, carry_ms=9 * MINUTE))))
    assert line.carry_ms == 5 * MINUTE, "never more than a whole award"


def test_an_award_that_a_multiplier_makes_less_than_one_is_a_reason() -> None:
    why = explain(
        facts(room(voice_ms=90 * MINUTE, carry_ms=MINUTE), settings={"multipliers": {"channels": {"30": 50}}})
    )
    line = voice(why)
    assert (line.percent, line.short, line.rounded, line.carry_ms) == (50, False, True, None)
    assert why.main_reason == "rounded"


def test_messages_say_how_many_of_them_earned_nothing_and_why() -> None:
    did = room(messages=8, exp_messages=3, cooldown_messages=5, ignored_messages=2, revoked_messages=1)
    why = explain(facts(did))
    line = message(why)
    assert (line.count, line.exp, line.cooldown, line.ignored, line.revoked) == (10, 3, 5, 2, 1)
    assert (why.exp, why.main_reason, why.empty) == (3, None, False)


@pytest.mark.parametrize(
    ("did", "settings", "reason", "amount"),
    [
        ({"ignored_messages": 2}, {}, "message_ignored", 2),
        ({"messages": 3, "revoked_messages": 2, "cooldown_messages": 1}, {}, "revoked", 2),
        ({"messages": 3}, {"messages": {"exp_min": 0, "exp_max": 0}}, "unpaid", 3),
        ({"messages": 3}, {}, None, 0),
        ({"messages": 3, "cooldown_messages": 3, "voice_ms": MINUTE, "deaf_ms": MINUTE}, {}, "deaf", MINUTE),
    ],
)
def test_what_earned_nothing_has_one_main_reason_and_voice_goes_before_messages(
    did: dict[str, Any], settings: dict[str, Any], reason: str | None, amount: int
) -> None:
    why = explain(facts(room(**did), settings=settings))
    assert (why.main_reason, why.main_amount) == (reason, amount)


def test_the_biggest_channels_come_first_and_the_rest_are_summed() -> None:
    many = [
        room(100 + n, voice_ms=MINUTE * n, exp_voice=n, deaf_ms=n, messages=n, exp_messages=1) for n in range(1, 31)
    ]
    why = explain(facts(*many))
    assert [line.channel_id for line in why.voice] == [130, 129, 128, 127, 126, None]
    rest = why.voice[-1]
    assert (rest.channels, rest.exp, rest.time_ms) == (25, sum(range(1, 26)), MINUTE * sum(range(1, 26)))
    assert rest.reasons == (("deaf", sum(range(1, 26))),)
    assert (why.exp_voice, why.exp_messages) == (sum(range(1, 31)), 30)
    assert sum(line.count for line in why.messages) == sum(range(1, 31))
    assert why.messages[-1].channels == 26


def test_a_day_on_which_only_commands_were_used_for_nothing_is_empty() -> None:
    used = room(interactions=1)
    assert explain(facts(used)).empty
    assert not explain(facts(replace(used, exp_interactions=2))).empty
    assert not explain(facts(adjusted=-5)).empty
    assert explain(facts(adjusted=-5)).exp == -5


def test_multipliers_that_hold_everywhere_are_those_of_the_best_role_and_of_the_day() -> None:
    def window(day: int) -> dict[str, Any]:
        return {"percent": 200, "from": f"2026-02-{day}T12:00+09:00", "to": f"2026-02-{day + 1}T12:00+09:00"}

    rules = {
        "multipliers": {"roles": {"7": 150, "8": 120}, "windows": [window(16), window(17), window(18), window(19)]}
    }
    why = explain(facts(settings=rules, role_ids=(RoleId(7), RoleId(8))))
    assert why.role_percent == 150
    assert [w.start for w in why.windows] == [START - DAY // 2, START + DAY // 2]


def test_the_longest_absences_are_told_and_all_of_them_are_summed() -> None:
    away = tuple((Ms(START + n * MINUTE * 10), Ms(START + n * MINUTE * 10 + n * 1000)) for n in range(1, 8))
    why = explain(facts(away=away))
    assert why.away == away[2:]
    assert why.away_ms == sum(range(1, 8)) * 1000


def test_a_day_is_open_until_its_end_was_reached() -> None:
    assert explain(facts(as_of=Ms(START + DAY - 1))).open
    assert not explain(facts(as_of=Ms(START + DAY))).open


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"locale": "ko", "timezone": "UTC", "boards": {"enabled": False}}, True),
        ({"levels": {"kind": "mee6"}}, True),
        ({"voice": {"default": {"every_s": 300, "exp": 1}}}, True),
        ({"voice": {"default": {"every_s": 60, "exp": 1}}}, False),
        ({"voice": {"ignore": {"patterns": ["afk"]}}}, False),
        ({"voice": {"require": {"unmuted": True}}}, False),
        ({"messages": {"cooldown_s": 5}}, False),
        ({"multipliers": {"roles": {"5": 200}}}, False),
    ],
)
def test_only_what_changes_exp_is_another_rule(changed: dict[str, Any], same: bool) -> None:
    assert same_exp_rules(parse_settings({}), parse_settings(changed)) is same
