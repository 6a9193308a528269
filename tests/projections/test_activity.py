"""Messages, interactions, adjustments and what is known of members, worked out by hand from SEMANTICS §6."""

from __future__ import annotations

from zlib import crc32

import pytest

from tests.projections.history import GUILD, HOUR, MINUTE, Folded, History
from tracker.events.member import MemberForgotten, MemberLeft, MemberRenamed, MemberRolesChanged
from tracker.events.rule import ExpAdjusted, SeasonStarted
from tracker.events.ticks import TrackerLost
from tracker.ids import Partition, RoleId
from tracker.projections.kernel.layout import M_NAME, M_ROLES, M_STATE, OPTED_OUT, PRESENT
from tracker.projections.load import LOADED_TABLES, load_rows
from tracker.projections.roster import digest
from tracker.projections.rows import TABLES
from tracker.projections.state import PartitionState

CHAT, QUIET = 20, 21
WITH_USER = {name for name, table in TABLES.items() if "user_id" in table.columns}


def test_messages_within_the_cooldown_count_but_earn_nothing() -> None:
    history = History().message(1, CHAT, 1001).after(59_999).message(1, CHAT, 1002).after(1).message(1, CHAT, 1003)
    cells = Folded(history).daily(1)[20260218, CHAT]
    assert (cells[2], cells[5]) == (3, 2)


def test_the_draw_of_a_message_is_its_own_and_always_the_same() -> None:
    history = History().settings(messages={"exp_min": 15, "exp_max": 25, "cooldown_s": 0})
    for message in range(1000, 1010):
        history.after(1).message(1, CHAT, message)
    assert Folded(history).exp(1) == sum(15 + crc32(str(m).encode()) % 11 for m in range(1000, 1010))


def test_a_message_in_an_ignored_channel_neither_counts_nor_earns() -> None:
    history = History().settings(messages={"ignore_channels": [str(QUIET)]}).message(1, QUIET, 1001)
    assert Folded(history).daily(1) == {}


@pytest.mark.parametrize(("late", "left"), [(0, 0), (1, 1)])
def test_a_message_deleted_within_the_time_loses_its_award_on_the_day_it_was_given(late: int, left: int) -> None:
    history = History().settings(messages={"revoke_s": 600}).at("23:55").message(1, CHAT, 1001)
    cells = Folded(history.after(10 * MINUTE + late).delete(1001, CHAT)).daily(1)[20260218, CHAT]
    assert (cells[2], cells[5]) == (1, left)


def test_a_tick_does_not_settle_what_may_still_be_revoked_in_a_guild_that_is_not_seen() -> None:
    """Its time stands still, so what is heard of it later may be older than the tick."""
    history = History().settings(messages={"revoke_s": 600}).at("09:00").message(1, CHAT, 1001)
    history.after(MINUTE).add(TrackerLost()).after(HOUR).tick()
    assert Folded(history.at("09:02").delete(1001, CHAT)).exp(1) == 0


def test_an_interaction_earns_only_where_the_settings_say_so() -> None:
    plain = Folded(History().use(1, CHAT, 5001))
    assert (plain.daily(1)[20260218, CHAT][3], plain.exp(1)) == (1, 0)
    paid = (
        History()
        .settings(interactions={"exp": 3, "cooldown_s": 60})
        .use(1, CHAT, 5001)
        .after(MINUTE)
        .use(1, CHAT, 5002)
    )
    assert Folded(paid.after(1).use(1, CHAT, 5003)).exp(1) == 6


def test_an_adjustment_is_exp_in_no_channel() -> None:
    folded = Folded(History().add(ExpAdjusted(amount=-7, reason="test"), user=1))
    assert folded.daily(1)[20260218, 0][7] == -7
    assert folded.exp(1) == -7


