"""An event that is archived is known again, by its id alone; and what is new costs no look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import archive_ids, log, rebuild
from store.engine import Database
from tests.store.archives import archive_all, kept
from tests.store.living import Writer
from tests.store.support import CHANNEL, GUILD, START, fact, statements
from tracker.events.envelope import Event
from tracker.events.interaction import InteractionUsed
from tracker.events.member import MemberForgotten
from tracker.events.message import MessageDeleted, MessageSent
from tracker.ids import DISCORD_EPOCH_MS, MessageId, Ms, mint_event_id, partition_of

OLD = (START - DISCORD_EPOCH_MS) << 22


@pytest.fixture
def writer(database: Database, tmp_path: Path) -> Writer:
    """One event of each kind of id, archived."""
    writer = Writer(database)
    writer.write(old())
    writer.flush(START + 100)
    archive_all(database, tmp_path / "archive")
    return writer


def old() -> list[Event]:
    return [
        fact(event_id=mint_event_id(START), at=1),
        fact(MessageSent(), event_id=f"message:{OLD}", at=2),
        fact(MessageDeleted(message_id=MessageId(OLD)), event_id=f"message-deleted:{OLD}", at=3, user=None),
        fact(InteractionUsed(command="rank", kind="slash"), event_id=f"interaction:{OLD + 1}", at=4),
        fact(event_id="made by hand", at=5),
        fact(event_id="message:not a number", at=6),
    ]


@given(st.integers(0, (1 << 48) - 1))
def test_ids_tell_the_instant_at_which_they_were_made(now: int) -> None:
    assert archive_ids.instant_in(mint_event_id(now)) == now
    assert archive_ids.instant_in(f"tick:3:{now}") == now
    if now >= DISCORD_EPOCH_MS and (now - DISCORD_EPOCH_MS) < 1 << 41:
        assert archive_ids.instant_in(f"message:{(now - DISCORD_EPOCH_MS) << 22 | 77}") == now


@pytest.mark.parametrize(
    "text", ["", "a1", "message:", "message:1x", "message:-1", "mee6:10:20", "tick:x:1", "message:٣"]
)
def test_other_ids_tell_none(text: str) -> None:
    assert archive_ids.instant_in(text) is None


def test_what_is_archived_is_no_new_event_whatever_else_is_said_of_it(writer: Writer) -> None:
    before = kept(writer.db)
    new = fact(at=200)
    events = [r.event for r in before]
    positions = {r.event.id: r.position for r in before}
    again = log.append(writer.db, [*events, new], recorded_at=START)
    assert again.appended == 1
    assert {d.id: d.position for d in again.duplicates} == positions
    moved = [fact(e.data, event_id=e.id, at=999, user=77) for e in events if e.guild_id == GUILD]
    assert log.append(writer.db, moved, recorded_at=START).appended == 0
    assert rebuild.append_history(writer.db, moved, recorded_at=START, newest={}).appended == 0
    assert [r for r in kept(writer.db) if r.event != new] == before


def test_what_is_new_is_let_in_even_if_it_looks_as_old(writer: Writer) -> None:
    near = [
        fact(event_id=mint_event_id(START), at=1),
        fact(MessageSent(), event_id=f"message:{OLD + 1}", at=2),
        fact(event_id="made by foot", at=5),
    ]
    assert log.append(writer.db, near, recorded_at=START).appended == 3
    assert log.append(writer.db, near, recorded_at=START).appended == 0


def test_what_a_running_bot_makes_costs_no_look_into_the_archive(writer: Writer) -> None:
    log.append(writer.db, [fact(event_id=mint_event_id(START + 10_000))], recorded_at=START)
    with statements(writer.db) as seen:
        log.append(writer.db, [fact(event_id=mint_event_id(START + 10_000)) for _ in range(50)], recorded_at=START)
    assert len(seen) == (1 if writer.db.dialect == "postgresql" else 2)


def test_a_duplicate_is_known_beside_a_member_who_is_forgotten(writer: Writer) -> None:
    gone = fact(MemberForgotten(), at=300, event_id=mint_event_id(START + 300), channel=None)
    again = log.append(writer.db, [*old()[1:3], gone], recorded_at=START)
    assert (again.appended, len(again.duplicates)) == (1, 2)


def test_history_that_is_appended_beside_an_archiving_is_looked_up_under_the_log_s_lock(
    database: Database, tmp_path: Path, open_again: Callable[[], Database]
) -> None:
    importer = open_again()
    log.append(importer, [fact(at=-1)], recorded_at=START)
    writer = Writer(database)
    writer.write(old())
    writer.flush(START + 100)
    archive_all(database, tmp_path / "archive")
    assert rebuild.append_history(importer, old()[1:], recorded_at=START, newest={}).appended == 0


def test_every_id_is_found_at_its_position_among_many(database: Database, tmp_path: Path) -> None:
    writer = Writer(database)
    told = [fact(event_id=f"message:{OLD + n}", data=MessageSent(), at=n, channel=CHANNEL) for n in range(3_000)]
    writer.write(told)
    writer.flush(START + 9_000)
    archive_all(database, tmp_path / "archive")
    found = log.append(database, told[::-1], recorded_at=START)
    home = partition_of(GUILD, database.partitions)
    assert [(d.partition, d.position) for d in sorted(found.duplicates, key=lambda d: d.position)] == [
        (home, n) for n in range(1, 3_001)
    ]
    assert Ms(found.appended) == 0
