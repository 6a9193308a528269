"""A command that writes holds the lease, keeps it alive, and gives it back whatever happens."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from store import lease as leases
from store import log
from store.engine import Database
from tests.store.test_leftovers import abandoned, tables
from tracker.cli import holding as module
from tracker.cli.holding import beside_a_bot, holding, is_still_held
from tracker.clock import SystemClock
from tracker.errors import DatabaseError, HeldByAnotherProcessError, LeaseLostError
from tracker.events.envelope import Event
from tracker.events.message import MessageSent, message_sent_id
from tracker.ids import ChannelId, GuildId, Ms, UserId

ELSEWHERE = leases.Process(host="elsewhere", machine="another", pid=4321, start="")


def test_nobody_else_writes_meanwhile_and_anybody_may_afterwards(database: Database) -> None:
    with holding(database), pytest.raises(HeldByAnotherProcessError):
        leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)
    leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)


def test_the_lease_is_given_back_after_an_error(database: Database) -> None:
    with pytest.raises(RuntimeError, match="stop"), holding(database):
        raise RuntimeError("stop")
    leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)


def test_what_a_killed_writer_left_is_gone_before_the_command_begins(database: Database, tmp_path: Path) -> None:
    before, file = tables(database), abandoned(database, tmp_path / "archive")
    with holding(database):
        assert tables(database) == before
        assert not file.exists()


def test_it_goes_on_beating_though_the_database_is_away_for_a_beat(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats, third = [0], threading.Event()

    def beat(*_: object, **__: object) -> None:
        beats[0] += 1
        if beats[0] == 3:
            third.set()
        raise DatabaseError("away")

    monkeypatch.setattr(module, "_BEAT_S", 0.001)
    monkeypatch.setattr(leases, "heartbeat", beat)
    with holding(database):
        assert third.wait(30)


def said(number: int) -> Event:
    return Event(
        id=message_sent_id(number),
        guild_id=GuildId(10),
        user_id=UserId(20),
        channel_id=ChannelId(30),
        occurred_at=Ms(number),
        data=MessageSent(),
    )


def test_where_nobody_writes_one_holds_the_lease_oneself(database: Database) -> None:
    with beside_a_bot(database) as hold:
        assert hold.bot == ""
        with pytest.raises(HeldByAnotherProcessError):
            leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)
    leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)


def test_beside_a_bot_one_may_append_and_leaves_it_its_lease(database: Database) -> None:
    bots = leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)
    with beside_a_bot(database) as hold:
        assert hold.bot == "process 4321 on elsewhere"
        assert hold.lease.epochs == bots.epochs
        log.append(database, [said(1)], recorded_at=Ms(1), lease=hold.lease)
        assert is_still_held(database, hold)
    log.append(database, [said(2)], recorded_at=Ms(1), lease=bots)
    leases.heartbeat(database, bots, now=SystemClock().now())


def test_beside_a_command_nobody_may(database: Database) -> None:
    leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE, command=True)
    with pytest.raises(HeldByAnotherProcessError, match="process 4321 on elsewhere") as refused, beside_a_bot(database):
        raise AssertionError
    assert not refused.value.is_bot
    assert leases.beside(database, now=SystemClock().now()) is None
    with pytest.raises(HeldByAnotherProcessError), holding(database):
        raise AssertionError


def test_being_beside_a_bot_ends_when_somebody_else_takes_over(database: Database) -> None:
    bots = leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)
    with beside_a_bot(database) as hold:
        leases.release(database, bots)
        assert not is_still_held(database, hold)
        log.append(database, [said(1)], recorded_at=Ms(1), lease=hold.lease)  # nobody counts: the next start will
        with holding(database):
            assert not is_still_held(database, hold)
            with pytest.raises(LeaseLostError):
                log.append(database, [said(2)], recorded_at=Ms(1), lease=hold.lease)


def test_a_bot_that_has_been_silent_for_long_is_none(database: Database) -> None:
    leases.acquire(database, now=Ms(SystemClock().now() - 2 * leases.STALE_MS), holder=ELSEWHERE)
    assert leases.beside(database, now=SystemClock().now()) is None
    with beside_a_bot(database) as hold:
        assert hold.bot == ""
