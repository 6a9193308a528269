"""What members should look like follows from what they earned, in the transaction that writes it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from store import deliveries, member_sync, rebuild, standings
from store.engine import Database
from store.member_sync import MemberSync
from tests.store.living import Writer
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tracker.clock import to_ms
from tracker.events.level_rules import LinearCurve
from tracker.events.member import MemberForgotten, MemberJoined, MemberRenamed, MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.ids import MessageId, Ms, RoleId, UserId

DAY = 86_400_000
MINUTE = 60_000
BRONZE, SILVER, GOLD = RoleId(501), RoleId(502), RoleId(503)
ANA, BO = UserId(20), UserId(21)

LADDER = [
    {"name": "Bronze", "role_id": str(BRONZE), "min_level": 1},
    {"name": "Silver", "role_id": str(SILVER), "min_level": 2},
    {"name": "Gold", "role_id": str(GOLD), "min_exp": 500},
]


def rules(at: int = 0, **more: Any) -> Any:
    document = {"tiers": {"list": LADDER, **more.pop("tiers", {})}, **more}
    return fact(SettingsChanged(settings=document), user=None, channel=None, at=at)


def given(amount: int, *, user: int = ANA, at: int = 0, guild: int = GUILD) -> Any:
    return fact(ExpAdjusted(amount=amount), user=user, channel=None, at=at, guild=guild)


def sync_of(db: Database, user: UserId = ANA) -> MemberSync:
    return member_sync.desired(db, GUILD)[user]


def sent(db: Database, user: UserId = ANA) -> None:
    """What is owed to the member arrives."""
    member_sync.mark_sent(db, sync_of(db, user), managed=False, set_nick=None)


def announced(db: Database) -> list[dict[str, Any]]:
    found = [d for d in deliveries.due(db, Ms(START + 400 * DAY), limit=1000) if d.kind == "level"]
    return [json.loads(d.payload) for d in found]


@pytest.mark.parametrize(
    ("policy", "exp", "held"),
    [
        ("highest", 99, ()),
        ("highest", 100, (BRONZE,)),
        ("highest", 250, (SILVER,)),
        ("highest", 500, (GOLD,)),
        ("stack", 250, (BRONZE, SILVER)),
        ("stack", 900, (BRONZE, SILVER, GOLD)),
    ],
)
def test_tier_roles_follow_exp_by_the_policy(
    database: Database, policy: str, exp: int, held: tuple[RoleId, ...]
) -> None:
    writer = Writer(database)
    writer.write([rules(tiers={"policy": policy}), given(exp, at=1)])
    writer.flush(START + MINUTE)
    found = member_sync.desired(database, GUILD)
    assert (found[ANA].tier_roles if ANA in found else ()) == held
    assert rebuild.verify(database) == []


def test_who_rises_in_a_later_flush_is_owed_the_new_role_and_who_falls_loses_it(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1), given(150, user=BO, at=1)])
    writer.flush(START + MINUTE)
    sent(database, ANA)
    sent(database, BO)
    writer.write([given(100, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    assert (sync_of(database).state, sync_of(database).tier_roles, sync_of(database).level) == ("pending", (SILVER,), 2)
    assert (sync_of(database, BO).state, sync_of(database, BO).tier_roles) == ("sent", (BRONZE,))
    writer.write([given(-200, at=4 * MINUTE)])
    writer.flush(START + 5 * MINUTE)
    assert (sync_of(database).state, sync_of(database).tier_roles, sync_of(database).exp) == ("pending", (), 50)
    assert rebuild.verify(database) == []


def test_exp_that_changes_no_tier_owes_nothing(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(210, at=1)])
    writer.flush(START + MINUTE)
    sent(database)
    writer.write([given(120, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    assert (sync_of(database).state, sync_of(database).level, sync_of(database).exp) == ("sent", 3, 330)
    assert member_sync.owed_guilds(database) == {}


def test_other_rules_judge_everybody_anew(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1), given(80, user=BO, at=1)])
    writer.flush(START + MINUTE)
    sent(database)
    assert BO not in member_sync.desired(database, GUILD)
    writer.write([rules(2 * MINUTE, levels={"kind": "linear", "exp_per_level": 50})])
    writer.flush(START + 3 * MINUTE)
    assert {u: (s.state, s.tier_roles) for u, s in member_sync.desired(database, GUILD).items()} == {
        ANA: ("pending", (SILVER,)),
        BO: ("pending", (BRONZE,)),
    }
    assert announced(database) == []
    assert rebuild.verify(database) == []


def test_a_tier_that_asks_for_nothing_is_held_by_everybody_who_ever_did_anything(database: Database) -> None:
    free = {"list": [{"name": "Here", "role_id": str(BRONZE), "min_level": 0}]}
    unpaid = {"tiers": free, "messages": {"exp_min": 0, "exp_max": 0}}
    writer = Writer(database)
    writer.write([fact(SettingsChanged(settings=unpaid), user=None, channel=None)])
    writer.flush(START + MINUTE)
    writer.write([fact(MessageSent(), at=2 * MINUTE, event_id="message:5")])
    writer.flush(START + 3 * MINUTE)
    assert sync_of(database).tier_roles == (BRONZE,)
    assert rebuild.verify(database) == []


def test_who_is_new_today_holds_what_asks_for_nothing_with_the_rolling_basis_too(database: Database) -> None:
    free = {"name": "Here", "role_id": str(RoleId(500)), "min_level": 0}
    writer = Writer(database)
    writer.write([rules(tiers={"basis": "rolling", "list": [free, *LADDER]}), given(250, user=BO)])
    writer.flush(START + MINUTE)
    writer.write([given(250, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    assert (sync_of(database).tier_roles, sync_of(database).level) == ((RoleId(500),), 2)
    assert rebuild.verify(database) == []


def test_a_role_that_becomes_a_tier_is_taken_from_those_who_have_not_earned_it(database: Database) -> None:
    writer = Writer(database)
    other = RoleId(900)
    writer.write(
        [
            fact(MemberJoined(name="Ana"), channel=None),
            fact(MemberRolesChanged(role_ids=(SILVER, other)), channel=None),
            fact(MemberJoined(name="Bo"), user=BO, channel=None),
            fact(MemberRolesChanged(role_ids=(other,)), user=BO, channel=None),
        ]
    )
    writer.flush(START + MINUTE)
    writer.write([rules(2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    assert {u: (s.state, s.tier_roles) for u, s in member_sync.desired(database, GUILD).items()} == {
        ANA: ("pending", ())
    }


def test_a_season_starts_from_nothing_and_keeps_what_was(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(tiers={"basis": "season"}), given(300, at=1)])
    writer.flush(START + MINUTE)
    assert ANA not in member_sync.desired(database, GUILD)
    writer.write([fact(SeasonStarted(name="봄"), user=None, channel=None, at=2 * MINUTE), given(150, at=3 * MINUTE)])
    writer.flush(START + 4 * MINUTE)
    assert (sync_of(database).tier_roles, sync_of(database).exp, sync_of(database).level) == ((BRONZE,), 450, 4)
    sent(database)
    writer.write([fact(SeasonStarted(name="여름"), user=None, channel=None, at=5 * MINUTE)])
    writer.flush(START + 6 * MINUTE)
    assert (sync_of(database).state, sync_of(database).tier_roles, sync_of(database).exp) == ("pending", (), 450)
    assert rebuild.verify(database) == []


def test_the_rolling_basis_lets_the_inactive_fall_at_local_midnight_and_not_before(database: Database) -> None:
    seoul_midnight = to_ms(datetime.fromisoformat("2026-02-26T00:00:00+09:00"))
    writer = Writer(database)
    first = rules(tiers={"basis": "rolling", "rolling_days": 2}, timezone="Asia/Seoul")
    writer.write([first, given(250, at=1)])  # 2026-02-25 15:13 in Seoul
    writer.flush(START + MINUTE)
    assert ANA not in member_sync.desired(database, GUILD)  # today is no whole day
    writer.flush(seoul_midnight - 1)
    assert ANA not in member_sync.desired(database, GUILD)
    writer.flush(seoul_midnight)
    assert sync_of(database).tier_roles == (SILVER,)
    sent(database)
    Writer(database).flush(seoul_midnight + DAY)  # a restart between, too
    assert (sync_of(database).state, sync_of(database).tier_roles) == ("sent", (SILVER,))
    assert rebuild.verify(database) == []
    Writer(database).flush(seoul_midnight + 2 * DAY)
    assert (sync_of(database).state, sync_of(database).tier_roles) == ("pending", ())
    assert rebuild.verify(database) == []


def test_an_award_of_a_past_day_that_is_revoked_counts_at_once_with_the_rolling_basis(database: Database) -> None:
    writer = Writer(database)
    ladder = {"list": [{"name": "Bronze", "role_id": str(BRONZE), "min_exp": 5}], "basis": "rolling"}
    messages = {"exp_min": 5, "exp_max": 5, "revoke_s": 200_000}
    writer.write(
        [
            fact(SettingsChanged(settings={"tiers": ladder, "messages": messages}), user=None, channel=None),
            fact(MessageSent(), at=1, event_id="message:77"),
        ]
    )
    writer.flush(START + MINUTE)
    writer.flush(START + DAY)
    assert sync_of(database).tier_roles == (BRONZE,)
    deleted = MessageDeleted(message_id=MessageId(77))
    writer.write([fact(deleted, user=None, at=DAY + MINUTE, event_id="message-deleted:77")])
    writer.flush(START + DAY + 2 * MINUTE)
    assert sync_of(database).tier_roles == ()
    assert rebuild.verify(database) == []


def test_levels_reached_are_told_once_and_several_at_once_are_one_message(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(announcements={"mode": "channel"}), given(350, at=1), given(50, user=BO, at=1)])
    writer.flush(START + MINUTE)
    assert announced(database) == [
        {
            "user_id": "20", "level": 3, "before": 0, "exp": 350, "tier_roles": str(SILVER), "new_roles": str(SILVER),
        }
    ]  # fmt: skip
    writer.write([given(-300, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    writer.write([given(300, at=4 * MINUTE)])
    writer.flush(START + 5 * MINUTE)
    assert len(announced(database)) == 1  # level 3 again: told already


def test_levels_are_told_of_a_guild_without_tiers_whose_rules_change_in_the_same_minute(database: Database) -> None:
    writer = Writer(database)
    told = {"announcements": {"mode": "channel"}}
    writer.write([fact(SettingsChanged(settings=told), user=None, channel=None), given(150, at=1)])
    writer.flush(START + MINUTE)
    writer.write([fact(SettingsChanged(settings={**told, "locale": "ko"}), user=None, channel=None, at=2 * MINUTE)])
    writer.write([given(100, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    assert [post["level"] for post in announced(database)] == [1, 2]
    assert member_sync.desired(database, GUILD) == {}


def test_without_announcements_nothing_is_told_and_nothing_is_made_up_for_later(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(350, at=1)])
    writer.flush(START + MINUTE)
    writer.write([rules(2 * MINUTE, announcements={"mode": "dm"}), given(10, at=3 * MINUTE)])
    writer.flush(START + 4 * MINUTE)
    assert announced(database) == []


def test_a_rebuild_owes_roles_and_tells_nothing(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(announcements={"mode": "channel"}), given(150, at=1)])
    rebuild.rebuild(database)
    assert (sync_of(database).state, sync_of(database).tier_roles) == ("pending", (BRONZE,))
    assert announced(database) == []


def test_nicknames_make_everybody_who_earned_a_case_and_are_looked_at_when_the_level_changes(
    database: Database,
) -> None:
    writer = Writer(database)
    shown: dict[str, Any] = {"nickname": {"enabled": True, "template": "{name} Lv.{level}"}, "tiers": {"list": []}}
    writer.write([rules(**shown), given(10, at=1)])
    writer.flush(START + MINUTE)
    assert (sync_of(database).state, sync_of(database).tier_roles) == ("pending", ())
    member_sync.mark_meant(database, sync_of(database), nick="Ana Lv.0", original="Ana")
    member_sync.mark_sent(database, sync_of(database), managed=True, set_nick="Ana Lv.0")
    writer.write([given(10, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    assert sync_of(database).state == "sent"
    writer.write([given(100, at=4 * MINUTE)])
    writer.flush(START + 5 * MINUTE)
    assert (sync_of(database).state, sync_of(database).level, sync_of(database).original_nick) == ("pending", 1, "Ana")
    member_sync.mark_sent(database, sync_of(database), managed=True, set_nick="Ana Lv.1")
    writer.write([rules(6 * MINUTE, timezone="Asia/Seoul", **shown)])
    writer.flush(START + 7 * MINUTE)
    assert sync_of(database).state == "sent"  # other rules, the same nicknames
    writer.write([rules(8 * MINUTE)])
    writer.flush(START + 9 * MINUTE)
    assert (sync_of(database).state, sync_of(database).managed) == ("pending", True)  # to be called Ana again


@pytest.mark.parametrize(("name", "state"), [("Ana Lv.0", "sent"), ("Ana Lv.1", "sent"), ("Anna", "pending")])
def test_a_rename_by_the_member_is_looked_at_and_the_echo_of_our_own_is_not(
    database: Database, name: str, state: str
) -> None:
    writer = Writer(database)
    writer.write([rules(nickname={"enabled": True}), given(10, at=1)])
    writer.flush(START + MINUTE)
    member_sync.mark_sent(database, sync_of(database), managed=True, set_nick="Ana Lv.0")
    member_sync.mark_meant(database, sync_of(database), nick="Ana Lv.1", original="Ana")
    writer.write([fact(MemberRenamed(name=name), channel=None, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    assert sync_of(database).state == state


def test_who_comes_back_is_looked_at_again(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1)])
    writer.flush(START + MINUTE)
    sent(database)
    writer.write([fact(MemberJoined(name="Ana"), channel=None, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    assert sync_of(database).state == "pending"


def test_what_was_blocked_is_tried_again_when_the_rules_change(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1)])
    writer.flush(START + MINUTE)
    member_sync.mark_blocked(database, sync_of(database), "too high", managed=False, set_nick=None)
    assert member_sync.blocked(database, GUILD) == [(ANA, "too high")]
    assert member_sync.counts(database, GUILD) == {"blocked": 1}
    writer.write([rules(2 * MINUTE, locale="ko")])
    writer.flush(START + 3 * MINUTE)
    assert sync_of(database).state == "pending"


def test_a_result_of_what_is_no_longer_desired_does_not_end_the_case(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1)])
    writer.flush(START + MINUTE)
    tried = sync_of(database)
    writer.write([given(100, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    member_sync.mark_sent(database, tried, managed=True, set_nick="x")
    assert (sync_of(database).state, sync_of(database).set_nick) == ("pending", "x")
    member_sync.mark_failed(database, tried, "HTTP 500", next_attempt_at=Ms(START + DAY))
    member_sync.mark_blocked(database, tried, "no", managed=True, set_nick="x")
    assert (sync_of(database).state, sync_of(database).error, sync_of(database).attempts) == ("pending", None, 0)
    member_sync.mark_failed(database, sync_of(database), "HTTP 500", next_attempt_at=Ms(START + DAY))
    assert (sync_of(database).state, sync_of(database).attempts) == ("failed", 1)
    assert member_sync.due(database, Ms(START + DAY - 1)) == []
    assert member_sync.owed_guilds(database) == {GUILD: START + DAY}
    assert [s.user_id for s in member_sync.due(database, Ms(START + DAY))] == [ANA]


def test_members_of_whom_nothing_is_noted_can_be_looked_at_too(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1)])
    writer.flush(START + MINUTE)
    sent(database)
    before = sync_of(database).revision
    curve = LinearCurve(exp_per_level=100)
    assert member_sync.make_pending(database, GUILD, [ANA, BO], curve, now=Ms(START)) == 2
    assert (sync_of(database).state, sync_of(database).tier_roles) == ("pending", (BRONZE,))
    assert sync_of(database).revision > before
    assert (sync_of(database, BO).state, sync_of(database, BO).tier_roles) == ("pending", ())


def test_who_is_forgotten_is_owed_nothing_any_more_and_others_are_untouched(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1), given(150, user=BO, at=1)])
    writer.flush(START + MINUTE)
    writer.write([fact(MemberForgotten(), channel=None, at=2 * MINUTE), given(50, user=BO, at=2 * MINUTE)])
    writer.flush(START + 3 * MINUTE)
    assert set(member_sync.desired(database, GUILD)) == {BO}
    assert sync_of(database, BO).tier_roles == (SILVER,)


def test_a_guild_without_rules_of_this_kind_costs_nothing(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1), given(150, at=1, guild=OTHER_GUILD)])
    writer.flush(START + MINUTE)
    assert member_sync.desired(database, OTHER_GUILD) == {}
    assert member_sync.counts(database) == {"pending": 1}


def test_verify_names_who_is_noted_otherwise_than_follows(database: Database) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1)])
    writer.flush(START + MINUTE)
    with database.write() as connection:
        connection.execute(text("UPDATE member_sync SET tier_roles = '9', level = 7"))
    found = {(d.table, d.key, d.column): (d.live, d.replayed) for d in rebuild.verify(database)}
    assert found == {
        ("member_sync", (GUILD, ANA), "tier_roles"): ("9", str(BRONZE)),
        ("member_sync", (GUILD, ANA), "level"): (7, 1),
    }


def test_the_planted_bug_is_found_a_flush_that_judges_nobody_is_out_of_line(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(database)
    writer.write([rules(), given(150, at=1)])
    monkeypatch.setattr(standings, "derive", lambda *_: [])
    writer.flush(START + MINUTE)
    assert [d.table for d in rebuild.verify(database)] == ["member_sync"]
