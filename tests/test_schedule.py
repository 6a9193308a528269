"""What comes due is posted once, whatever the clock and the settings do in between."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from tests.reports.test_due import SEOUL, local
from tracker.events.settings import GuildSettings, ReportEntry, parse_settings
from tracker.ids import GuildId, Ms
from tracker.reports.window import Window
from tracker.schedule import Jobs, ReportSchedule

GUILD = GuildId(1)
DAILY = {"timezone": "Asia/Seoul", "reports": [{"role_id": "7", "period": "daily", "at": "00:00"}]}


@dataclass
class Town:
    """A clock that is set by hand, one guild's settings, and what was posted."""

    time: int
    settings: GuildSettings
    posted: list[int] = field(default_factory=list)

    def now(self) -> Ms:
        return Ms(self.time)

    async def post(self, guild: GuildId, entry: ReportEntry, window: Window, key: str) -> None:
        assert key == f"report:{guild}:{entry.key}:{window.first_day}"
        self.posted.append(window.first_day)

    def schedule(self, awake_until: str) -> ReportSchedule:
        return ReportSchedule(
            self, lambda: [(GUILD, self.settings)], self.post, awake_until=Ms(local(SEOUL, awake_until))
        )


@pytest.fixture
def town() -> Town:
    return Town(local(SEOUL, "2026-02-18T12:00"), parse_settings(DAILY))


async def test_a_report_is_posted_when_its_time_comes_and_only_once(town: Town) -> None:
    schedule = town.schedule("2026-02-18T11:59")
    await schedule.look()
    assert town.posted == []
    for _ in range(3):
        town.time = local(SEOUL, "2026-02-19T00:00:03")
        await schedule.look()
    assert town.posted == [20260218]


async def test_what_came_due_while_nobody_ran_is_posted_at_the_start(town: Town) -> None:
    await town.schedule("2026-02-17T22:00").look()
    assert town.posted == [20260217]


async def test_a_clock_set_back_posts_nothing_twice(town: Town) -> None:
    schedule = town.schedule("2026-02-18T11:59")
    for at in ("2026-02-19T00:01", "2026-02-18T23:00", "2026-02-19T00:02"):
        town.time = local(SEOUL, at)
        await schedule.look()
    assert town.posted == [20260218]


async def test_an_entry_added_later_is_first_due_after_it_was_added(town: Town) -> None:
    town.settings = parse_settings({"timezone": "Asia/Seoul"})
    schedule = town.schedule("2026-02-17T11:59")
    await schedule.look()
    town.settings = parse_settings(DAILY)
    await schedule.look()
    assert town.posted == []
    town.time = local(SEOUL, "2026-02-19T00:00")
    await schedule.look()
    assert town.posted == [20260218]


async def test_a_post_that_failed_is_tried_at_the_next_look(town: Town) -> None:
    schedule = town.schedule("2026-02-18T11:59")
    await schedule.look()
    town.time = local(SEOUL, "2026-02-19T00:01")
    good, tried = town.post, []

    async def bad(*_: object) -> None:
        tried.append(1)
        raise OSError

    schedule._post = bad
    with pytest.raises(OSError, match=r"^$"):
        await schedule.look()
    schedule._post = good
    await schedule.look()
    assert (len(tried), town.posted) == (1, [20260218])


async def test_a_job_that_fails_runs_again_and_never_beside_itself() -> None:
    ran, at_once, most = asyncio.Event(), 0, 0
    runs = 0

    async def job() -> None:
        nonlocal runs, at_once, most
        runs += 1
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.03)  # longer than the interval: the next run must wait
        at_once -= 1
        if runs == 3:
            ran.set()
        raise RuntimeError("as every time")

    jobs = Jobs()
    jobs.every(0.01, "job", job)
    jobs.start()
    await asyncio.wait_for(ran.wait(), 10)
    jobs.close()
    assert most == 1
