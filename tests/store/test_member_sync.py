"""What is due, guild by guild; and that no step of setting a nickname forgets which ones are ours."""

from __future__ import annotations

from store import member_sync
from store.engine import Database
from tracker.events.level_rules import LinearCurve
from tracker.ids import GuildId, Ms, UserId

A, B = GuildId(10 << 22), GuildId(11 << 22)
NOW = Ms(1_771_400_000_000)
CURVE = LinearCurve(exp_per_level=100)


def owe(database: Database, guild: GuildId, *users: int, at: int = 0) -> None:
    member_sync.make_pending(database, guild, [UserId(user) for user in users], CURVE, now=Ms(NOW + at))


def due(database: Database, guild: GuildId, at: int = 0) -> list[int]:
    return [sync.user_id for sync in member_sync.due(database, Ms(NOW + at), guild=guild)]


def ana(database: Database) -> member_sync.MemberSync:
    return member_sync.desired(database, A)[UserId(1)]


def test_a_guild_with_many_due_does_not_hide_the_others(database: Database) -> None:
    owe(database, A, *range(1, 60), at=1)
    owe(database, B, 7)
    assert list(member_sync.owed_guilds(database).items()) == [(B, NOW), (A, NOW + 1)]
    assert due(database, B) == [7]
    assert len(member_sync.due(database, Ms(NOW + 1), guild=A, limit=20)) == 20


def test_a_nickname_that_was_meant_and_found_there_is_remembered_when_the_next_is_meant(database: Database) -> None:
    owe(database, A, 1)
    member_sync.mark_meant(database, ana(database), nick="one", original="Ana")
    member_sync.mark_meant(database, ana(database), nick="two", original="Ana", there="one")
    found = ana(database)
    assert (found.managed, found.set_nick, found.meant_nick, found.original_nick) == (True, "one", "two", "Ana")


def test_a_block_before_anybody_looked_forgets_nothing(database: Database) -> None:
    owe(database, A, 1)
    member_sync.mark_meant(database, ana(database), nick="one", original="Ana")
    member_sync.mark_blocked(database, ana(database), "too high", managed=True, set_nick=None)
    found = ana(database)
    assert (found.state, found.managed, found.meant_nick, found.original_nick) == ("blocked", True, "one", "Ana")
    member_sync.mark_blocked(database, found, "too high", managed=True, set_nick="one")
    assert (ana(database).set_nick, ana(database).meant_nick) == ("one", None)
