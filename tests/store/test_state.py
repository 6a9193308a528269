"""The flush: all of it or nothing, once, in few statements; and what a restart makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from store import deliveries, lease, log, rebuild, state
from store.deliveries import NewDelivery
from store.engine import Database
from store.state import FlushBatch
from tests.store.living import Writer, tables
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START, fact, statements
from tracker.errors import LeaseLostError
from tracker.events.channel import ChannelDescribed
from tracker.events.message import MessageDeleted, MessageSent
from tracker.events.rule import SeasonStarted, SettingsChanged
from tracker.events.settings import parse_settings
from tracker.events.voice import VoiceLeft
from tracker.ids import MessageId, Ms, UserId
from tracker.projections.rows import TABLES

MINUTE = 60_000


class PowerCutError(Exception):
    """The process stops here."""


@contextmanager
def power_cut_before(db: Database, statement: int) -> Iterator[None]:
    """Nothing from the given statement on (counted from 0) reaches the database."""
    seen = 0

    def count(_c: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        nonlocal seen
        if not text.startswith("BEGIN"):
            seen += 1
            if seen > statement:
                raise PowerCutError

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", count)


def minute_of_voice(db: Database) -> tuple[Writer, list[FlushBatch]]:
    """A flush in the making: two guilds, members coming and going."""
    writer = Writer(db)
    writer.write([fact(user=n) for n in range(1, 6)] + [fact(user=n, guild=OTHER_GUILD) for n in range(1, 4)])
    writer.flush(START + MINUTE)
    writer.write([fact(VoiceLeft(), user=2, at=90_000), fact(VoiceLeft(), user=3, guild=OTHER_GUILD, at=91_000)])
    return writer, writer.batches(START + 2 * MINUTE)


def crashes(db: Database) -> int:
    """Cuts the power before each statement of a flush in turn; returns how often the tables were wrong afterwards."""
    wrong = 0
    for statement in range(20):
        writer, batches = Writer(db), list[FlushBatch]()
        writer.write([fact(user=1 + statement, at=statement * MINUTE)])
        batches = writer.batches(START + (statement + 1) * MINUTE)
        try:
            with power_cut_before(db, statement):
                state.flush(db, batches)
        except PowerCutError:
            restarted = Writer(db)
            restarted.flush(restarted.states[batches[0].partition].as_of + 1)
            wrong += bool(rebuild.verify(db))
        else:
            assert statement >= 1
            break
    return wrong


def test_a_flush_that_is_cut_short_anywhere_leaves_nothing_half_done(database: Database) -> None:
    assert crashes(database) == 0


def test_the_planted_bug_is_found_with_the_checkpoint_outside_the_transaction_deltas_are_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def checkpoint_first(db: Database, batches: list[FlushBatch], epochs: Any, *_more: object) -> bool:
        with db.write() as connection:
            state.move_checkpoints(connection, [(b.partition, b.position, b.as_of) for b in batches], epochs)
        with db.write() as connection:
            state.write_changes(connection, {b.partition: b.changes for b in batches})
        return True

    monkeypatch.setattr(state, "_flushed", checkpoint_first)
    assert crashes(database) > 0


def test_a_flush_whose_answer_was_lost_is_not_written_twice(database: Database) -> None:
    _, batches = minute_of_voice(database)
    assert state.flush(database, batches)
    before = tables(database)
    assert not state.flush(database, batches)
    assert tables(database) == before
    assert rebuild.verify(database) == []


def test_partitions_that_were_written_already_are_passed_over(database: Database) -> None:
    _, batches = minute_of_voice(database)
    assert state.flush(database, batches[:1])
    state.flush(database, batches)
    assert rebuild.verify(database) == []
    assert {b.partition: b.position for b in batches}.items() <= {
        p: c.position for p, c in state.checkpoints(database).items()
    }.items()


def test_a_flush_of_everything_is_at_most_six_statements(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(user=n) for n in range(1, 201)])
    writer.flush(START + MINUTE)
    writer.write(
        [fact(VoiceLeft(), user=7, at=MINUTE + 1), fact(MessageSent(), user=8, at=MINUTE + 2, event_id="message:9")]
    )
    batches = writer.batches(START + 2 * MINUTE)
    with statements(database) as seen:
        state.flush(database, batches)
    assert len(seen) <= 6, seen


def test_a_tick_of_many_open_sessions_across_midnight_is_at_most_six_statements(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(user=n) for n in range(1, 201)])
    writer.flush(START + MINUTE)
    batches = writer.batches(START + 86_400_000)
    with statements(database) as seen:
        state.flush(database, batches)
    assert len(seen) <= 6, seen


def test_who_lost_the_lease_can_neither_append_nor_flush(database: Database) -> None:
    held = lease.acquire(database, now=START)
    writer = Writer(database, held)
    writer.write([fact()])
    batches = writer.batches(START + MINUTE)
    lease.acquire(database, now=Ms(START + lease.STALE_MS + 1))
    before = tables(database)
    with pytest.raises(LeaseLostError):
        state.flush(database, batches, held)
    with pytest.raises(LeaseLostError):
        log.append(database, [fact()], recorded_at=START, lease=held)
    with pytest.raises(LeaseLostError):
        log.append(
            database,
            [fact(), *[r.event for r in log.read(database, batches[0].partition)]],
            recorded_at=START,
            lease=held,
        )
    assert tables(database) == before
    assert log.check_contiguity(database) == sum(b.position for b in batches)


def test_posts_are_owed_with_the_flush_that_caused_them_or_not_at_all(database: Database) -> None:
    _, batches = minute_of_voice(database)
    post = NewDelivery(key="k", guild_id=GUILD, channel_id=CHANNEL, kind="report", payload="{}", at=START)
    for statement in (0, 1):
        with pytest.raises(PowerCutError), power_cut_before(database, statement):
            state.flush(database, batches, owed=[post])
        assert deliveries.find(database, GUILD, "k") is None
    state.flush(database, batches, owed=[post])
    assert deliveries.find(database, GUILD, "k") is not None


def test_a_restart_goes_on_with_the_open_sessions_carries_and_cooldowns(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(user=1), fact(MessageSent(), user=1, at=1_000, event_id="message:5")])
    writer.flush(START + MINUTE)
    restarted = Writer(database)
    (guild,) = (g for s in restarted.states.values() for g in s.guilds.values())
    assert guild.voice.open[1].carry == MINUTE
    restarted.write([fact(MessageSent(), user=1, at=30_000 + MINUTE, event_id="message:6")])
    restarted.write([fact(VoiceLeft(), user=1, at=2 * MINUTE)])
    restarted.flush(START + 3 * MINUTE)
    assert rebuild.verify(database) == []


def test_a_session_of_many_days_is_loaded_with_its_days(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(user=1), fact(user=2), fact(VoiceLeft(), user=2, at=5)])
    for day in range(1, 4):
        writer.flush(START + day * 86_400_000)
    loaded, _ = state.load(database, log.partition_for(fact(), database.partitions))
    assert len(loaded.guilds[GUILD].voice.open[1].days) == 4
    assert list(loaded.guilds[GUILD].voice.open) == [1]


def test_a_restart_goes_on_with_the_season_its_revocable_awards_and_the_time_that_earns_nothing(
    database: Database,
) -> None:
    writer = Writer(database)
    writer.write(
        [
            fact(SettingsChanged(settings={"messages": {"revoke_s": 600}}), user=None, channel=None),
            fact(ChannelDescribed(name="대기실"), user=None, channel=901),
            fact(user=1, channel=901),
            fact(SeasonStarted(name="spring"), user=None, channel=None, at=1_000),
            fact(MessageSent(), user=1, at=2_000, event_id="message:5"),
            fact(MessageSent(), user=2, at=2_000, event_id="message:6"),
        ]
    )
    writer.flush(START + MINUTE)
    writer = Writer(database)
    writer.write(
        [
            fact(SeasonStarted(name="summer"), user=None, channel=None, at=MINUTE + 1_000),
            fact(MessageDeleted(message_id=MessageId(5)), user=None, at=MINUTE + 2_000),
            fact(MessageSent(), user=1, at=MINUTE + 3_000, event_id="message:7"),
        ]
    )
    Writer(database).flush(START + 2 * MINUTE)  # killed before it could flush
    found = tables(database)
    assert [row[1:] for row in found["season_totals"]] == [
        (START + 1_000, 1, 0), (START + 1_000, 2, 1), (START + MINUTE + 1_000, 1, 1),
    ]  # fmt: skip
    reasons = {row[3]: dict(zip(TABLES["unearned"].add, row[4:], strict=True)) for row in found["unearned"]}
    assert {channel: {k: v for k, v in kept.items() if v} for channel, kept in reasons.items()} == {
        CHANNEL: {"revoked_messages": 1},
        901: {"ignored_ms": 2 * MINUTE},
    }
    assert rebuild.verify(database) == []


def test_the_settings_in_force_and_those_of_the_past_survive_a_restart(database: Database) -> None:
    writer = Writer(database)
    document = {"timezone": "Asia/Seoul", "messages": {"exp_max": 7}}
    changes = [fact(SettingsChanged(settings={}, by=UserId(5)), user=None, channel=None, at=-1)]
    changes.append(fact(SettingsChanged(settings=document), user=None, channel=None))
    writer.write(changes)
    writer.flush(START + MINUTE)
    (guild,) = (g for s in Writer(database).states.values() for g in s.guilds.values())
    assert guild.voice.settings == parse_settings(document)
    assert [(at, json.loads(told), by) for _, at, told, by in tables(database)["rules"]] == [
        (START - 1, {}, 5),
        (START, document, None),
    ]
