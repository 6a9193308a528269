"""Readings of message history are noted so that they can be gone on with, and nothing of them is there twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from store import backfills, log, personal, rebuild
from store.backfills import Backfill, Place
from store.engine import Database
from tests.store.archives import archive_until
from tests.store.living import Writer
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tracker.errors import DatabaseError
from tracker.events.envelope import Event
from tracker.events.member import MemberForgotten, MemberOptedIn, MemberOptedOut
from tracker.events.message import MessageSent
from tracker.ids import ChannelId, GuildId, MessageId, Ms, UserId

MINUTE = 60_000
FAR = MessageId(1 << 60)


def wish(guild: GuildId = GUILD, *, run: int = START, days: int = 30) -> Backfill:
    return Backfill(guild_id=guild, run=Ms(run), since=Ms(run - days * 86_400_000), until=Ms(run))


def place(channel: int = 900, parent: int | None = None) -> Place:
    above = None if parent is None else ChannelId(parent)
    return Place(channel_id=ChannelId(channel), name=f"channel {channel}", before=FAR, parent_id=above)


def written(*numbers: int, user: int = 20) -> list[Event]:
    return [fact(MessageSent(), at=n - MINUTE, user=user, event_id=f"message:{n}") for n in numbers]


def append(db: Database, of: Place, events: list[Event], *, before: int = 5, over: bool = False) -> int:
    page = {"messages": len(events) + 1, "before": MessageId(before), "over": over, "recorded_at": START}
    return backfills.append_page(db, wish(), of, events, lease=None, **page)  # type: ignore[arg-type]


def test_a_wish_is_noted_and_one_that_is_not_finished_is_given_instead_of_another(database: Database) -> None:
    assert backfills.latest(database, GUILD) is None
    first = backfills.ask(database, wish())
    assert first == wish()
    assert backfills.ask(database, wish(run=START + 1)) == first
    other = backfills.ask(database, wish(OTHER_GUILD))
    assert backfills.unfinished(database) == [first, other]
    assert backfills.end(database, first, "done", now=Ms(START + 5))
    assert not backfills.end(database, first, "cancelled", now=Ms(START + 6))
    over = backfills.find(database, GUILD, first.run)
    assert over is not None
    assert (over.state, over.ended_at) == ("done", START + 5)
    assert backfills.unfinished(database) == [other]
    again = backfills.ask(database, wish())  # within the same millisecond
    assert again.run == START + 1
    assert backfills.latest(database, GUILD) == again


def test_its_places_are_noted_once_and_those_that_may_not_be_read_are_named(database: Database) -> None:
    asked = backfills.ask(database, wish())
    hidden = Place(channel_id=ChannelId(903), name="staff", before=FAR, state="refused")
    backfills.begin(database, asked, [place(901), place(902, 901), hidden])
    backfills.begin(database, asked, [place(904)])
    assert backfills.places(database, asked) == [place(901), place(902, 901)]
    found = backfills.progress(database, asked)
    assert (found.places, found.over, found.messages, found.added) == (2, 0, 0, 0)
    assert found.refused == (hidden,)
    again = backfills.find(database, GUILD, asked.run)
    assert again is not None
    assert again.state == "reading"


def test_a_page_is_appended_with_its_guild_marked_and_its_cursor_moved(
    database: Database, open_again: Callable[[], Database]
) -> None:
    asked = backfills.ask(database, wish())
    backfills.begin(database, asked, [place(901), place(902)])
    assert append(database, place(901), written(7, 8), before=7) == 2
    assert rebuild.marked(database) == {GUILD}
    (left, _) = backfills.places(open_again(), asked)
    assert (left.before, left.messages, left.added) == (7, 3, 2)
    assert append(database, place(901), written(5), before=5, over=True) == 1
    assert [p.channel_id for p in backfills.places(database, asked)] == [902]
    backfills.leave_out(database, asked, place(902), "gone")
    found = backfills.progress(database, asked)
    assert (found.places, found.over, found.messages, found.added) == (2, 2, 5, 3)
    assert found.refused == ()


def test_a_page_that_was_there_already_adds_nothing_and_marks_nobody(database: Database) -> None:
    backfills.begin(database, backfills.ask(database, wish()), [place()])
    log.append(database, written(7, 8), recorded_at=START)
    assert append(database, place(), written(7, 8)) == 0
    assert rebuild.marked(database) == set()
    assert append(database, place(), written(7, 8, 9)) == 1
    assert rebuild.marked(database) == {GUILD}
    assert sum(log.head(database).values()) == 3


def test_what_is_newer_than_everything_else_marks_its_guild_too(database: Database) -> None:
    """Beside a running bot the fold passes it over, however new it is."""
    Writer(database).write([fact(at=-MINUTE)])
    backfills.begin(database, backfills.ask(database, wish()), [place()])
    append(database, place(), [fact(MessageSent(), at=MINUTE, event_id="message:7")])
    assert rebuild.marked(database) == {GUILD}


def test_when_members_did_not_want_to_be_counted_comes_out_of_the_log(database: Database) -> None:
    writer = Writer(database)
    out, back = MemberOptedOut(), MemberOptedIn()
    writer.write([fact(out, user=1), fact(out, user=2), fact(out, user=1, at=1), fact(back, user=3, at=1)])
    writer.write([fact(back, user=1, at=5), fact(out, user=1, at=9), fact(out, user=4, guild=OTHER_GUILD)])
    writer.write([fact(MemberForgotten(), user=2, channel=None, at=9), fact(out, user=2, at=9)])
    writer.flush(START + MINUTE)
    found = backfills.opt_outs(database, GUILD)
    assert found == {
        UserId(1): [(START, START + 5), (START + 9, None)],
        UserId(2): [(START + 9, None)],
        UserId(3): [],
    }


def test_a_page_that_cannot_be_appended_leaves_its_cursor_where_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseError("the disk is full")

    asked = backfills.ask(database, wish())
    backfills.begin(database, asked, [place()])
    monkeypatch.setattr(backfills, "append_history", away)
    with pytest.raises(DatabaseError):
        append(database, place(), written(7, 8), before=7)
    assert backfills.places(database, asked) == [place()]


def test_who_asked_for_it_is_forgotten_with_everything_else(database: Database) -> None:
    asked = backfills.ask(database, replace(wish(), asked_by=UserId(20)))
    other = backfills.ask(database, replace(wish(OTHER_GUILD), asked_by=UserId(20)))
    personal.erase(database, GUILD, UserId(20), personal.read_traces(database, GUILD, UserId(20)))
    assert backfills.unfinished(database) == [replace(asked, asked_by=None), other]


def test_what_is_archived_counts_for_both(database: Database, tmp_path: Path) -> None:
    """Who opted out long ago is still known to have, and a message that was counted long ago is not counted again."""
    writer = Writer(database)
    writer.write([fact(MemberOptedOut(), user=1), fact(MemberOptedIn(), user=1, at=5), *written(7, 8)])
    writer.flush(START + MINUTE)
    archive_until(database, START + MINUTE, tmp_path / "archive")
    writer.write([fact(MemberOptedOut(), user=1, at=2 * MINUTE)])
    assert backfills.opt_outs(database, GUILD) == {UserId(1): [(START, START + 5), (START + 2 * MINUTE, None)]}
    backfills.begin(database, backfills.ask(database, wish()), [place()])
    assert append(database, place(), written(7, 8)) == 0
    assert rebuild.marked(database) == set()
    assert append(database, place(), written(8, 9)) == 1
