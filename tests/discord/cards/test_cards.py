"""Cards are small images with everything on them, whatever people are called."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from PIL import Image

from tracker.discord.cards import LevelFacts, RankFacts, level_card, rank_card
from tracker.discord.cards.canvas import ACCENT, accent_of

RANK = RankFacts(
    name="민준",
    otherwise="멤버",
    level_label="레벨",
    level=12,
    into=740,
    span=1320,
    progress="경험치 740 / 1,320",
    figures=(("순위", "3위 / 128명"), ("이번 주 음성", "13시간 12분")),
)
LEVEL = LevelFacts(name="민준", otherwise="멤버", headline="레벨 업!", level_label="레벨", level=12, way="레벨 11 → 12")
_BAR_Y, _BAR_FROM, _BAR_TO = 160, 232, 856


def opened(card: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(card))
    assert image.format == "PNG"
    return image.convert("RGBA")


def done(card: bytes) -> int:
    """How many pixels of the bar are in the accent's colour."""
    image = opened(card)
    return sum(image.getpixel((x, _BAR_Y)) == (*ACCENT, 255) for x in range(_BAR_FROM, _BAR_TO))


def test_cards_are_images_of_some_kilobytes_that_fit_discord() -> None:
    assert opened(rank_card(RANK)).size == (900, 308)
    assert opened(level_card(LEVEL)).size == (900, 220)
    assert max(len(rank_card(RANK)), len(level_card(LEVEL))) < 60_000


def test_the_corners_let_the_chat_show_through() -> None:
    image = opened(rank_card(RANK))
    assert image.getpixel((0, 0)) == (43, 45, 49, 0)
    assert image.getpixel((450, 20)) == (43, 45, 49, 255)


def test_a_card_without_figures_is_lower() -> None:
    assert opened(rank_card(replace(RANK, figures=()))).size == (900, 208)


def test_the_bar_shows_how_much_of_the_level_is_done() -> None:
    whole = _BAR_TO - _BAR_FROM
    assert done(rank_card(replace(RANK, into=0))) == 0
    assert abs(done(rank_card(replace(RANK, into=660))) - whole // 2) <= 2
    assert done(rank_card(replace(RANK, span=None))) >= whole - 2


@pytest.mark.parametrize("name", ["", "🔥" * 40, "민" * 200, "a b" * 90, "مرحبا 민준 x", "\u202e\n\x00", "अनु", "𝓐"])
def test_any_name_can_be_drawn(name: str) -> None:
    assert opened(rank_card(replace(RANK, name=name, tier=name))).size == (900, 308)
    assert opened(level_card(replace(LEVEL, name=name, tier=name))).size == (900, 220)


@pytest.mark.parametrize(
    ("draw", "one", "other"),
    [
        (rank_card, RANK, replace(RANK, name="Ana")),
        (rank_card, RANK, replace(RANK, tier="Gold")),
        (rank_card, RANK, replace(RANK, level=1_234_567)),
        (rank_card, RANK, replace(RANK, colour=0xE91E63)),
        (level_card, LEVEL, replace(LEVEL, way="레벨 9 → 12")),
        (level_card, LEVEL, replace(LEVEL, headline="LEVEL UP")),
    ],
)
def test_what_differs_can_be_seen(draw: Callable[[object], bytes], one: object, other: object) -> None:
    assert opened(draw(one)).tobytes() != opened(draw(other)).tobytes()


def test_cards_drawn_by_several_threads_at_once_are_the_same() -> None:
    with ThreadPoolExecutor(4) as threads:
        drawn = set(threads.map(rank_card, [RANK] * 24))
    assert drawn == {rank_card(RANK)}


@pytest.mark.parametrize("colour", [0x000080, 0x000001, 0x5865F2, 0xFFFFFF, 0xF1C40F])
def test_the_colour_of_a_role_is_light_enough_to_be_seen(colour: int) -> None:
    red, green, blue = accent_of(colour)
    assert 299 * red + 587 * green + 114 * blue >= 118_000


def test_a_role_without_colour_gets_the_usual_one() -> None:
    assert accent_of(None) == accent_of(0) == ACCENT
