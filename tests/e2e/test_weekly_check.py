"""The real bot compares its figures with the log while it counts, and says in the log channel what differs."""

from __future__ import annotations

import time
from collections.abc import Mapping

import store.log
from store import verifications
from store.engine import open_database
from store.verifications import Verification
from tests.e2e.bot import PATIENCE_S, BotProcess
from tests.e2e.test_crashes import sandbox, start
from tests.e2e.test_start import fact
from tests.e2e.town import Town, check
from tracker.clock import PlayClock
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import Ms
from tracker.sandbox import Channel
from tracker.sandbox.thread import SandboxThread

__all__ = ["sandbox"]

WEEK_MS = 7 * 86_400_000


def overdue(url: str, town: Town, channel: Channel) -> None:
    """A log with a log channel and EXP for somebody who is not there; the last comparison was eight days ago."""
    database = open_database(url)
    rules = SettingsChanged(settings={"locale": "ko", "log_channel_id": str(channel.id)})
    facts = [fact(town, rules), fact(town, ExpAdjusted(amount=150), 77)]
    store.log.append(database, facts, recorded_at=facts[0].occurred_at)
    long_ago = Ms(facts[0].occurred_at - WEEK_MS - 86_400_000)
    verifications.note(database, Verification(at=long_ago, events=1))
    database.close()


def soon() -> Mapping[str, str]:
    """An environment in which time runs so fast that a start has settled within seconds, whenever it was."""
    real = time.time_ns() // 1_000_000
    fast = PlayClock(points=((real, real), (real + 120_000, real + 100 * 120_000)))
    return {"TRACKER_CLOCK": fast.text(), "TRACKER_VERIFY": "sun"}


def posts_titled(town: Town, channel: Channel, title: str) -> list[str]:
    """What posts with this title say, as soon as there is one."""
    until = time.monotonic() + PATIENCE_S
    while True:
        embeds = [m.embeds[0] for m in town.thread.call(town.world.messages, channel) if m.embeds]
        if found := [str(e) for e in embeds if e.get("title") == title]:
            return found
        assert time.monotonic() < until, embeds
        time.sleep(0.05)


def test_a_difference_is_found_and_told_while_members_come_and_go(database_url: str, sandbox: SandboxThread) -> None:
    town = Town(sandbox, seed=11)
    channel = sandbox.call(town.world.add_channel, town.guild, "출석-로그", kind="text")
    overdue(database_url, town, channel)
    with start(database_url, sandbox) as bot:  # counts what is there; then that is spoilt
        bot.wait_for("connected: counting")
        assert bot.terminate() == 0, bot.log
    database = open_database(database_url)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE totals SET exp = exp + 1 WHERE user_id = 77")
    where = {"token": sandbox.sandbox.token, "rest_url": sandbox.sandbox.rest_url}
    with BotProcess(database_url, environ=soon(), **where) as bot:
        bot.wait_for("connected: counting")
        for _ in range(100):
            town.stir()
        assert "figures: 1 figures in 1 servers are not what the log says" in bot.wait_for("ERROR   tracker.health")
        (said,) = posts_titled(town, channel, "이벤트 기록과 다른 수치가 있습니다")
        assert "`totals.exp` <@77>: 표시된 값 151, 기록상 값 150" in said
        assert bot.terminate() == 0, bot.log
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE totals SET exp = exp - 1 WHERE user_id = 77")
    found = verifications.last(database)
    assert found is not None
    assert (found.differences, found.guilds) == (1, 1)
    check(database)
    database.close()


def test_figures_that_are_right_are_said_to_be_so_in_the_log_only(database_url: str, sandbox: SandboxThread) -> None:
    town = Town(sandbox, seed=12)
    channel = sandbox.call(town.world.add_channel, town.guild, "출석-로그", kind="text")
    overdue(database_url, town, channel)
    where = {"token": sandbox.sandbox.token, "rest_url": sandbox.sandbox.rest_url}
    with BotProcess(database_url, environ=soon(), **where) as bot:
        bot.wait_for("connected: counting")
        for _ in range(100):
            town.stir()
        assert bot.wait_for("tracker.verify").endswith(" events replayed: live figures = replay")
        assert bot.terminate() == 0, bot.log
    titles = [m.embeds[0].get("title") for m in sandbox.call(town.world.messages, channel) if m.embeds]
    assert "이벤트 기록과 다른 수치가 있습니다" not in titles
