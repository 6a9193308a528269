"""The settings document: its defaults, and that a bad one is refused as a whole, by the key that is wrong."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.test_codec import JSON
from tracker.errors import SettingsError
from tracker.events.level_rules import LinearCurve, NicknameRules, TierRules
from tracker.events.settings import DEFAULTS, Rule, parse_settings, settings_of
from tracker.ids import Ms

EXAMPLE: dict[str, Any] = {
    "timezone": "UTC",
    "locale": "en",
    "bridge_s": 600,
    "voice": {
        "default": {"every_s": 300, "exp": 1},
        "channels": {},
        "categories": {},
        "ignore": {"patterns": ["대기|waiting", "관전|spectator", "afk"], "channels": [], "categories": []},
        "require": {"min_members": 1, "undeafened": False, "unmuted": False},
    },
    "messages": {"exp_min": 1, "exp_max": 1, "cooldown_s": 60, "revoke_s": 0, "ignore_channels": []},
    "interactions": {"exp": 0, "cooldown_s": 0},
    "multipliers": {"channels": {}, "roles": {}, "windows": []},
    "levels": {"kind": "linear", "exp_per_level": 100},
    "tiers": {"basis": "lifetime", "policy": "highest", "list": []},
    "nickname": {"template": "[{tier}] {name}", "enabled": False},
    "announcements": {
        "mode": "off",
        "channel_id": None,
        "template": "{mention} reached level {level}!",
        "mentions": False,
        "card": False,
    },
    "boards": {"enabled": True},
    "reports": [],
}
"""SEMANTICS §8 with its defaults."""


def test_an_empty_document_means_the_defaults_of_the_semantics_page() -> None:
    settings, written = parse_settings({}), parse_settings(EXAMPLE)
    assert settings.locale is None
    for name in settings.__dataclass_fields__:
        if name not in ("document", "locale"):
            assert getattr(settings, name) == getattr(written, name) == getattr(DEFAULTS, name), name


def test_the_defaults_are_these() -> None:
    assert DEFAULTS.timezone == "UTC"
    assert DEFAULTS.bridge_ms == 600_000
    assert DEFAULTS.log_channel_id is None
    assert DEFAULTS.voice_default == Rule(every_ms=Ms(300_000), exp=1)
    assert (DEFAULTS.min_members, DEFAULTS.undeafened, DEFAULTS.unmuted) == (1, False, False)
    assert (DEFAULTS.message_exp_min, DEFAULTS.message_exp_max) == (1, 1)
    assert (DEFAULTS.message_cooldown_ms, DEFAULTS.message_revoke_ms) == (60_000, 0)
    assert (DEFAULTS.interaction_exp, DEFAULTS.interaction_cooldown_ms) == (0, 0)
    assert DEFAULTS.percent_at(0) == DEFAULTS.role_multiplier((1, 2)) == 100
    assert DEFAULTS.curve == LinearCurve(exp_per_level=100)
    assert DEFAULTS.tiers == TierRules(basis="lifetime", rolling_days=30, policy="highest", tiers=())
    assert DEFAULTS.nickname == NicknameRules(template="[{tier}] {name}", enabled=False)
    assert (DEFAULTS.announcements.mode, DEFAULTS.announcements.channel_id) == ("off", None)
    assert (DEFAULTS.announcements.mentions, DEFAULTS.announcements.card) == (False, False)
    assert DEFAULTS.boards_enabled


def test_a_section_may_be_given_in_part() -> None:
    settings = parse_settings({"voice": {"channels": {"12": {"every_s": 60}}}, "messages": {"exp_max": 5}})
    assert settings.voice_channels == {12: Rule(every_ms=Ms(60_000), exp=1)}
    assert settings.voice_default == DEFAULTS.voice_default
    assert settings.message_cooldown_ms == 60_000


@pytest.mark.parametrize("name", ["🎙️ 대기실", "Waiting room", "관전", "SPECTATOR", "AFK", "afk-2"])
def test_default_patterns_match_in_any_case(name: str) -> None:
    assert DEFAULTS.ignore_pattern is not None
    assert DEFAULTS.ignore_pattern.search(name)


def test_other_names_match_no_default_pattern() -> None:
    assert DEFAULTS.ignore_pattern is not None
    assert not DEFAULTS.ignore_pattern.search("📝-공부방")
    assert parse_settings({"voice": {"ignore": {"patterns": []}}}).ignore_pattern is None


def test_patterns_do_not_meddle_with_each_other() -> None:
    patterns = ["(a)(?P<x>b)", "(?P<x>c)d\\1", "e(?i:F)", "(?x) g # note", "h"]
    found = parse_settings({"voice": {"ignore": {"patterns": patterns}}}).ignore_pattern
    assert found is not None
    assert [bool(found.search(name)) for name in ("ab", "CDC", "cda", "EF", "g", "x H", "note")] == [
        True, True, False, True, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["Asia/Seoul", "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu", "UTC"])
def test_zones_with_odd_offsets_are_taken(zone: str) -> None:
    assert str(parse_settings({"timezone": zone}).zone) == zone


def test_windows_are_half_open_and_read_with_or_without_seconds_and_from_toml() -> None:
    windows = [
        {"percent": 150, "from": datetime(2026, 3, 9, tzinfo=UTC), "to": "2026-03-10T00:00:00Z"},
        {"percent": 200, "from": "2026-03-07T00:00+09:00", "to": "2026-03-09T00:00:00.000+09:00"},
    ]
    settings = parse_settings({"multipliers": {"windows": windows}})
    start, end = 1_772_809_200_000, 1_772_982_000_000
    assert [settings.percent_at(t) for t in (start - 1, start, end - 1, end)] == [100, 200, 200, 100]
    assert settings.percent_at(1_773_014_400_000) == 150


def test_the_best_listed_role_counts_even_when_it_is_below_100() -> None:
    settings = parse_settings({"multipliers": {"roles": {"1": 50, "2": 150, "3": 0}}})
    assert settings.role_multiplier((1, 9)) == 50
    assert settings.role_multiplier((1, 2, 3)) == 150
    assert settings.role_multiplier((9,)) == 100
    assert settings.role_multiplier((3,)) == 0


def _windows(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"multipliers": {"windows": [{"percent": 1, "from": a, "to": b} for a, b in pairs]}}


A, B, C = "2026-03-01T00:00Z", "2026-03-02T00:00Z", "2026-03-03T00:00Z"
REFUSED: list[tuple[object, str, str]] = [
    ([], "", "must be an object"),
    (None, "", "must be an object"),
    ({"colour": 1}, "colour", "there is no such key"),
    ({5: 1}, "5", "expected `str`"),
    ({"timezone": "Mars/Olympus"}, "timezone", "is no IANA time zone"),
    ({"timezone": "localtime"}, "timezone", "is no IANA time zone"),
    ({"timezone": "../UTC"}, "timezone", "is no IANA time zone"),
    ({"timezone": 9}, "timezone", "expected `str`"),
    ({"locale": "fr"}, "locale", "invalid enum value 'fr'"),
    ({"bridge_s": -1}, "bridge_s", "expected `int` >= 0"),
    ({"bridge_s": 10**400}, "bridge_s", "expected `int` <= 86400"),
    ({"bridge_s": 1.5}, "bridge_s", "expected `int`, got `float`"),
    ({"bridge_s": True}, "bridge_s", "expected `int`, got `bool`"),
    ({"log_channel_id": 12}, "log_channel_id", "expected `str | null`"),
    ({"log_channel_id": "012"}, "log_channel_id", "must be an id"),
    ({"log_channel_id": "12\n"}, "log_channel_id", "must be an id"),
    ({"log_channel_id": "9999999999999999999"}, "log_channel_id", "must be an id"),
    ({"voice": []}, "voice", "expected `object`"),
    ({"voice": {"default": {"every_s": 0}}}, "voice.default.every_s", "expected `int` >= 1"),
    ({"voice": {"default": {"exp": 10**7}}}, "voice.default.exp", "expected `int` <= 1000000"),
    ({"voice": {"channels": {"1": {}, "12": {"every": 1}}}}, "voice.channels.12.every", "there is no such key"),
    ({"voice": {"channels": {"1": {}, "lobby": {}}}}, "voice.channels.lobby", "must be an id"),
    ({"voice": {"categories": {"1": {"exp": "5"}}}}, "voice.categories.1.exp", "expected `int`"),
    ({"voice": {"ignore": {"channels": ["x"]}}}, "voice.ignore.channels[0]", "must be an id"),
    ({"voice": {"ignore": {"categories": "1"}}}, "voice.ignore.categories", "expected `array`"),
    ({"voice": {"ignore": {"patterns": ["ok", "["]}}}, "voice.ignore.patterns[1]", "is no pattern"),
    ({"voice": {"ignore": {"patterns": ["a{99999999999}"]}}}, "voice.ignore.patterns[0]", "is no pattern"),
    ({"voice": {"ignore": {"patterns": [""]}}}, "voice.ignore.patterns[0]", "length >= 1"),
    ({"voice": {"ignore": {"patterns": ["\ud800"]}}}, "", "cannot be written as JSON"),
    ({"voice": {"require": {"min_members": 0}}}, "voice.require.min_members", "expected `int` >= 1"),
    ({"voice": {"require": {"unmuted": 1}}}, "voice.require.unmuted", "expected `bool`"),
    ({"messages": {"exp_min": 5}}, "messages.exp_max", "must be at least exp_min (5)"),
    ({"messages": {"cooldown_s": 86_401}}, "messages.cooldown_s", "expected `int` <= 86400"),
    ({"messages": {"revoke_s": -1}}, "messages.revoke_s", "expected `int` >= 0"),
    ({"messages": {"ignore_channels": [5]}}, "messages.ignore_channels[0]", "expected `str`"),
    ({"interactions": {"exp": -5}}, "interactions.exp", "expected `int` >= 0"),
    ({"multipliers": {"channels": {"1": 10_001}}}, "multipliers.channels.1", "expected `int` <= 10000"),
    ({"multipliers": {"roles": {"1": -1}}}, "multipliers.roles.1", "expected `int` >= 0"),
    ({"multipliers": {"windows": [{"percent": 1, "to": A}]}}, "multipliers.windows[0].from", "is missing"),
    (_windows((A, B), (B, B)), "multipliers.windows[1].to", "must be later than `from`"),
    (_windows((A, C), (B, C)), "multipliers.windows", "two windows overlap"),
    (_windows((A, "2026-03-02T00:00")), "multipliers.windows[0].to", "must be an instant with its offset"),
    (_windows((A, "tomorrow")), "multipliers.windows[0].to", "must be an instant with its offset"),
    ({"levels": {"kind": "mee6", "exp_per_level": 5}}, "levels.exp_per_level", "there is no such key"),
    ({"levels": {"kind": "cubic"}}, "levels.kind", "invalid value 'cubic'"),
    ({"levels": {"kind": "linear", "exp_per_level": 0}}, "levels.exp_per_level", "expected `int` >= 1"),
    ({"levels": {"kind": "thresholds", "exp": [5, 5]}}, "levels.exp", "must rise"),
    ({"levels": {"kind": "thresholds", "exp": []}}, "levels.exp", "length >= 1"),
    ({"tiers": {"basis": "daily"}}, "tiers.basis", "invalid enum value"),
    ({"tiers": {"list": [{"name": "A", "role_id": "1"}]}}, "tiers.list[0]", "needs min_level or min_exp"),
    ({"tiers": {"list": [{"name": "A"}]}}, "tiers.list[0].role_id", "is missing"),
    ({"nickname": {"template": ""}}, "nickname.template", "length >= 1"),
    ({"nickname": {"template": "x" * 101}}, "nickname.template", "length <= 100"),
    ({"announcements": {"mode": "email"}}, "announcements.mode", "invalid enum value"),
    ({"announcements": {"channel_id": "x"}}, "announcements.channel_id", "must be an id"),
    ({"announcements": {"template": ""}}, "announcements.template", "length >= 1"),
    ({"announcements": {"template": "x" * 201}}, "announcements.template", "length <= 200"),
    ({"announcements": {"template": " \n"}}, "announcements.template", "must say something"),
    (
        {"announcements": {"template": "{level} {rank}"}},
        "announcements.template",
        "no placeholder {rank}, only {mention}",
    ),
    ({"announcements": {"template": "{}"}}, "announcements.template", "no placeholder {}"),
    ({"announcements": {"mention": True}}, "announcements.mention", "there is no such key"),
    ({"boards": {"enabled": 1}}, "boards.enabled", "expected `bool`"),
    ({"boards": {"on": True}}, "boards.on", "there is no such key"),
    ({"reports": [{"at": "24:00"}]}, "reports[0].at", "must be a time"),
    ({"reports": [{"at": "00:00\n"}]}, "reports[0].at", "must be a time"),
    ({"reports": [{"period": "hourly"}]}, "reports[0].period", "invalid enum value"),
    ({"reports": [{"catch_up": 32}]}, "reports[0].catch_up", "<= 31"),
    ({"reports": [{"catch_up": -1}]}, "reports[0].catch_up", ">= 0"),
    ({"reports": [{"catch_up": True}]}, "reports[0].catch_up", "int"),
    ({"reports": [{"role_id": "1"}, {"role_id": "1"}]}, "reports[1]", "is the same role"),
]


@pytest.mark.parametrize(("document", "key", "says"), REFUSED, ids=range(len(REFUSED)))
def test_a_bad_document_is_refused_by_the_key_that_is_wrong(document: object, key: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(document)
    assert caught.value.key == key
    assert says in caught.value.problem
    assert str(caught.value).startswith(f"settings: {key or 'document'}: ")


def _paths(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    here = [path] if path else []
    return here + [p for k, v in value.items() for p in _paths(v, (*path, k))] if isinstance(value, dict) else here


@pytest.mark.parametrize("path", _paths(EXAMPLE), ids=".".join)
def test_every_key_refuses_a_value_of_a_kind_it_cannot_have(path: tuple[str, ...]) -> None:
    document: Any = 1.5
    for key in reversed(path):
        document = {key: document}
    with pytest.raises(SettingsError) as caught:
        parse_settings(document)
    assert caught.value.key == ".".join(path)


@given(path=st.sampled_from(_paths(EXAMPLE)), value=JSON)
def test_no_value_makes_the_reader_fail_otherwise(path: tuple[str, ...], value: object) -> None:
    document: Any = value
    for key in reversed(path):
        document = {key: document}
    with suppress(SettingsError):
        assert parse_settings(document).document == document


@given(patterns=st.lists(st.text("()[]{}*+?|\\^$.,1a<>P=!:ix-", min_size=1, max_size=12), max_size=3))
def test_no_pattern_makes_the_reader_fail_otherwise(patterns: list[str]) -> None:
    with suppress(SettingsError):
        found = parse_settings({"voice": {"ignore": {"patterns": patterns}}}).ignore_pattern
        assert (found is None) is (not patterns)
        if found:
            found.search("a1")


def test_what_one_event_says_is_read_once_and_an_equal_document_anew() -> None:
    one, equal = {"messages": {"exp_max": 3}}, {"messages": {"exp_max": 3}}
    found = settings_of(one)
    assert settings_of(one) is found
    assert settings_of(equal) is not found
    assert settings_of(equal) == settings_of(one) == parse_settings(one)


def test_a_document_that_was_refused_is_refused_again() -> None:
    good, bad = {"messages": {"exp_max": 3}}, {"messages": {"exp_max": -3}}
    settings_of(good)
    for _ in range(2):
        with pytest.raises(SettingsError, match="exp_max"):
            settings_of(bad)
    assert settings_of(good) == parse_settings(good)
