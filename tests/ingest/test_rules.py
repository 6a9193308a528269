"""Rules changed while the bot runs."""

from __future__ import annotations

import pytest

from store.engine import Database
from tests.ingest.support import make_desk
from tests.projections.history import GUILD, MINUTE
from tracker.errors import SettingsError
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.ids import UserId
from tracker.ingest.rules import Rules

ADMIN = UserId(99)


async def test_a_change_is_one_event_that_says_who_and_is_in_force_from_then_on(database: Database) -> None:
    desk = make_desk(database)
    rules = Rules(desk.ingest)
    assert rules.document(GUILD) == {}
    desk.join(1)
    desk.clock.time += 5 * MINUTE
    rules.change(GUILD, {"voice": {"default": {"every_s": 60, "exp": 2}}}, ADMIN)
    desk.clock.time += 5 * MINUTE
    await desk.ingest.flush()
    (change,) = [e.data for e in desk.logged() if isinstance(e.data, SettingsChanged)]
    assert change.by == ADMIN
    assert rules.document(GUILD) == change.settings
    desk.check()
    (row,) = desk.totals()
    assert row["exp"] == 1 + 10
    await desk.ingest.close(10)


async def test_a_document_with_a_mistake_changes_nothing(database: Database) -> None:
    desk = make_desk(database)
    rules = Rules(desk.ingest)
    rules.change(GUILD, {"timezone": "Asia/Seoul"}, ADMIN)
    with pytest.raises(SettingsError, match=r"voice\.default\.every_s"):
        rules.change(GUILD, {"timezone": "UTC", "voice": {"default": {"every_s": 0}}}, ADMIN)
    assert rules.document(GUILD) == {"timezone": "Asia/Seoul"}
    await desk.ingest.commit()
    assert len(desk.logged()) == 1
    await desk.ingest.close(10)


async def test_exp_given_by_hand_says_who_and_why(database: Database) -> None:
    desk = make_desk(database)
    Rules(desk.ingest).adjust(GUILD, UserId(1), -3, "장난", ADMIN)
    await desk.ingest.flush()
    (given,) = [e.data for e in desk.logged() if isinstance(e.data, ExpAdjusted)]
    assert given == ExpAdjusted(amount=-3, reason="장난", by=ADMIN)
    assert [row["exp"] for row in desk.totals()] == [-3]
    await desk.ingest.close(10)


async def test_a_season_runs_from_its_start_until_the_next_one(database: Database) -> None:
    desk = make_desk(database)
    rules = Rules(desk.ingest)
    assert rules.season(GUILD) is None
    rules.start_season(GUILD, "봄", ADMIN)
    began = desk.clock.now()
    assert rules.season(GUILD) == ("봄", began)
    desk.clock.time += MINUTE
    rules.start_season(GUILD, "summer", ADMIN)
    assert rules.season(GUILD) == ("summer", began + MINUTE)
    await desk.ingest.flush()
    started = [e.data for e in desk.logged() if isinstance(e.data, SeasonStarted)]
    assert started == [SeasonStarted(name="봄", by=ADMIN), SeasonStarted(name="summer", by=ADMIN)]
    await desk.ingest.close(10)
