"""The process that draws: it comes with the first chart, goes when it is not needed, and nothing is left of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import psutil
import pytest

from tests.reports.charts.samples import sample
from tracker.ingest.charts import ChartError, Charts
from tracker.reports.charts import draw_charts


@pytest.fixture
async def charts() -> AsyncIterator[Charts]:
    made = Charts(patience_s=300)  # it draws with the lowest priority, and other tests are at work beside it
    yield made
    await made.close()


async def gone(pid: int) -> None:
    """Waits until the process is no more."""
    async with asyncio.timeout(300):
        while psutil.pid_exists(pid):
            await asyncio.sleep(0.01)


async def test_charts_are_those_that_would_be_drawn_here_and_one_process_draws_them_all(charts: Charts) -> None:
    report, data = sample()
    assert charts.pid is None
    korean, english = await asyncio.gather(charts.draw(report, data, "ko"), charts.draw(report, data, "en"))
    pid = charts.pid
    assert korean == draw_charts(report, data, "ko")
    assert english == draw_charts(report, data, "en")
    assert await charts.draw(report, data, "ko") == korean
    assert charts.pid == pid is not None


async def test_closing_ends_the_process_also_while_it_draws_and_starts_no_other(charts: Charts) -> None:
    report, data = sample()
    await charts.draw(report, data, "ko")
    pid = charts.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # so that it is surely in the middle of it
    drawing = asyncio.create_task(charts.draw(report, data, "ko"))
    await asyncio.sleep(0)
    await charts.close()
    with pytest.raises(ChartError):
        await drawing
    assert not psutil.pid_exists(pid)
    with pytest.raises(ChartError, match="ending"):
        await charts.draw(report, data, "ko")
    assert charts.pid is None


async def test_a_process_that_dies_costs_one_chart_and_the_next_has_a_new_one(charts: Charts) -> None:
    report, data = sample()
    png = await charts.draw(report, data, "ko")
    pid = charts.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    drawing = asyncio.create_task(charts.draw(report, data, "ko"))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ChartError, match="did not answer"):
        await drawing
    assert await charts.draw(report, data, "ko") == png
    assert charts.pid != pid


async def test_a_chart_that_cannot_be_drawn_is_an_error_and_the_process_goes_on(charts: Charts) -> None:
    report, data = sample()
    broken = replace(data, week=((),))
    with pytest.raises(ChartError, match="Error"):
        await charts.draw(replace(report, top=(None,)), broken, "ko")  # type: ignore[arg-type]
    pid = charts.pid
    assert await charts.draw(report, data, "ko")
    assert charts.pid == pid


async def test_a_chart_that_takes_too_long_is_given_up_with_its_process() -> None:
    charts = Charts(patience_s=0.001)
    report, data = sample()
    with pytest.raises(ChartError, match="TimeoutError"):
        await charts.draw(report, data, "ko")
    assert charts.pid is None
    await charts.close()


async def test_who_is_cancelled_leaves_no_answer_for_the_next_one(charts: Charts) -> None:
    report, data = sample()
    korean = await charts.draw(report, data, "ko")
    drawing = asyncio.create_task(charts.draw(report, data, "en"))
    await asyncio.sleep(0)
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    assert await charts.draw(report, data, "ko") == korean


async def test_without_work_the_process_ends_and_comes_back_when_it_is_needed() -> None:
    charts = Charts(idle_s=0.05, patience_s=300)
    report, data = sample()
    await charts.draw(report, data, "ko")
    pid = charts.pid
    assert pid is not None
    await gone(pid)
    assert charts.pid is None
    assert await charts.draw(report, data, "ko")
    await charts.close()
    assert charts.pid is None
