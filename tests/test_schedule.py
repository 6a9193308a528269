"""What comes due is owed once, whatever the clock, the settings and the database do in between."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.reports.test_due import SEOUL, local
from tracker.errors import DatabaseError
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import GuildId, Ms
from tracker.reports.entry_life import EntryLife, lives
from tracker.reports.owing import OwedEntry
from tracker.schedule import Jobs, ReportSchedule

GUILD = GuildId(1)
DAILY = {"timezone": "Asia/Seoul", "reports": [{"role_id": "7", "period": "daily", "at": "00:00"}]}
LATER = {"timezone": "Asia/Seoul", "reports": [{"role_id": "7", "period": "daily", "at": "09:00"}]}


@dataclass
class Town:
    """A clock that is set by hand, guilds with their settings, and what is owed: (day, late), once for each day.

    `silent`: time may not go on. `lost`: guilds that are not seen. `broken`: owing raises.
    """

    time: int
    history: list[tuple[Ms, GuildSettings]] = field(default_factory=list)
    owed: dict[int, bool] = field(default_factory=dict)
    lost: set[GuildId] = field(default_factory=set)
    silent: bool = False
    broken: bool = False
    settled: int = 0

    def now(self) -> Ms:
        return Ms(self.time)

    def change(self, at: str, document: Mapping[str, Any]) -> None:
        self.history.append((Ms(local(SEOUL, at)), parse_settings(document)))

    def all_settings(self) -> Iterable[tuple[GuildId, GuildSettings]]:
        return [(GUILD, self.settings(GUILD))]

    def settings(self, guild: GuildId) -> GuildSettings:
        return self.history[-1][1]

    def lost_at(self, guild: GuildId) -> Ms | None:
        return Ms(1) if guild in self.lost else None

    async def settle(self) -> bool:
        self.settled += 1
        return not self.silent

    async def lives(self, guilds: Collection[GuildId]) -> Mapping[GuildId, Sequence[EntryLife]]:
        return {guild: lives(self.history) for guild in guilds}

    async def owe(self, owed: Sequence[OwedEntry], now: Ms) -> int:
        if self.broken:
            raise DatabaseError("away")
        found = {w.due.window.first_day: w.late for entry in owed for w in entry.windows}
        self.owed = found | self.owed
        return len(found)

    async def look(self, schedule: ReportSchedule, at: str) -> list[int]:
        """The days that are owed after a look at this hour."""
        self.time = local(SEOUL, at)
        await schedule.look()
        return sorted(self.owed)

    def schedule(self) -> ReportSchedule:
        return ReportSchedule(self, self, self)


@pytest.fixture
def town() -> Town:
    town = Town(local(SEOUL, "2026-02-18T12:00"))
    town.change("2026-02-18T11:00", DAILY)
    return town


async def test_a_report_is_owed_when_its_time_comes_and_not_before(town: Town) -> None:
    schedule = town.schedule()
    assert await town.look(schedule, "2026-02-18T12:00") == []
    assert await town.look(schedule, "2026-02-18T23:59:59") == []
    assert await town.look(schedule, "2026-02-19T00:00") == [20260218]
    assert await town.look(schedule, "2026-02-19T00:00:05") == [20260218]
    assert await town.look(schedule, "2026-02-20T00:00") == [20260218, 20260219]
    assert town.owed == {20260218: False, 20260219: False}


async def test_a_look_that_finds_nothing_settles_nothing(town: Town) -> None:
    schedule = town.schedule()
    for second in range(10, 20):
        await town.look(schedule, f"2026-02-18T12:00:{second}")
    assert town.settled == 1  # the first one, which learns the entries


async def test_what_came_due_while_nobody_ran_is_owed_at_the_start_and_says_so(town: Town) -> None:
    assert await town.look(town.schedule(), "2026-02-21T07:00") == [20260218, 20260219, 20260220]
    assert town.owed == {20260218: True, 20260219: True, 20260220: True}


async def test_no_more_is_caught_up_than_the_entry_says(town: Town) -> None:
    town.history.clear()
    town.change("2026-02-18T11:00", DAILY | {"reports": [{"role_id": "7", "catch_up": 2}]})
    days = await town.look(town.schedule(), "2026-02-28T07:00")
    assert days == [20260225, 20260226, 20260227]  # one more is looked at: it might be on time


async def test_nothing_was_missed_before_the_first_start(town: Town) -> None:
    schedule = ReportSchedule(town, town, town, first_start=True)
    assert await town.look(schedule, "2026-02-28T07:00") == [20260227]  # to be noted as passed over


async def test_a_start_minutes_after_the_hour_is_not_late(town: Town) -> None:
    assert await town.look(town.schedule(), "2026-02-19T00:04") == [20260218]
    assert town.owed == {20260218: False}


async def test_a_clock_set_back_or_far_forward_owes_each_window_once(town: Town) -> None:
    schedule = town.schedule()
    await town.look(schedule, "2026-02-18T12:00")
    assert await town.look(schedule, "2026-02-19T00:01") == [20260218]
    assert await town.look(schedule, "2026-02-18T20:00") == [20260218]
    assert await town.look(schedule, "2026-02-19T00:02") == [20260218]
    assert await town.look(schedule, "2026-02-22T15:00") == [20260218, 20260219, 20260220, 20260221]
    assert await town.look(schedule, "2026-02-19T15:00") == [20260218, 20260219, 20260220, 20260221]
    assert (await town.look(schedule, "2026-02-23T00:00"))[4:] == [20260222]
    assert town.owed == {20260218: False, 20260219: True, 20260220: True, 20260221: True, 20260222: False}


async def test_an_entry_added_later_owes_nothing_of_before(town: Town) -> None:
    town.history.clear()
    town.change("2026-02-10T11:00", {"timezone": "Asia/Seoul"})
    schedule = town.schedule()
    assert await town.look(schedule, "2026-02-18T12:00") == []
    town.change("2026-02-18T12:30", DAILY)
    assert await town.look(schedule, "2026-02-18T12:31") == []
    assert await town.look(town.schedule(), "2026-02-18T12:32") == []  # nor after a restart
    assert await town.look(schedule, "2026-02-19T00:00") == [20260218]


async def test_an_entry_made_a_second_before_its_hour_is_owed_at_that_hour(town: Town) -> None:
    town.history.clear()
    town.change("2026-02-10T11:00", {"timezone": "Asia/Seoul"})
    schedule = town.schedule()
    await town.look(schedule, "2026-02-18T23:59:50")
    town.change("2026-02-18T23:59:59", DAILY)
    assert await town.look(schedule, "2026-02-19T00:00:03") == [20260218]


async def test_an_entry_taken_away_owes_nothing_any_more(town: Town) -> None:
    schedule = town.schedule()
    await town.look(schedule, "2026-02-18T12:00")
    town.change("2026-02-18T23:00", {"timezone": "Asia/Seoul"})
    assert await town.look(schedule, "2026-02-19T00:01") == []
    town.change("2026-02-19T00:02", DAILY)
    assert await town.look(schedule, "2026-02-19T00:03") == []


async def test_an_hour_moved_into_the_past_leaves_no_window_out(town: Town) -> None:
    town.history.clear()
    town.change("2026-02-17T11:00", LATER)
    schedule = town.schedule()
    assert await town.look(schedule, "2026-02-18T09:00") == [20260217]
    town.change("2026-02-19T08:00", DAILY)  # the 18th would have been due at 09:00, and is due at 00:00 now
    assert await town.look(schedule, "2026-02-19T08:00:03") == [20260217, 20260218]
    assert town.owed[20260218] is False, "nobody was late: the hour was another one"


async def test_an_hour_moved_into_the_future_makes_it_wait(town: Town) -> None:
    schedule = town.schedule()
    await town.look(schedule, "2026-02-18T12:00")
    town.change("2026-02-18T23:59:59", LATER)
    assert await town.look(schedule, "2026-02-19T00:00:03") == []
    assert await town.look(schedule, "2026-02-19T09:00") == [20260218]


async def test_another_channel_between_the_hour_and_the_look_loses_nothing(town: Town) -> None:
    schedule = town.schedule()
    await town.look(schedule, "2026-02-18T12:00")
    town.change("2026-02-19T00:00:02", DAILY | {"reports": [{"role_id": "7", "channel_id": "9"}]})
    assert await town.look(schedule, "2026-02-19T00:00:05") == [20260218]


async def test_a_guild_that_is_not_seen_is_owed_its_reports_when_it_is_back(town: Town) -> None:
    schedule = town.schedule()
    town.lost.add(GUILD)
    assert await town.look(schedule, "2026-02-18T12:00") == []
    assert await town.look(schedule, "2026-02-20T12:00") == []
    town.lost.clear()
    assert await town.look(schedule, "2026-02-20T13:00") == [20260218, 20260219]
    town.lost.add(GUILD)
    assert await town.look(schedule, "2026-02-21T13:00") == [20260218, 20260219]
    town.lost.clear()
    assert (await town.look(schedule, "2026-02-22T13:00"))[2:] == [20260220, 20260221]


async def test_nothing_is_owed_while_time_may_not_go_on(town: Town) -> None:
    schedule = town.schedule()
    await town.look(schedule, "2026-02-18T12:00")
    town.silent = True
    assert await town.look(schedule, "2026-02-19T00:00:05") == []
    town.silent = False
    assert await town.look(schedule, "2026-02-19T00:00:50") == [20260218]


async def test_what_could_not_be_owed_is_at_the_next_look(town: Town) -> None:
    schedule = town.schedule()
    await town.look(schedule, "2026-02-18T12:00")
    town.broken = True
    with pytest.raises(DatabaseError, match="away"):
        await town.look(schedule, "2026-02-19T00:00:05")
    town.broken = False
    assert await town.look(schedule, "2026-02-19T00:00:10") == [20260218]


async def test_settings_that_change_while_they_are_learned_are_learned_at_the_next_look(town: Town) -> None:
    schedule = town.schedule()
    read = town.lives

    async def overtaken(guilds: Collection[GuildId]) -> Mapping[GuildId, Sequence[EntryLife]]:
        found = await read(guilds)
        town.change("2026-02-18T12:00", LATER)
        return found

    town.lives = overtaken  # type: ignore[method-assign]
    await town.look(schedule, "2026-02-18T12:00")
    town.lives = read  # type: ignore[method-assign]
    assert await town.look(schedule, "2026-02-19T00:00:05") == []
    assert await town.look(schedule, "2026-02-19T09:00:05") == [20260218]


async def test_entries_whose_past_is_not_known_are_new(town: Town) -> None:
    async def unknown(guilds: Collection[GuildId]) -> Mapping[GuildId, Sequence[EntryLife]]:
        return dict.fromkeys(guilds, ())

    town.lives = unknown  # type: ignore[method-assign]
    schedule = town.schedule()
    assert await town.look(schedule, "2026-02-20T12:00") == []
    assert await town.look(schedule, "2026-02-21T00:00") == [20260220]


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
    await asyncio.wait_for(ran.wait(), 300)
    jobs.close()
    assert most == 1
