"""The next settings document."""

from __future__ import annotations

from tracker.events.editing import put, with_member
from tracker.events.settings import DEFAULTS, parse_settings


def test_a_value_is_put_where_it_belongs_and_the_document_given_stays_as_it_is() -> None:
    before = {"voice": {"default": {"every_s": 60, "exp": 2}}, "locale": "ko"}
    after = put(before, ("voice", "channels", "5"), {"every_s": 10, "exp": 1})
    assert after == {
        "voice": {"default": {"every_s": 60, "exp": 2}, "channels": {"5": {"every_s": 10, "exp": 1}}},
        "locale": "ko",
    }
    assert before == {"voice": {"default": {"every_s": 60, "exp": 2}}, "locale": "ko"}


def test_what_goes_back_to_its_default_is_left_out_with_the_sections_that_it_leaves_empty() -> None:
    assert (
        put({"voice": {"default": {"every_s": 60, "exp": 2}}}, ("voice", "default"), {"every_s": 300, "exp": 1}) == {}
    )
    assert put({"timezone": "Asia/Seoul"}, ("timezone",), "UTC") == {}
    assert put({"voice": {"channels": {"5": {"every_s": 1}}}}, ("voice", "channels", "5"), None) == {}
    assert put({}, ("log_channel_id",), None) == {}


def test_what_is_left_out_is_what_the_settings_take_for_granted() -> None:
    compiled = parse_settings(
        {
            "timezone": "UTC",
            "voice": {"default": {"every_s": 300, "exp": 1}},
            "messages": {"exp_min": 1, "exp_max": 1, "cooldown_s": 60},
            "interactions": {"exp": 0, "cooldown_s": 0},
        }
    )
    for name in ("timezone", "voice_default", "message_exp_min", "message_exp_max", "message_cooldown_ms",
                 "interaction_exp", "interaction_cooldown_ms"):  # fmt: skip
        assert getattr(compiled, name) == getattr(DEFAULTS, name)


def test_every_default_of_the_model_goes_without_saying_but_the_language() -> None:
    assert put({}, ("levels",), {"kind": "linear", "exp_per_level": 100}) == {}
    assert put({}, ("tiers", "basis"), "lifetime") == {}
    assert put({"multipliers": {"windows": [{"percent": 200}]}}, ("multipliers", "windows"), []) == {}
    assert put({"boards": {"enabled": False}}, ("boards", "enabled"), True) == {}
    assert put({}, ("nickname", "template"), "{name}") == {"nickname": {"template": "{name}"}}
    assert put({}, ("locale",), "en") == {"locale": "en"}
    rule = {"every_s": 300, "exp": 1}
    assert put({}, ("voice", "channels", "5"), rule) == {"voice": {"channels": {"5": rule}}}


def test_a_list_holds_its_members_once() -> None:
    path = ("voice", "ignore", "channels")
    once = with_member({}, path, "5", on=True)
    assert once == {"voice": {"ignore": {"channels": ["5"]}}} == with_member(once, path, "5", on=True)
    assert with_member(once, path, "5", on=False) == {}
    assert with_member({}, path, "5", on=False) == {}


def test_a_list_that_is_not_empty_by_default_can_be_emptied_and_comes_back() -> None:
    path = ("voice", "ignore", "patterns")
    document: dict[str, object] = {}
    for pattern in ("afk", "대기|waiting", "관전|spectator"):
        document = with_member(document, path, pattern, on=False)
    assert document == {"voice": {"ignore": {"patterns": []}}}
    assert parse_settings(document).ignore_pattern is None
    for pattern in ("대기|waiting", "관전|spectator", "afk"):
        document = with_member(document, path, pattern, on=True)
    assert document == {}
    assert (
        DEFAULTS.ignore_pattern
        == parse_settings({"voice": {"ignore": {"patterns": ["대기|waiting", "관전|spectator", "afk"]}}}).ignore_pattern
    )
