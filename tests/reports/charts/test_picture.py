"""The charts as pictures: their size, that every part has something in it, and that no text is drawn as boxes."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.examples import examples
from tests.reports.charts.samples import SEOUL, chart_of, report_of, sample
from tracker.ids import Ms
from tracker.reports.chart_data import ChartData
from tracker.reports.charts import draw_charts
from tracker.reports.charts.canvas import ACCENT, BEFORE, CARD, Sheet
from tracker.reports.charts.lettering import drawable
from tracker.reports.charts.steps import draw_steps, messages_of, voice_of
from tracker.reports.model import Report
from tracker.reports.window import Window, between, containing

WEEK = containing("weekly", 20260218, SEOUL)
NAMES = (
    "민준", "Seo-yeon 🌸", "밤샘공부하는 컴공과 3학년 김지수입니다 오늘도 모두 화이팅 화이팅",
    "𝓐𝓵𝓮𝔁", "محمد", "👨‍👩‍👧‍👦", "東京太郎",
    "$x_1$ \\alpha <b>&", "ไทย", "שלום world", "", "\u202eevil", "W" * 32, "ﷺ" * 32, "é" * 16, "{n}%s",
)  # fmt: skip


@pytest.fixture(autouse=True)
def strict(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A missing glyph or font is a warning of matplotlib's, and here an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def drawn(report: Report, data: ChartData, locale: str | None = "ko") -> Image.Image:
    png = draw_charts(report, data, locale)
    assert len(png) < 1_000_000
    return Image.open(io.BytesIO(png)).convert("RGB")


def has(image: Image.Image, colour: str) -> int:
    """How many pixels are exactly of that colour."""
    wanted = tuple(bytes.fromhex(colour[1:]))
    return sum(count for count, found in image.getcolors(1 << 24) or [] if found == wanted)


@pytest.mark.parametrize("locale", ["ko", "en"])
@pytest.mark.parametrize(
    ("window", "high"),
    [
        (WEEK, 2000),
        (containing("daily", 20260218, SEOUL), 1300),
        (containing("monthly", 20260218, SEOUL), 2000),
        (between(20260210, 20260214, SEOUL), 2000),
        (between(20260101, 20260314, SEOUL), 2000),
    ],
)
def test_each_kind_of_report_has_its_charts_at_a_size_for_phones(locale: str, window: Window, high: int) -> None:
    report, data = sample(window, NAMES[:10])
    image = drawn(report, data, locale)
    assert image.width == 1080
    assert high * 0.85 < image.height < high * 1.1
    assert min(has(image, ACCENT), has(image, BEFORE)) > 2_000
    assert has(image, CARD) > image.width * image.height // 4


def test_the_days_of_both_charts_stand_below_each_other() -> None:
    _, data = sample()
    drawings: list[float] = []

    class Spy(Sheet):
        def boxes(self, boxes: Any, *about: Any, **more: Any) -> None:
            drawings.extend(sorted({left for left, *_ in boxes})[:1])
            super().boxes(boxes, *about, **more)

    for measure in (voice_of, messages_of):
        box = (0.0, 0.0, 900.0, 200.0)
        draw_steps(Spy(1000, 300), box, data, measure, [""] * 7, "ko", beside=[voice_of, messages_of])
    assert drawings[0] == drawings[2]
    assert drawings[1] == drawings[3]


def test_the_two_languages_differ_only_in_their_texts() -> None:
    report, data = sample(names=NAMES[:10])
    korean, english = drawn(report, data, "ko"), drawn(report, data, "en")
    assert korean.size == english.size
    assert korean.tobytes() != english.tobytes()
    assert drawn(report, data, "ko").tobytes() == korean.tobytes()


@pytest.mark.parametrize("start", [0, 6, 12])
def test_no_name_breaks_a_picture_or_is_drawn_as_boxes(start: int) -> None:
    names = NAMES[start : start + 10]
    plain, odd = (drawn(report_of(WEEK, n), chart_of(WEEK)) for n in (["a"] * len(names), names))
    assert plain.size == odd.size
    left = (0, 0, 60, plain.height)
    assert plain.crop(left).tobytes() == odd.crop(left).tobytes()
    edge = (plain.width - 46, 0, plain.width, plain.height)  # the figures end there
    assert plain.crop(edge).tobytes() == odd.crop(edge).tobytes()


@settings(max_examples=examples(200))
@given(name=st.text(max_size=32))
def test_what_is_left_of_a_name_can_be_drawn(name: str) -> None:
    shown = drawable(name, otherwise="?")
    assert shown
    assert not any(unicodedata.category(c)[0] == "C" or "\ufe00" <= c <= "\ufe0f" for c in shown)
    assert drawable(shown, otherwise="?") == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("민준", "민준"),
        ("Seo-yeon 🌸", "Seo-yeon"),
        ("𝓐𝓵𝓮𝔁", "Alex"),
        ("👨‍👩‍👧‍👦", "?"),
        ("❤️ Ann  Lee\n", "❤ Ann Lee"),
        ("ไทย", "?"),
        ("ไทย Tom", "··· Tom"),
        ("\u202eevil", "evil"),
        ("太郎", "太\uf92c"),
    ],
)
def test_a_name_is_shown_as_far_as_the_fonts_go(name: str, shown: str) -> None:
    assert drawable(name, otherwise="?") == shown


def test_an_empty_report_says_so_in_a_small_picture() -> None:
    report, data = sample(busy=0)
    image = drawn(report, data)
    assert image.height < 600
    assert has(image, "#b5bac1") > 50
    assert has(image, ACCENT) == 0


def test_a_community_that_only_writes_has_bars_of_messages() -> None:
    report, data = sample()
    silent = [replace(step, voice_ms=0) for step in data.current]
    written = replace(data, current=tuple(silent), before=(), week=None)
    top = tuple(replace(entry, voice_ms=0) for entry in report.top)
    image = drawn(replace(report, top=top), written)
    assert has(image, "#8a6615") > 10_000
    assert has(image, ACCENT) > 2_000


def test_a_week_that_is_not_over_says_as_of_when_and_the_days_to_come_have_no_bar() -> None:
    report, data = sample()
    half = replace(data, current=data.current[:3])
    assert has(drawn(report, half), ACCENT) < has(drawn(report, data), ACCENT) * 0.6
    opened = replace(report, as_of=Ms(WEEK.start + 1))
    assert drawn(opened, data).tobytes() != drawn(report, data).tobytes()


def test_charts_may_be_drawn_on_any_threads_at_once() -> None:
    report, data = sample(names=NAMES[:5])
    alone = draw_charts(report, data, "ko")
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda _: draw_charts(report, data, "ko"), range(8)))
    assert together == [alone] * 8


def test_a_long_text_is_cut_between_what_people_take_for_characters() -> None:
    sheet = Sheet(100, 100)
    assert sheet.fitted("가나다", 30, 1000) == "가나다"
    cut = sheet.fitted("e\u0301" * 40, 30, 200)
    assert cut.endswith("e\u0301…")
    assert sheet.width(cut, 30) <= 200 < sheet.width("e\u0301" * 40, 30)


def test_who_draws_no_chart_does_not_pay_for_matplotlib_and_who_does_not_for_pyplot() -> None:
    script = (
        "import sys, tracker.reports.charts\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import tracker.reports.charts.picture\n"
        "assert 'matplotlib' in sys.modules\n"
        "assert not {'matplotlib.pyplot', 'koreanize_matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
