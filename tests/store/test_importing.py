"""What an import knows of a database beforehand, with and without an archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import rebuild
from store.engine import Database
from store.importing import KnownGuild, TakenOver, known_guild, past_of, there
from tests.store.archives import archive_all
from tests.store.support import START
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberForgotten, MemberJoined, MemberOptedOut, MemberRenamed
from tracker.events.rule import ExpAdjusted
from tracker.ids import ChannelId, EventId, GuildId, Ms, UserId

GUILD, OTHER = GuildId(10 << 22), GuildId(11 << 22)
ONE, TWO, BOT = UserId(20), UserId(21), UserId(22)


def event(event_id: str, data: Data, at: int, *, user: UserId | None = None, channel: int | None = None) -> Event:
    return Event(
        id=EventId(event_id),
        guild_id=GUILD,
        user_id=user,
        channel_id=None if channel is None else ChannelId(channel),
        occurred_at=Ms(START + at),
        data=data,
    )


@pytest.fixture(params=[False, True], ids=["table", "archive"])
def filled(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Database:
    """A guild with two members, a bot, a channel and EXP from elsewhere."""
    facts = [
        event("c", ChannelDescribed(name="잡담"), 5, channel=30),
        event("j1", MemberJoined(name="민준"), 6, user=ONE),
        event("j2", MemberOptedOut(), 7, user=TWO),
        event("j3", MemberJoined(name="도우미", bot=True), 8, user=BOT),
        event("from-a:1", ExpAdjusted(amount=100), 1, user=ONE),
        event("from-a:2", ExpAdjusted(amount=-30), 2, user=ONE),
        event("from-a:3", ExpAdjusted(amount=7), 2, user=TWO),
        event("from-b:1", ExpAdjusted(amount=1_000), 3, user=ONE),
        event("from-a:none", MemberRenamed(name="not EXP"), 4, user=TWO),
    ]
    rebuild.append_history(database, facts, recorded_at=START, newest={})
    rebuild.rebuild(database)
    if request.param:
        assert archive_all(database, tmp_path / "archive") == len(facts)
    return database


def test_what_is_known_of_a_guild(filled: Database) -> None:
    found = known_guild(filled, GUILD)
    assert found.names == {ONE: "민준", BOT: "도우미", TWO: "not EXP"}
    assert found.exp[ONE] == 1_070
    assert (found.bots, found.silent, found.channels) == ({BOT}, {TWO}, {30})
    assert known_guild(filled, OTHER) == KnownGuild()


def test_exp_that_was_taken_over_is_summed_by_where_it_came_from(filled: Database) -> None:
    past = past_of(filled, GUILD, "from-a:")
    assert past.oldest == START + 1
    assert past.taken == {ONE: TakenOver(exp=70, steps=2), TWO: TakenOver(exp=7, steps=1)}
    assert past_of(filled, OTHER, "from-a:").oldest is None


def test_what_was_taken_over_for_the_forgotten_is_nobodys(filled: Database) -> None:
    gone = [event("f", MemberForgotten(), 9, user=ONE)]
    rebuild.append_history(filled, gone, recorded_at=START, newest={})
    rebuild.rebuild(filled, guilds=[GUILD])
    assert past_of(filled, GUILD, "from-a:").taken == {TWO: TakenOver(exp=7, steps=1)}
    assert ONE not in known_guild(filled, GUILD).names


def test_which_events_are_there_already(filled: Database) -> None:
    asked = [event(i, ExpAdjusted(amount=1), 0, user=ONE) for i in ("from-a:1", "c", "new")]
    assert there(filled, asked) == {"from-a:1", "c"}
    assert there(filled, []) == set()
