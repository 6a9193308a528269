"""Where a text may be cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.graphemes import clusters, cut

WHOLE = [
    "a",
    "é",
    "e\u0301\u0323",
    "한",
    "\u1112\u1161\u11ab",  # 한, from single letters
    "\u1100\u1100\u1161",
    "하\u11ab",
    "👍",
    "👍🏽",
    "👩‍👩‍👧‍👦",
    "👩🏽‍🚀",
    "❤️",
    "❤️‍🔥",
    "🏳️‍🌈",
    "🐦‍\U0001fae7",  # joined to something that Unicode may have named later than this Python
    "🇰🇷",
    "🇺🇸",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "1️⃣",
    "क्षि",
    "ന്‍റെ",
    "กำ",
    "ｶﾞ",
    " ",
]
"""What people take for one character."""


@pytest.mark.parametrize("piece", WHOLE, ids=ascii)
def test_it_stays_whole_among_its_like(piece: str) -> None:
    assert clusters(piece * 3) == [piece] * 3
    assert clusters(f"x{piece}x") == ["x", piece, "x"]


@given(st.lists(st.sampled_from(WHOLE), max_size=12))
def test_a_text_falls_into_what_it_was_made_of(pieces: list[str]) -> None:
    assert clusters("".join(pieces)) == pieces


@given(st.lists(st.sampled_from(WHOLE), max_size=12), st.integers(0, 40))
def test_a_cut_text_is_the_longest_beginning_that_fits(pieces: list[str], longest: int) -> None:
    fitting = [text for n in range(len(pieces) + 1) if len(text := "".join(pieces[:n])) <= longest]
    assert cut("".join(pieces), longest) == fitting[-1]


@given(st.text(max_size=60), st.integers(0, 40))
def test_any_text_is_the_sum_of_its_clusters_and_begins_with_what_is_cut(text: str, longest: int) -> None:
    assert "".join(clusters(text)) == text
    assert all(clusters(text))
    assert len(cut(text, longest)) <= longest
    assert text.startswith(cut(text, longest))


def test_a_lone_flag_letter_or_a_joiner_between_letters_holds_nothing_together() -> None:
    assert clusters("🇰🇷🇺x") == ["🇰🇷", "🇺", "x"]
    assert clusters("x\u200dy") == ["x\u200d", "y"]


def test_marks_without_a_letter_are_kept() -> None:
    assert clusters("\u0301\u200dx") == ["\u0301\u200d", "x"]
    assert clusters("\u200d\u200d한") == ["\u200d\u200d", "한"]
