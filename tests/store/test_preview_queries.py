"""Whom a preview is about, from the tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from store.engine import Database
from store.preview_queries import read_footing, read_people
from tests.store.living import Writer
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_queries import plans
from tracker.events.member import MemberJoined, MemberLeft, MemberOptedOut, MemberRolesChanged
from tracker.events.rule import ExpAdjusted, SeasonStarted
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import Ms, RoleId, UserId
from tracker.reports.preview import Footing

DAY = 86_400_000
ANN, BEN, NEW, GONE, SHY, BOT = (UserId(n) for n in (1, 2, 3, 4, 5, 9))
NOW = Ms(START + 3 * DAY)


def rules(basis: str, days: int = 30) -> GuildSettings:
    return parse_settings({"tiers": {"basis": basis, "rolling_days": days}})


def gives(user: int, amount: int, day: int) -> Any:
    return fact(ExpAdjusted(amount=amount, reason="", by=None), user=user, channel=None, at=day * DAY)


@pytest.fixture
def told(database: Database) -> Database:
    """Ann, Ben, one who is new, one who opted out; somebody who left, and a bot. The season began on the second day."""
    writer = Writer(database)
    writer.write([fact(MemberJoined(name=str(u), bot=u == BOT), user=u) for u in (ANN, BEN, NEW, GONE, SHY, BOT)])
    writer.write([fact(MemberRolesChanged(role_ids=(RoleId(7), RoleId(8))), user=ANN)])
    writer.write([gives(ANN, 1, 0), gives(BEN, 2, 0), gives(GONE, 50, 0), gives(BOT, 60, 0), gives(SHY, 4, 0)])
    writer.write([fact(SeasonStarted(name="one"), user=None, channel=None, at=DAY)])
    writer.write([gives(ANN, 10, 1), gives(BEN, -20, 2), gives(ANN, 100, 3)])
    writer.write([fact(MemberLeft(), user=GONE, at=3 * DAY), fact(MemberOptedOut(), user=SHY, at=3 * DAY)])
    writer.flush(NOW)
    return database


@pytest.mark.parametrize(
    ("basis", "days", "ann", "ben", "shy"),
    [
        ("lifetime", 30, 111, -18, 4),
        ("season", 30, 110, -20, 0),
        ("rolling", 30, 11, -18, 4),
        ("rolling", 2, 10, -20, 0),
        ("rolling", 1, 0, -20, 0),
    ],
)
def test_all_present_members_but_bots_are_counted_by_the_basis(
    told: Database, basis: str, days: int, ann: int, ben: int, shy: int
) -> None:
    found = Counter(read_people(told, GUILD, rules(basis, days), now=NOW))
    assert found == Counter([(111, ann, "7,8"), (-18, ben, ""), (0, 0, ""), (4, shy, "")])
    own = read_footing(told, GUILD, ANN, rules(basis, days), now=NOW)
    assert own == Footing(exp=111, basis_exp=ann, own_nicks=(), original_nick=None)


def test_another_guild_and_somebody_unknown_have_nothing(told: Database) -> None:
    assert read_people(told, OTHER_GUILD, rules("season"), now=NOW) == []
    nothing = Footing(exp=0, basis_exp=0, own_nicks=(), original_nick=None)
    assert read_footing(told, GUILD, UserId(404), rules("rolling"), now=NOW) == nothing


def test_a_nickname_of_our_making_hides_the_original_one(told: Database) -> None:
    row = (
        "INSERT INTO member_sync (partition, guild_id, user_id, level, tier_roles, revision, state, next_attempt_at, "
        f"managed, set_nick, original_nick) VALUES ({{}}, {GUILD}, {{}}, 1, '', 1, 'sent', 0, {{}}, 'x', 'Annie')"
    )
    partition = (GUILD >> 22) % told.partitions
    with told.write() as connection:
        for user, managed in ((ANN, 1), (BEN, 0)):
            connection.exec_driver_sql(row.format(partition, user, managed))
    found = [read_footing(told, GUILD, user, rules("lifetime"), now=NOW) for user in (ANN, BEN)]
    assert [(one.own_nicks, one.original_nick) for one in found] == [(("x",), "Annie"), ((), None)]


@pytest.mark.parametrize("basis", ["lifetime", "season", "rolling"])
def test_the_days_are_read_by_their_key(told: Database, basis: str) -> None:
    def ask() -> None:
        read_people(told, GUILD, rules(basis), now=NOW)
        read_footing(told, GUILD, ANN, rules(basis), now=NOW)

    lines = plans(told, ask)
    scanned = [line for line in lines if line.startswith(("SCAN", "Seq Scan")) and "daily" in line]
    assert lines
    assert scanned == []
