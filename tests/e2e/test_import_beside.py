"""`tracker import` beside the real bot under load: it appends, and the bot counts anew what that changed."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import store.rebuild
from store.engine import open_database
from tests.cli.support import tracker, tracker_process
from tests.e2e.bot import PATIENCE_S, BotProcess
from tests.e2e.town import Town, check, folded, logged_messages
from tests.imports.samples import chat, mee6, message
from tracker.events.envelope import Data, Event
from tracker.events.exchange import to_line
from tracker.events.member import MemberForgotten
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.ticks import tick
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, EventId, Ms, Partition, UserId
from tracker.sandbox.thread import SandboxThread

DAY = 86_400_000
EXP_EACH = 7


@pytest.fixture
def sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as thread:
        yield thread


class Beside:
    """A town, its bot at work, and commands beside it."""

    def __init__(self, sandbox: SandboxThread, url: str, folder: Path) -> None:
        self.town, self.url, self.folder = Town(sandbox, seed=11), url, folder
        self.now = int(sandbox.call(self.town.world.now))
        self.bot = BotProcess(url, token=sandbox.sandbox.token, rest_url=sandbox.sandbox.rest_url)
        self.bot.wait_for("connected: counting")
        self._wait_until_known()

    def _wait_until_known(self) -> None:
        """Until the tables hold everybody and the chat: they are written at a flush, and an import looks there."""
        members, channels = {m.user.id for m in self.town.members}, {self.town.chat.id}
        db = open_database(self.url, create=False)

        def is_known() -> bool:
            with db.read() as connection:
                named = connection.exec_driver_sql("SELECT user_id FROM members WHERE name <> ''").scalars().all()
                described = connection.exec_driver_sql("SELECT channel_id FROM channels").scalars().all()
            return members <= set(named) and channels <= set(described)

        self.stir_until(is_known)
        db.close()

    def stir_until(self, done: Callable[[], bool]) -> None:
        """Let people live until something is so."""
        for _ in range(20 * int(PATIENCE_S)):
            for _ in range(10):
                self.town.stir()
            if done():
                return
            time.sleep(0.05)
        raise AssertionError("\n".join(self.bot.log))

    def imported(self, *arguments: object) -> tuple[int, str, str]:
        """Run the real command while people go on; gives its exit code, and what it printed."""
        process = tracker_process("import", *arguments, "--database", self.url)
        self.stir_until(lambda: process.poll() is not None)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    def file(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def fact(self, data: Data, ago: int, number: int, user: int | None = None, channel: int | None = None) -> str:
        """A line of our own format, of so many ms ago."""
        at = Ms(self.now - ago)
        event_id = EventId(f"past-{number}")
        if isinstance(data, MessageSent):
            event_id = message_sent_id((at - DISCORD_EPOCH_MS << 22) + number)
        return to_line(
            Event(
                id=event_id,
                guild_id=self.town.guild_id,
                user_id=None if user is None else UserId(user),
                channel_id=None if channel is None else ChannelId(channel),
                occurred_at=at,
                data=data,
            )
        )

    def wait_until_counted(self) -> None:
        """Until the bot has counted anew all that is marked, while people go on."""
        db = open_database(self.url, create=False)
        self.stir_until(lambda: not store.rebuild.marked(db))
        db.close()

    def stop(self) -> None:
        """Stop the bot; then everything must be right: what it had written itself is what the log says."""
        assert self.bot.terminate() == 0, self.bot.log
        db = open_database(self.url, create=False)
        check(db)
        db.close()

    def names(self) -> dict[int, str]:
        """What the tables call each member who was there when the bot came."""
        db = open_database(self.url, create=False)
        with db.read() as connection:
            named = connection.exec_driver_sql("SELECT user_id, name FROM members").all()
        db.close()
        ours = {m.user.id for m in self.town.members}
        return {int(user): str(name) for user, name in named if user in ours}

    def exp(self) -> dict[int, int]:
        db = open_database(self.url, create=False)
        with db.read() as connection:
            adjusted = connection.exec_driver_sql("SELECT user_id, SUM(exp_adjusted) FROM daily GROUP BY user_id").all()
        db.close()
        return {int(user): int(exp) for user, exp in adjusted if exp}


@pytest.fixture
def beside(sandbox: SandboxThread, database_url: str, tmp_path: Path) -> Iterator[Beside]:
    found = Beside(sandbox, database_url, tmp_path)
    with found.bot:
        yield found


def test_messages_and_totals_come_in_while_the_bot_counts(beside: Beside) -> None:
    town = beside.town
    told = [message(m.user.id, beside.now - 20 * DAY + n * 60_000, number=n) for n, m in enumerate(town.members * 50)]
    stranger = message(77, beside.now - 20 * DAY, number=9_999, nickname="누구")
    exported = chat([*told, stranger], guild=town.guild_id, id=str(town.chat.id))
    code, out, err = beside.imported(
        "--format", "discord-chat-exporter", beside.file("chat.json", json.dumps(exported))
    )
    assert (code, out) == (0, "602 new, 0 already there, 0 passed over, 0 refused, 1 guild to be counted anew\n"), err
    bot = f"process {beside.bot.process.pid} on {socket.gethostname()}"
    assert err == f"the running bot ({bot}) will count 1 guild anew within a minute\n"
    totals = mee6(dict.fromkeys((m.user.id for m in town.members), EXP_EACH), guild=town.guild_id)
    code, out, err = beside.imported("--format", "mee6", "--yes", beside.file("mee6.json", json.dumps(totals)))
    assert code == 0, err
    beside.wait_until_counted()
    code, out, _ = beside.imported("--format", "discord-chat-exporter", beside.folder / "chat.json")
    assert out.startswith("0 new, 601 already there")
    beside.stop()
    assert beside.exp() == {m.user.id: EXP_EACH for m in town.members}
    assert beside.names() == {m.user.id: m.display_name for m in town.members}
    db = open_database(beside.url, create=False)
    assert {int(m["id"]) for m in told} <= set(logged_messages(db))
    db.close()


def test_our_own_history_with_old_rules_and_sessions_comes_in_while_the_bot_counts(beside: Beside) -> None:
    """Settings and seasons of the past are facts like others; ticks are the bot's."""
    town = beside.town
    first, second = (m.user.id for m in town.members[:2])
    room, text = town.rooms[0].id, town.chat.id
    fast: dict[str, Any] = {"voice": {"default": {"every_s": 60, "exp": 5}}, "messages": {"exp_min": 3, "exp_max": 3}}
    lines = [
        beside.fact(SettingsChanged(settings=fast), 9 * DAY, 1),
        beside.fact(VoiceJoined(), 8 * DAY, 2, first, room),
        beside.fact(VoiceLeft(), 8 * DAY - 3_600_000, 3, first, room),
        to_line(tick(Partition(0), Ms(beside.now - 7 * DAY))),
        beside.fact(SeasonStarted(name="봄"), 7 * DAY, 4),
        beside.fact(MessageSent(), 6 * DAY, 5, second, text),
        beside.fact(SettingsChanged(settings={"messages": {"exp_min": 2, "exp_max": 2}}), 5 * DAY, 6),
        beside.fact(MessageSent(), 5 * DAY, 7, second, text),
        beside.fact(ExpAdjusted(amount=EXP_EACH), 5 * DAY, 8, second),
        beside.fact(VoiceJoined(), 4 * DAY, 9, second, room),  # and never left: the bot sees where they are
    ]
    code, out, err = beside.imported(beside.file("past.jsonl", "\n".join(lines)))
    assert (code, out) == (0, "9 new, 0 already there, 0 refused, 1 guild to be counted anew\n"), err
    assert err.startswith("1 of our ticks were passed over: the running bot keeps the time\n")
    beside.wait_until_counted()
    beside.stop()
    db = open_database(beside.url, create=False)
    with db.read() as connection:
        exp = connection.exec_driver_sql(f"SELECT SUM(exp_voice) FROM daily WHERE user_id = {first}").scalar()
        season = connection.exec_driver_sql("SELECT season_name FROM guilds").scalar()
    assert (int(exp or 0) >= 300, season) == (True, "봄")
    assert set(_open(beside).items()) == set(town.in_voice().items())
    db.close()


def test_what_a_running_bot_could_not_make_good_is_refused_as_a_whole(beside: Beside) -> None:
    user = beside.town.members[0].user.id
    past = beside.fact(MessageSent(), DAY, 1, user, beside.town.chat.id)
    for line, name in (
        (beside.fact(MemberForgotten(), DAY, 2, user), "line 2: member.forgotten"),
        (beside.fact(MessageSent(), -DAY, 3, user, beside.town.chat.id), "an event that is still to come"),
    ):
        result = tracker("import", beside.file("no.jsonl", f"{past}\n{line}"), "--database", beside.url)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"tracker: {name} cannot be imported while the bot is running (process ")
        assert result.err.endswith("stop it first; nothing was imported\n")
    beside.stop()


def _open(beside: Beside) -> dict[int, int]:
    db = open_database(beside.url, create=False)
    sessions = folded(db, beside.town.guild_id).guild(beside.town.guild_id).voice.open
    db.close()
    return {user: session.channel.id for user, session in sessions.items()}
