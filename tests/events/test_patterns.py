"""Patterns that strangers' channel names are matched against must not be able to stop the tracker."""

from __future__ import annotations

import pytest

from tracker.errors import SettingsError
from tracker.events.patterns import why_slow
from tracker.events.settings import parse_settings

HARMLESS = [
    "대기|waiting",
    "관전|spectator",
    "afk",
    "^afk.*$",
    "[0-9]+번 대기실",
    r"\bafk\b",
    "(?:대기|wait)(?:실|room)?",
    "",
]
ENDLESS = [
    "(a+)+$",
    "^(a+)+$",
    "(a|a)*b",
    "(?:x*)*y",
    "((ab)+)+",
    r"(a)\1*b",
    ".*.*.*.*x",
    "(?=(a+)+)b",
    "(?:(?:a?){9}){9}",
]


@pytest.mark.parametrize("pattern", HARMLESS)
def test_patterns_that_people_write_are_taken(pattern: str) -> None:
    assert why_slow(pattern) is None


@pytest.mark.parametrize("pattern", ENDLESS)
def test_patterns_that_could_take_for_ever_are_refused_by_their_key(pattern: str) -> None:
    with pytest.raises(SettingsError, match=r"voice\.ignore\.patterns\[1\]: .* could take very long"):
        parse_settings({"voice": {"ignore": {"patterns": ["afk", pattern]}}})