def test_who_holds_a_role_is_kept_with_its_instants() -> None:
    history = History().at("09:00").member(1, 5).at("10:00").add(MemberRolesChanged(role_ids=(RoleId(6),)), user=1)
    folded = Folded(history.at("11:00").add(MemberLeft(), user=1))
    kept = {(r["role_id"], r["at"] // 3_600_000 % 24): r["held"] for r in folded.table("role_changes")}
    assert kept == {
        (GUILD, 9): True, (5, 9): True, (5, 10): False, (6, 10): True, (6, 11): False, (GUILD, 11): False,
    }  # fmt: skip


def test_a_forgotten_member_leaves_no_row_and_others_keep_theirs() -> None:
    history = History().at("23:59:30").settings(messages={"revoke_s": 60}).add(SeasonStarted(name="봄"))
    history.member(1, 5).member(2, 5).join(1, 10).join(2, 10).message(1, CHAT, 1000).message(2, CHAT, 1003)
    history.message(1, CHAT, 1001).message(2, CHAT, 1002).after(MINUTE).add(MemberForgotten(), user=1).tick()
    folded = Folded(history)
    users = {
        t: {row[TABLES[t].columns.index("user_id")] for row in rows}
        for t, rows in folded.rows.items()
        if t in WITH_USER
    }
    assert set(users) == WITH_USER - {"carries"}
    assert all(found == {2} for found in users.values())
    assert folded.voice_ms(2) == {20260218: MINUTE // 2, 20260219: MINUTE // 2}


def test_rows_of_pseudonyms_are_never_written() -> None:
    folded = Folded(
        History().settings(voice={"require": {"min_members": 2}}).join(-3, 10).join(2, 10).after(5 * MINUTE).tick()
    )
    assert folded.exp(2) == 1  # the erased member was there, and that counts for the other
    assert {row[2] for row in folded.rows["daily"]} == {2}


def test_a_drained_and_reloaded_fold_goes_on_as_if_nothing_had_happened() -> None:
    history = History().settings(timezone="Asia/Seoul", messages={"revoke_s": 600}).channel(10, "대화").member(1, 5)
    history.channel(11, "대기실").add(SeasonStarted(name="봄")).join(2, 11)
    history.join(1, 10).after(4 * MINUTE).message(1, CHAT, 1001).tick()
    before = Folded(history)
    again = PartitionState(partition=Partition(0))
    again.as_of = before.state.as_of
    for table in LOADED_TABLES:
        load_rows(again, table, before.rows.get(table, []))
    rest = History().at("00:04").after(MINUTE).delete(1001, CHAT).message(1, CHAT, 1002).leave(1, 10).tick()
    for event in rest.events:
        before.state.apply(event)
        again.apply(event)
    assert again.drain() == before.state.drain()


def test_a_roster_tells_names_apart_and_keeps_flags_and_roles() -> None:
    guild = PartitionState(partition=Partition(0)).guild(GUILD)
    roster, members = guild.roster, guild.memory.heap
    who = guild.member(1)
    members[who + M_NAME], members[who + M_ROLES] = digest("민수"), guild.memory.role_set((5, 6))
    members[who + M_STATE] = PRESENT | OPTED_OUT
    assert roster.is_named(1, "민수")
    assert not roster.is_named(1, "민호")
    assert roster.roles(1) == (5, 6)
    assert (roster.is_present(1), roster.is_bot(1), roster.is_opted_out(1)) == (True, False, True)
    assert list(roster.present()) == [1]
    members[who + M_STATE] = PRESENT
    assert (roster.is_opted_out(1), roster.roles(1), roster.is_named(1, "민수")) == (False, (5, 6), True)
    assert (roster.roles(2), roster.is_named(2, ""), roster.is_present(2)) == ((), False, False)


def test_a_rename_is_known_by_the_new_name_only() -> None:
    folded = Folded(History().member(1).add(MemberRenamed(name="새 이름"), user=1))
    assert folded.state.guild(GUILD).roster.is_named(1, "새 이름")
    assert [r["name"] for r in folded.table("members")] == ["새 이름"]
