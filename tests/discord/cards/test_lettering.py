"""What is drawn of names, and how it is made to fit."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from tracker.discord.cards import lettering
from tracker.discord.cards.lettering import draw_text, fitted, shown, width


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("민준", "민준"),
        ("\u1106\u1175\u11ab\u110c\u116e\u11ab", "민준"),  # in single letters, as some systems write it
        ("Ana 🔥", "Ana"),
        ("🔥 Ana\n🔥 B", "Ana B"),
        ("𝓐𝓷𝓪", "Ana"),
        ("김अनु", "김··"),
        ("שלום", "שלום"),
        ("a\u202eb\u200b", "ab"),
        ("小明 ★", "小明 ★"),
        ("👩‍👩‍👧", "Member"),
        ("", "Member"),
        ("अनु", "Member"),
        (" \u3164 ", "Member"),
    ],
)
def test_what_cannot_be_drawn_is_left_out_or_replaced(name: str, drawn: str) -> None:
    assert shown(name, otherwise="Member") == drawn


def test_what_fits_stays_whole() -> None:
    assert fitted("민준", 40, 400) == "민준"


@pytest.mark.parametrize("text", ["아주긴이름" * 9, "a" * 90, "é́́" * 60, "שלום" * 20])
def test_what_is_too_long_ends_in_an_ellipsis_and_fits(text: str) -> None:
    line = fitted(text, 40, 300)
    assert line.endswith("…")
    assert text.startswith(line[:-1])
    assert 200 < width(line, 40) <= 300


def test_a_character_is_not_cut_in_two() -> None:
    line = fitted("e\u0301" * 60, 40, 300)
    assert len(line) % 2 == 1  # whole pairs of letter and accent, and the ellipsis


@pytest.mark.parametrize("sets", [True, False], ids=["with FriBiDi", "without"])
def test_right_to_left_text_begins_on_the_right(monkeypatch: pytest.MonkeyPatch, sets: bool) -> None:
    monkeypatch.setattr(lettering, "_sets_backwards", lambda: sets)
    runs = lettering._runs("שלום 민준 ok")
    assert [run.strip() for _, run in runs if run.strip()] == ["ok", "민준", "שלום" if sets else "םולש"]
    assert sum(run.count(" ") for _, run in runs) == 2


def test_a_space_between_two_words_of_the_other_font_is_drawn() -> None:
    assert width("אב 민 민 גד", 30) > width("אב민민גד", 30)


def test_text_is_drawn_where_it_is_said() -> None:
    image = Image.new("RGB", (300, 100))
    draw_text(ImageDraw.Draw(image), (50, 60), "민준 Ana", 30, (255, 255, 255))
    box = image.getbbox()
    assert box is not None
    assert 50 <= box[0] <= 56
    assert box[2] <= 50 + width("민준 Ana", 30) + 2
    assert 30 <= box[1] < box[3] <= 70
