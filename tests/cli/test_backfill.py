"""`tracker backfill` against a sandbox: what it reads, what it names, and what it says when it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import store.backfills
import store.lease
import store.log
import store.rebuild
from store.engine import Database
from tests.cli.support import Result, tracker
from tests.e2e.town import logged_messages
from tests.hasty import hurry
from tracker.clock import SystemClock
from tracker.discord import backfill_alone
from tracker.discord.backfill_reading import Patience
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberOptedOut
from tracker.events.voice import VoiceJoined
from tracker.ids import ChannelId, GuildId, Ms, UserId, mint_event_id
from tracker.sandbox import Channel
from tracker.sandbox.model import Overwrite
from tracker.sandbox.permissions import Permission
from tracker.sandbox.thread import SandboxThread

DAY = 86_400_000


class Village:
    """A server with a channel in which Ana and Ben wrote by turns, an hour apart, until two days ago."""

    def __init__(self, thread: SandboxThread, database: Database) -> None:
        self.thread, self.world, self.database = thread, thread.sandbox.world, database
        self.guild = thread.call(self.world.add_guild, "마을")
        self.text = thread.call(self.world.add_channel, self.guild, "잡담")
        self.ana = thread.call(self.world.add_member, self.guild, "ana")
        self.ben = thread.call(self.world.add_member, self.guild, "ben")
        self.past = thread.call(self._write, self.text, 230)

    def _write(self, where: Channel, count: int) -> list[int]:
        last = self.world.now() - 2 * DAY
        people = (self.ana, self.ben)
        return [
            self.world.write_history(people[n % 2], where, Ms(last - (count - n) * 3_600_000)).id for n in range(count)
        ]

    @property
    def guild_id(self) -> GuildId:
        return GuildId(self.guild.id)

    def backfill(self, *more: object) -> Result:
        return tracker("backfill", "--days", 30, "--database", self.database.name, *more)

    def fact(self, data: Data, *, hours_ago: int, user: int, guild: int | None = None) -> None:
        at = Ms(SystemClock().now() - hours_ago * 3_600_000)
        event = Event(
            id=mint_event_id(at),
            guild_id=GuildId(guild or self.guild.id),
            user_id=UserId(user),
            channel_id=ChannelId(5),
            occurred_at=at,
            data=data,
        )
        store.log.append(self.database, [event], recorded_at=at)

    def logged(self) -> list[int]:
        return sorted(logged_messages(self.database))


@pytest.fixture
def village(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Village]:
    hurry(monkeypatch, backoff_window_s=0.0)
    with SandboxThread() as thread:
        monkeypatch.setenv("DISCORD_TOKEN", thread.sandbox.token)
        monkeypatch.setenv("TRACKER_REST_URL", thread.sandbox.rest_url)
        yield Village(thread, sqlite)


def test_the_servers_of_the_bot_are_read_counted_anew_and_the_same_again_adds_nothing(village: Village) -> None:
    other = village.thread.call(village.world.add_guild, "이웃")
    theirs = village.thread.call(village.world.add_channel, other, "chat")
    more = village.thread.call(village._write, theirs, 3)
    done = village.backfill()
    assert (done.code, done.err) == (0, "")
    assert done.out == "233 messages read: 233 new, 0 already there or not counted; 2 servers counted anew\n"
    assert village.logged() == sorted([*village.past, *more])
    assert store.rebuild.verify(village.database) == []
    again = village.backfill("--guild", village.guild.id)
    assert again.out == "230 messages read: 0 new, 230 already there or not counted; 0 servers counted anew\n"
    assert store.rebuild.marked(village.database) == set()


def test_channels_that_may_not_be_read_are_named(village: Village) -> None:
    deny = Overwrite(id=village.guild.id, deny=int(Permission.VIEW_CHANNEL))
    staff = village.thread.call(village.world.add_channel, village.guild, "운영", overwrites=[deny])
    done = village.backfill("--guild", village.guild.id)
    assert done.code == 0
    assert done.err == (f"not readable: #운영 ({staff.id}): allow View Channel and Read Message History there\n")


def test_only_the_days_and_the_channel_that_are_wanted_are_read(village: Village) -> None:
    quiet = village.thread.call(village.world.add_channel, village.guild, "조용")
    done = village.backfill("--guild", village.guild.id, "--channel", quiet.id)
    assert done.out.startswith("0 messages read")
    done = tracker("backfill", "--days", 3, "--database", village.database.name)
    assert done.out.startswith("23 messages read: 23 new") or done.out.startswith("24 messages read: 24 new")


def test_who_does_not_want_to_be_counted_is_not_for_the_past_either(village: Village) -> None:
    village.fact(MemberOptedOut(), hours_ago=1, user=village.ana.id)
    done = village.backfill()
    assert done.out.startswith("230 messages read: 115 new, 115 already there or not counted")
    assert village.logged() == sorted(village.past[1::2])


def test_what_was_cut_off_is_gone_on_with_and_not_read_twice(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = Patience(tries=2, first_s=0.01)
    monkeypatch.setattr(backfill_alone, "Patience", lambda **_: hasty)
    monkeypatch.setattr("hikari.impl.rate_limits.ExponentialBackOff.__next__", lambda self: 0.01)
    faults = village.thread.sandbox.faults
    village.thread.call(faults.fail_rest, 500, "/messages$", method="GET", times=None)
    first = village.backfill()
    assert first.code == 1
    assert first.err == (
        "tracker: Discord does not answer any more (HTTP 500); what was read is kept, and the same command goes on "
        "from there: run it again later\n"
    )
    wanted = store.backfills.latest(village.database, village.guild_id)
    assert wanted is not None
    assert wanted.state == "reading"
    village.thread.call(faults.clear)
    done = village.backfill()
    assert done.out.startswith("230 messages read: 230 new, 0 already there")
    assert village.logged() == sorted(village.past)
    over = store.backfills.find(village.database, village.guild_id, wanted.run)
    assert over is not None
    assert over.state == "done"


def test_beside_a_running_bot_the_wish_is_noted_for_it(village: Village) -> None:
    lease = store.lease.acquire(village.database, now=SystemClock().now())
    nobody = village.backfill()
    assert (nobody.code, nobody.out) == (2, "")
    assert "is being written to by process" in nobody.err
    done = village.backfill("--guild", village.guild.id, "--channel", village.text.id)
    assert (done.code, done.out) == (0, f"server {village.guild.id}: the wish is noted\n")
    assert "/backfill status shows how far it is" in done.err
    again = village.backfill("--guild", village.guild.id)
    assert again.out == f"server {village.guild.id}: the wish has to wait: messages are being read there already\n"
    (noted,) = store.backfills.unfinished(village.database)
    assert (noted.channel_id, noted.asked_by, noted.until - noted.since) == (village.text.id, None, 30 * DAY)
    store.lease.release(village.database, lease)
    assert village.logged() == []


def test_messages_since_people_were_left_in_voice_are_left_to_the_bot(village: Village) -> None:
    village.fact(VoiceJoined(), hours_ago=72, user=village.ben.id)
    done = village.backfill()
    assert "people were in voice when the bot was stopped" in done.err
    assert "(/backfill)" in done.err
    logged = village.logged()
    assert 0 < len(logged) < len(village.past)
    assert logged == sorted(village.past)[: len(logged)]
    assert store.rebuild.verify(village.database) == []


def test_time_that_nobody_watched_is_credited_in_no_other_server(village: Village) -> None:
    village.fact(VoiceJoined(), hours_ago=72, user=5, guild=7 << 22)
    village.backfill("--guild", village.guild.id)
    assert village.logged() == sorted(village.past)
    with village.database.read() as connection:
        assert connection.exec_driver_sql("SELECT SUM(voice_ms) FROM sessions").scalar_one() == 0
    assert store.rebuild.verify(village.database) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--channel", 5), "--channel needs --guild"),
        (("--guild", "x"), "--guild: 'x' is not an id"),
        (("--guild", 5, "--channel", "#chat"), "--channel: '#chat' is not an id"),
    ],
)
def test_what_is_asked_wrongly_is_refused(village: Village, arguments: tuple[object, ...], said: str) -> None:
    done = village.backfill(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_server_that_the_bot_is_not_in_is_named(village: Village) -> None:
    done = village.backfill("--guild", 5)
    assert done.code == 1
    assert "server 5: the bot is not in the server any more, or may not see it" in done.err
    assert done.out.startswith("0 messages read")


def test_without_a_token_or_with_a_wrong_one_it_says_what_to_do(
    village: Village, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", village.thread.sandbox.token[:-1] + "x")
    wrong = village.backfill()
    assert (wrong.code, "Reset Token" in wrong.err) == (2, True)
    monkeypatch.delenv("DISCORD_TOKEN")
    assert village.backfill().code == 2
    assert store.backfills.unfinished(village.database) == []
