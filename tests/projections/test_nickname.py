"""Nicknames: the template filled in, never too long, never with half a character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_graphemes import WHOLE
from tracker.graphemes import clusters
from tracker.projections.nickname import LONGEST, nickname_for

FAMILY, FLAG = "👩‍👩‍👧‍👦", "🇰🇷"


@pytest.mark.parametrize(
    ("template", "name", "nickname"),
    [
        ("[{tier}] {name}", "민준", "[Gold] 민준"),
        ("{name} · Lv.{level}", "Ann", "Ann · Lv.12"),
        ("{level}|{exp}|{tier}|{name}", "Ann", "12|3456|Gold|Ann"),
        ("{name} {name}", "Ann", "Ann Ann"),
        ("[{tier}] {name}", "a" * 40, "[Gold] " + "a" * 25),
        ("{name} [{tier}]", "a" * 40, "a" * 25 + " [Gold]"),
        ("{name} {name}", "a" * 40, "a" * 15 + " " + "a" * 15),
        ("{rank} {name} {", "Ann", "{rank} Ann {"),
        ("{name}", "{exp} {tier}", "{exp} {tier}"),
        ("  [{tier}]   {name} ", " A \n B ", "[Gold] A B"),
        ("[{tier}] {name}", "", "[Gold]"),
        ("x" * 40 + "{name}", "Ann", "x" * 32),
        ("x" * 30 + FLAG + FLAG + "{name}", "Ann", "x" * 30 + FLAG),
        ("x" * 31 + FLAG, "Ann", "x" * 31),
        ("x" * 31 + " y", "Ann", "x" * 31),
        ("x" * 31 + "{name}", "e\u0301", "x" * 31),
    ],
)
def test_a_template_is_filled_in_and_the_name_gives_way(template: str, name: str, nickname: str) -> None:
    assert nickname_for(template, "Gold", name, 12, 3456) == nickname


@pytest.mark.parametrize(("template", "nickname"), [("[{tier}] {name}", "Ann"), ("{name} {level}", "Ann 0")])
def test_without_a_tier_a_template_that_shows_tiers_leaves_the_name(template: str, nickname: str) -> None:
    assert nickname_for(template, None, " Ann", 0, 0) == nickname
    assert nickname_for("{tier}{name}", None, "a" * 31 + FLAG, 0, 0) == "a" * 31


@pytest.mark.parametrize("piece", [FAMILY, FLAG, "👍🏽", "e\u0301", "😀", "\u1112\u1161\u11ab"], ids=ascii)
def test_what_is_one_character_to_people_is_kept_or_left_out_whole(piece: str) -> None:
    room = LONGEST - len("[Gold] ")
    assert nickname_for("[{tier}] {name}", "Gold", piece * 30, 1, 1) == "[Gold] " + piece * (room // len(piece))


def test_a_character_that_is_too_long_by_itself_is_left_out() -> None:
    towering = "a" + "\u0301" * 40
    assert nickname_for("{level} {name}", "Gold", towering, 1, 1) == "1"
    assert nickname_for("{name}", "Gold", towering, 1, 1) == ""


_PIECES = st.lists(st.sampled_from(WHOLE), max_size=20)


@given(
    before=st.text("[]|·x ", max_size=40),
    after=st.text("[]|·x ", max_size=10),
    tier=_PIECES,
    name=_PIECES,
    level=st.integers(0, 10**9),
)
def test_a_nickname_fits_and_consists_of_whole_characters(
    before: str, after: str, tier: list[str], name: list[str], level: int
) -> None:
    nickname = nickname_for(before + "{tier}|{name}|{level}" + after, "".join(tier), "".join(name), level, 0)
    assert len(nickname) <= LONGEST
    assert set(clusters(nickname)) <= {*before, *after, *tier, *name, *str(level), "|"}
    assert nickname == " ".join(nickname.split())


@given(template=st.text("{}tiernamlvxp ", max_size=60), name=st.text(max_size=60), exp=st.integers(-(10**18), 10**18))
def test_no_template_or_name_makes_it_fail(template: str, name: str, exp: int) -> None:
    nickname = nickname_for(template, "Gold", name, 1, exp)
    assert len(nickname) <= LONGEST
    assert nickname == " ".join(nickname.split())
