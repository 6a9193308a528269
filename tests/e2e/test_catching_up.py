"""Reports that came due while the real bot was down, and those that cannot be posted: each once, or said plainly."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import store.log
from store.engine import open_database
from tests.cli.support import tracker
from tests.e2e.bot import PATIENCE_S, BotProcess
from tests.e2e.test_crashes import sandbox
from tests.e2e.town import Town
from tracker.clock import PlayClock, to_ms
from tracker.events.envelope import Event
from tracker.events.rule import SettingsChanged
from tracker.ids import Ms, mint_event_id
from tracker.sandbox import Overwrite, Permission
from tracker.sandbox.thread import SandboxThread

__all__ = ["sandbox"]

BEFORE = "2026-02-18T22:00:00+09:00"
AFTER = "2026-02-19T05:00:00+09:00"
RUNNING = "connected: counting"


class Stage:
    """A town with a daily report of its role, into a channel of its own, on a database that a bot has run on before."""

    def __init__(self, sandbox: SandboxThread, folder: Path) -> None:
        self.sandbox = sandbox
        self.town = Town(sandbox, seed=1, members=4)
        self.world = self.town.world
        self.url = f"sqlite:///{folder / 'tracker.db'}"
        self.log = sandbox.call(self.world.add_channel, self.town.guild, "알림", kind="text")
        self.channel = sandbox.call(self.world.add_channel, self.town.guild, "출석-로그", kind="text")
        early = Ms(_ms(BEFORE) - 3_600_000)
        database = open_database(self.url)
        store.log.append(database, [self._settings(early)], recorded_at=early)
        database.close()
        with self.bot(BEFORE) as bot:
            bot.wait_for(RUNNING)
            assert bot.terminate() == 0, bot.log

    def _settings(self, at: Ms) -> Event:
        document = {
            "timezone": "Asia/Seoul",
            "locale": "ko",
            "log_channel_id": str(self.log.id),
            "reports": [{"role_id": str(self.town.role.id), "channel_id": str(self.channel.id)}],
        }
        data = SettingsChanged(settings=document)
        return Event(id=mint_event_id(at), guild_id=self.town.guild_id, occurred_at=at, data=data)

    def bot(self, at: str, *, kill_at: str | None = None, pace: int = 1) -> BotProcess:
        """The bot, begun at this played hour; `pace`: so many times faster than real time, for two minutes."""
        real, played = time.time_ns() // 1_000_000, _ms(at)
        clock = PlayClock(points=((real, played), (real + 120_000, played + pace * 120_000)))
        where = self.sandbox.sandbox
        environ = {"TRACKER_CLOCK": clock.text()}
        return BotProcess(self.url, token=where.token, rest_url=where.rest_url, kill_at=kill_at, environ=environ)

    def runs(self) -> list[tuple[int, str, int | None]]:
        """(day, state, message id) of each window, by the day."""
        database = open_database(self.url, create=False)
        with database.read() as connection:
            rows = connection.exec_driver_sql("SELECT key, state, message_id FROM deliveries WHERE kind = 'report'")
            found = sorted((int(key.rpartition(":")[2]), state, message) for key, state, message in rows)
        database.close()
        return found

    def states(self) -> list[str]:
        return [state for _, state, _ in self.runs()]

    def messages(self) -> list[Any]:
        return list(self.sandbox.call(self.world.messages, self.channel))

    def doctor(self, monkeypatch: pytest.MonkeyPatch, at: str) -> list[str]:
        """What `tracker doctor` finds about reports, and about servers, that needs to be known."""
        monkeypatch.setenv("TRACKER_CLOCK", f"{time.time_ns() // 1_000_000}:{_ms(at)}")
        monkeypatch.delenv("DISCORD_TOKEN", raising=False)
        found = json.loads(tracker("doctor", "--json", "--database", self.url).out)
        return [f"{f['kind']}: {f['text']}" for f in found if "report for" in f["text"] or f["kind"] == "note"]


def _ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def until(condition: Callable[[], bool], bot: BotProcess) -> None:
    patience = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < patience, bot.process.poll()
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("back_at", "first", "count"),
    [
        pytest.param(AFTER, 20260218, 1, id="hours", marks=pytest.mark.slow),
        pytest.param("2026-02-22T05:00:00+09:00", 20260218, 4, id="days", marks=pytest.mark.slow),
        pytest.param("2026-03-18T05:00:00+09:00", 20260311, 7, id="weeks"),
    ],
)
def test_what_was_missed_is_posted_at_the_start_oldest_first_and_once(
    tmp_path: Path, sandbox: SandboxThread, back_at: str, first: int, count: int
) -> None:
    stage = Stage(sandbox, tmp_path)
    for _ in range(2):  # the second process finds everything done
        with stage.bot(back_at) as bot:
            bot.wait_for(RUNNING)
            until(lambda: stage.states() == ["sent"] * count, bot)
            assert bot.terminate() == 0, bot.log
    runs = stage.runs()
    assert [day for day, *_ in runs] == list(range(first, first + count))
    assert [message for *_, message in runs] == [message.id for message in stage.messages()]


@pytest.mark.parametrize(
    "mark",
    [pytest.param(2, id="the first report", marks=pytest.mark.slow), pytest.param(3, id="the second report")],
)
def test_killed_between_a_post_and_its_note_while_catching_up_it_posts_none_twice(
    tmp_path: Path, sandbox: SandboxThread, mark: int
) -> None:
    stage, back_at = Stage(sandbox, tmp_path), "2026-02-21T05:00:00+09:00"
    with stage.bot(back_at, kill_at=f"marking:{mark}") as bot:  # one of them is the summary of the start
        assert bot.wait() == -signal.SIGKILL, bot.log
    assert "pending" in stage.states()
    with stage.bot(back_at) as again:
        again.wait_for(RUNNING)
        until(lambda: stage.states() == ["sent"] * 3, again)
        assert again.terminate() == 0, again.log
    assert [message for *_, message in stage.runs()] == [message.id for message in stage.messages()]


def _forbid(stage: Stage) -> None:
    deny = Overwrite(id=stage.town.guild.id, deny=int(Permission.SEND_MESSAGES))
    stage.sandbox.call(stage.world.set_overwrite, stage.channel, deny)


def _delete_channel(stage: Stage) -> None:
    stage.sandbox.call(stage.world.delete_channel, stage.channel)


def _delete_role(stage: Stage) -> None:
    stage.sandbox.call(stage.world.delete_role, stage.town.role)


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (_forbid, "Discord refuses it (HTTP 403"),
        (_delete_channel, "Discord refuses it (HTTP 404"),
        (_delete_role, "is gone: schedule a report of another one"),
    ],
    ids=["permission lost", "channel deleted", "role deleted"],
)
def test_what_cannot_be_posted_is_tried_once_and_told_by_the_doctor(
    tmp_path: Path,
    sandbox: SandboxThread,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[Stage], None],
    says: str,
) -> None:
    stage = Stage(sandbox, tmp_path)
    happens(stage)
    refused = []
    for _ in range(2):
        with stage.bot(AFTER) as bot:
            bot.wait_for(RUNNING)
            until(lambda: stage.states() == ["blocked"], bot)
            assert bot.terminate() == 0, bot.log
        calls = sandbox.sandbox.calls.items()
        refused.append(sum(n for (route, status), n in calls if route.endswith("/messages") and status >= 400))
    assert refused[0] in (range(1, 3) if "HTTP" in says else range(1))  # with its picture, and without
    assert refused[0] == refused[1], "a start more asks first, and sends nothing to where it would be refused"
    (told,) = [line for line in stage.doctor(monkeypatch, AFTER) if "report for" in line]
    assert told.startswith("bad: ")
    assert says in told


def _allow(stage: Stage) -> None:
    stage.sandbox.call(stage.world.set_overwrite, stage.channel, Overwrite(id=stage.town.guild.id, deny=0))


def test_what_was_refused_is_posted_as_soon_as_the_permission_is_back_and_once(
    tmp_path: Path, sandbox: SandboxThread
) -> None:
    stage = Stage(sandbox, tmp_path)
    _forbid(stage)
    with stage.bot("2026-02-21T05:00:00+09:00", pace=10) as bot:
        bot.wait_for(RUNNING)
        until(lambda: stage.states() == ["blocked"] * 3, bot)
        _allow(stage)
        until(lambda: stage.states() == ["sent"] * 3, bot)
        assert bot.terminate() == 0, bot.log
    with stage.bot("2026-02-21T06:00:00+09:00") as again:
        again.wait_for(RUNNING)
        assert again.terminate() == 0, again.log
    assert [message for *_, message in stage.runs()] == [message.id for message in stage.messages()]


@pytest.mark.parametrize("mark", [pytest.param(2, marks=pytest.mark.slow), 3, pytest.param(4, marks=pytest.mark.slow)])
def test_killed_while_it_posts_what_was_refused_before_its_start_it_posts_none_twice(
    tmp_path: Path, sandbox: SandboxThread, mark: int
) -> None:
    stage = Stage(sandbox, tmp_path)
    _forbid(stage)
    with stage.bot("2026-02-20T05:00:00+09:00") as bot:
        bot.wait_for(RUNNING)
        until(lambda: stage.states() == ["blocked"] * 2, bot)
        assert bot.terminate() == 0, bot.log
    _allow(stage)
    back_at = "2026-02-20T06:00:00+09:00"
    with stage.bot(back_at, kill_at=f"marking:{mark}") as bot:
        assert bot.wait() == -signal.SIGKILL, bot.log
    sandbox.call(stage.world.nonces.clear)  # Discord remembers a nonce for some minutes only
    with stage.bot("2026-02-20T07:00:00+09:00") as again:
        again.wait_for(RUNNING)
        until(lambda: stage.states() == ["sent"] * 2, again)
        assert again.terminate() == 0, again.log
    assert [message for *_, message in stage.runs()] == [message.id for message in stage.messages()]


def test_a_report_of_a_server_that_the_bot_was_removed_from_waits_and_says_so(
    tmp_path: Path, sandbox: SandboxThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, faults = Stage(sandbox, tmp_path), sandbox.sandbox.faults
    where = f"/channels/{stage.channel.id}/messages"
    trouble = sandbox.call(lambda: faults.fail_rest(503, where, method="POST", times=None))
    with stage.bot(AFTER) as bot:
        bot.wait_for(RUNNING)
        until(lambda: stage.states() == ["failed"], bot)
        bot.kill()
    assert trouble.hits > 0
    sandbox.call(faults.clear)
    sandbox.call(stage.world.remove_guild, stage.town.guild)
    with stage.bot("2026-02-21T05:00:00+09:00", pace=60) as again:
        again.wait_for(RUNNING)
        until(lambda: "does not see the server" in str(stage.doctor(monkeypatch, AFTER)), again)
        assert again.terminate() == 0, again.log
    assert stage.states() == ["failed"], "nothing more is owed where nobody is"
    told = stage.doctor(monkeypatch, AFTER)
    assert any("is not seen since" in line for line in told)
    assert stage.messages() == []
