"""Names are shown as they are, and do nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.discord.names import harmless


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("민준", "민준"),
        ("👩‍👩‍👧‍👦 family", "👩‍👩‍👧‍👦 family"),
        ("**bold** _it_ `code`", r"\*\*bold\*\* \_it\_ \`code\`"),
        ("||spoiler|| ~~no~~ > quote", r"\|\|spoiler\|\| \~\~no\~\~ \> quote"),
        ("[link](x)", r"\[link\]\(x\)"),
        ("# big - list", r"\# big \- list"),
        ("<@123> <#4> <:e:5> <t:6>", r"\<@" "\u200b" r"123\> \<\#4\> \<:e:5\> \<t:6\>"),
        ("@everyone", "@\u200beveryone"),
        ("https://x.y", "https:\u200b//x.y"),
        ("two\nlines\tand\u2028more", "two lines and more"),
        ("\u202eevil", "evil"),
        ("שלום", "\u2068שלום\u2069"),
        ("", "?"),
        ("\u200b \u2800\u3164"[:2], "?"),
        ("a" * 40, "a" * 31 + "…"),
        ("🇰🇷" * 20, "🇰🇷" * 15 + "…"),
        ("👩‍👩‍👧‍👦" * 20, "👩‍👩‍👧‍👦" * 4 + "…"),
        ("❤️" * 20, "❤️" * 15 + "…"),
        ("a" + "\u0301" * 40, "?"),
    ],
)
def test_a_name_is_shown_without_effect(name: str, shown: str) -> None:
    assert harmless(name, otherwise="?") == shown


def test_a_long_name_is_not_cut_behind_a_joiner() -> None:
    shown = harmless("x" * 30 + "\u200d" + "y" * 9, otherwise="?")
    assert shown == "x" * 30 + "…"


@given(st.text(max_size=80))
def test_whatever_the_name_it_is_one_visible_line_of_bounded_length(name: str) -> None:
    shown = harmless(name, otherwise="?")
    assert shown
    assert len(shown) <= 2 * 32 + 2 * 32 + 2
    assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in shown)
    assert "@everyone" not in shown
    assert "@here" not in shown
    assert shown.count("\u2068") == shown.count("\u2069")
