"""A report's charts come from the database and from a process of their own; without them it goes out all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from store.engine import Database, open_database
from tests.ingest.support import HandClock
from tracker.errors import DatabaseError
from tracker.ids import GuildId, Ms
from tracker.ingest.charts import Charts
from tracker.ingest.reader import Reader
from tracker.ingest.report_pictures import ReportPictures
from tracker.reports.build import build_report
from tracker.reports.model import Sums
from tracker.reports.window import between, containing

SEOUL = ZoneInfo("Asia/Seoul")
DAY = containing("daily", 20260218, SEOUL)
REPORT = build_report(
    guild_id=GuildId(10),
    role_id=None,
    role_name=None,
    window=DAY,
    as_of=DAY.end,
    members=[],
    activity={},
    before=Sums(),
    away_ms=0,
)


class Studio:
    """What draws, with a database that knows nothing."""

    def __init__(self, database: Database) -> None:
        self.clock = HandClock()
        self.reader = Reader(database, self.clock)
        self.charts = Charts(patience_s=300)
        self.database = database

    def pictures(self, patience_s: float = 60.0, rush_s: float = 60.0) -> ReportPictures:
        return ReportPictures(self.reader, self.charts, patience_s=patience_s, rush_s=rush_s)


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    database = open_database(str(tmp_path / "tracker.db"))
    studio = Studio(database)
    yield studio
    await studio.charts.close()
    studio.reader.close()
    database.close()


async def test_a_report_gets_a_picture(studio: Studio) -> None:
    picture = await studio.pictures().picture(REPORT, "ko")
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert studio.charts.pid is not None


async def test_what_was_drawn_a_moment_ago_is_not_drawn_again_and_anything_else_is(studio: Studio) -> None:
    pictures = studio.pictures()
    first = await pictures.picture(REPORT, "ko")
    assert await pictures.picture(replace(REPORT, as_of=Ms(DAY.end + 5)), "ko") is first
    assert pictures.figures() == {"hits": 1, "misses": 1, "bytes": len(first or b"")}
    others = ((replace(REPORT, role_name="Study"), "ko"), (REPORT, "en"), (replace(REPORT, active=1), "ko"))
    for other, locale in others:
        assert await pictures.picture(other, locale) is not first
    assert pictures.figures()["misses"] == 4


async def test_what_is_not_drawn_in_time_is_left_out_and_the_log_says_so(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    assert await studio.pictures(patience_s=0.000_1).picture(REPORT, "ko") is None
    assert "guild 10 goes out without its chart: it was not drawn within 0.0001 s" in caplog.text


async def test_a_database_that_is_away_costs_the_picture_only(
    studio: Studio, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr("tracker.ingest.reader.read_chart_data", away)
    assert await studio.pictures().picture(REPORT, "ko") is None
    assert "goes out without its chart: locked" in caplog.text


async def test_whatever_goes_wrong_costs_the_picture_only(
    studio: Studio, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.ingest.reader.read_chart_data", lambda *_, **__: 1 // 0)
    assert await studio.pictures().picture(REPORT, "ko") is None
    assert "ZeroDivisionError" in caplog.text


async def test_a_process_that_ends_costs_the_picture_only(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    await studio.charts.close()
    assert await studio.pictures().picture(REPORT, "ko") is None
    assert "the tracker is ending" in caplog.text


async def test_more_days_than_can_be_told_apart_have_no_picture(studio: Studio) -> None:
    years = replace(REPORT, window=between(20200101, 20260101, SEOUL))
    assert await studio.pictures().picture(years, "ko") is None
    assert studio.charts.pid is None


async def test_in_a_rush_what_is_scheduled_goes_without_and_who_asks_still_gets_one(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    pictures = studio.pictures(rush_s=-1.0)  # whatever comes while another one is drawn is a rush
    both = await asyncio.gather(*(pictures.picture(REPORT, "ko", scheduled=True) for _ in range(2)))
    assert [picture is None for picture in both] == [False, True]
    assert "many reports are due: for 10 minutes they go out without charts" in caplog.text
    assert await pictures.picture(REPORT, "ko", scheduled=True) is None
    assert await pictures.picture(REPORT, "ko") is not None


async def test_one_report_after_another_is_no_rush(studio: Studio) -> None:
    pictures = studio.pictures(rush_s=-1.0)
    assert await pictures.picture(REPORT, "ko", scheduled=True) is not None
    assert await pictures.picture(REPORT, "ko", scheduled=True) is not None
