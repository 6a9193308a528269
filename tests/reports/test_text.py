"""Texts, durations, numbers and dates in English and Korean."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po

from tracker.reports import text
from tracker.reports.catalogue import LOCALES, catalogue, locale_of

FOLDER = Path(text.__file__).parent / "locales"
MINUTE, HOUR = 60_000, 3_600_000


def messages(locale: str) -> dict[str, set[str]]:
    """Key → every text of it."""
    with (FOLDER / f"{locale}.po").open("rb") as file:
        found = {}
        for message in read_po(file, locale=locale, abort_invalid=True):
            key = message.id if isinstance(message.id, str) else message.id[0]
            if key:
                found[key] = {message.string} if isinstance(message.string, str) else set(message.string or ())
        return found


def test_both_languages_have_the_same_keys() -> None:
    assert messages("en").keys() == messages("ko").keys()


def test_every_text_is_there_and_names_the_same_places_in_each_language() -> None:
    english, korean = messages("en"), messages("ko")
    for key in english:
        places = {frozenset(re.findall(r"{(\w+)}", t)) for t in english[key] | korean[key]}
        assert len(places) == 1, key
        assert all(t.strip() for t in english[key] | korean[key]), key


@pytest.mark.parametrize(
    ("ms", "english", "korean"),
    [
        (0, "0 min", "0분"),
        (999, "0 min", "0분"),
        (45_999, "45 s", "45초"),
        (MINUTE, "1 min", "1분"),
        (59 * MINUTE + 59_999, "59 min", "59분"),
        (3 * HOUR, "3 h", "3시간"),
        (3 * HOUR + 12 * MINUTE, "3 h 12 min", "3시간 12분"),
        (1234 * HOUR + MINUTE, "1,234 h 1 min", "1,234시간 1분"),
    ],
)
def test_a_duration_reads_well(ms: int, english: str, korean: str) -> None:
    assert text.duration(ms, "en") == english
    assert text.duration(ms, "ko") == korean


def test_changes_carry_their_sign() -> None:
    assert [text.change(v, "en") for v in (1200, -3, 0)] == ["+1,200", "−3", "±0"]
    assert [text.signed_duration(v * MINUTE, "ko") for v in (65, -20, 0)] == ["+1시간 5분", "−20분", "±0분"]
    assert text.number(-1200, "ko") == "−1,200"


def test_dates_read_well_in_both_languages() -> None:
    assert text.day_text(20260218, "en") == "Wed, 18 Feb 2026"
    assert text.day_text(20260218, "ko") == "2026년 2월 18일 (수)"
    assert text.month_text(20260218, "en") == "February 2026"
    assert text.month_text(20260218, "ko") == "2026년 2월"
    assert text.range_text(20260216, 20260222, "en") == "Mon, 16 Feb – Sun, 22 Feb 2026"
    assert text.range_text(20260216, 20260222, "ko") == "2026년 2월 16일 (월) ~ 2월 22일 (일)"
    assert text.range_text(20251229, 20260104, "en") == "Mon, 29 Dec 2025 – Sun, 4 Jan 2026"
    assert text.range_text(20251229, 20260104, "ko") == "2025년 12월 29일 (월) ~ 2026년 1월 4일 (일)"
    assert text.range_text(20260216, 20260216, "ko") == text.day_text(20260216, "ko")


def test_an_instant_is_shown_in_the_zone_of_the_guild() -> None:
    moment = 1_771_395_412_000  # 2026-02-18T06:16:52Z
    assert text.moment_text(moment, ZoneInfo("Asia/Seoul"), "ko") == "2월 18일 15:16"
    assert text.moment_text(moment, ZoneInfo("America/New_York"), "en") == "18 Feb, 01:16"


def test_a_plural_form_follows_its_number() -> None:
    english, korean = text.translate("en"), text.translate("ko")
    assert [english("entry.sessions", n=n) for n in (0, 1, 2)] == ["0 sessions", "1 session", "2 sessions"]
    assert english("entry.sessions", n=1234) == "1,234 sessions"
    assert korean("entry.sessions", n=1) == "1회 접속"


@pytest.mark.parametrize(
    ("name", "locale"),
    [(None, "en"), ("ko", "ko"), ("ko-KR", "ko"), ("ko_KR", "ko"), ("EN-us", "en"), ("fr", "en"), ("", "en")],
)
def test_a_locale_finds_the_nearest_language(name: str | None, locale: str) -> None:
    assert locale_of(name) == locale
    assert text.translate(name) is text.translate(locale)


def test_an_unknown_key_is_a_mistake_that_shows() -> None:
    with pytest.raises(KeyError):
        text.translate("en")("no.such.key")


def test_a_catalogue_of_another_folder_can_be_read(tmp_path: Path) -> None:
    for locale in LOCALES:
        (tmp_path / f"{locale}.po").write_text('msgid "a"\nmsgstr "A {b}"\n', encoding="utf-8")
    assert catalogue(tmp_path, "en")("a", b=1) == "A 1"
