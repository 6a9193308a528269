"""The daily report comes by itself at local midnight, and once, whatever happens to the bot."""

from __future__ import annotations

import signal
import time
from datetime import datetime
from typing import Any

import pytest

import store.log
from store.engine import Database, open_database
from tests.e2e.bot import PATIENCE_S, BotProcess
from tests.e2e.test_crashes import sandbox
from tests.e2e.town import Town
from tracker.clock import PlayClock, to_ms
from tracker.events.envelope import Event
from tracker.events.rule import SettingsChanged
from tracker.ids import Ms, mint_event_id
from tracker.sandbox.thread import SandboxThread

__all__ = ["sandbox"]

MIDNIGHT = to_ms(datetime.fromisoformat("2026-02-19T00:00:00+09:00"))


def set_up(url: str, town: Town, channel: int) -> None:
    """A daily report of the role, into the log channel."""
    document = {
        "timezone": "Asia/Seoul",
        "locale": "ko",
        "log_channel_id": str(channel),
        "reports": [{"role_id": str(town.role.id), "period": "daily", "at": "00:00"}],
    }
    early = Ms(MIDNIGHT - 3_600_000)
    change = Event(
        id=mint_event_id(early), guild_id=town.guild_id, occurred_at=early, data=SettingsChanged(settings=document)
    )
    database = open_database(url)
    store.log.append(database, [change], recorded_at=early)
    database.close()


def reports_in(town: Town, channel: Any) -> list[str]:
    """The titles of the reports; what the bot says of its start is none."""
    titles = [m.embeds[0]["title"] for m in town.thread.call(town.world.messages, channel) if m.embeds]
    return [title for title in titles if "보고서" in title]


def wait_for_reports(town: Town, channel: Any, count: int) -> list[str]:
    until = time.monotonic() + PATIENCE_S
    while len(found := reports_in(town, channel)) < count and time.monotonic() < until:
        time.sleep(0.05)
    return found


def wait_until_noted(url: str) -> bool:
    """Whether the report, which is one, is noted as sent, in time."""
    database, until = open_database(url, create=False), time.monotonic() + PATIENCE_S
    while not (noted := states_of_reports(database) == ["sent"]) and time.monotonic() < until:
        time.sleep(0.05)
    database.close()
    return noted


def states_of_reports(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.exec_driver_sql("SELECT state FROM deliveries WHERE kind = 'report'").scalars())


@pytest.mark.parametrize(
    "kill_at",
    [
        pytest.param(None, id="left alone", marks=pytest.mark.slow),
        pytest.param("marking:2", id="killed between the post and its note"),
    ],
)
def test_the_daily_report_comes_at_midnight_and_only_once(
    database_url: str, sandbox: SandboxThread, kill_at: str | None
) -> None:
    town = Town(sandbox, seed=1)  # the first post is the summary of the start, the second one the report
    channel = sandbox.call(town.world.add_channel, town.guild, "출석-로그", kind="text")
    set_up(database_url, town, channel.id)
    real = time.time_ns() // 1_000_000
    clock = {"TRACKER_CLOCK": PlayClock(points=((real, MIDNIGHT - 6_000), (real + 1, MIDNIGHT - 5_999))).text()}
    where = {"token": sandbox.sandbox.token, "rest_url": sandbox.sandbox.rest_url}
    with BotProcess(database_url, kill_at=kill_at, environ=clock, **where) as bot:
        bot.wait_for("connected: counting")
        assert reports_in(town, channel) == []  # it is still the day before
        assert wait_for_reports(town, channel, 1) == ["스터디원 일간 활동 보고서"]
        if kill_at is None:
            assert bot.terminate() == 0
        else:
            assert bot.wait() == -signal.SIGKILL
    with BotProcess(database_url, environ=clock, **where) as again:
        again.wait_for("connected: counting")
        assert wait_until_noted(database_url)
        assert again.terminate() == 0
    assert reports_in(town, channel) == ["스터디원 일간 활동 보고서"]
