"""Live tables, rebuilt tables and recovered tables are the same tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from store import lease, log, rebuild, state
from store.bulk import TABLES_WITH_A_USER
from store.engine import Database
from store.schema import READ_MODELS
from tests.examples import examples
from tests.properties.communities import GUILD as STORY_GUILD
from tests.properties.communities import Community, communities
from tests.store.living import Writer, tables
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START, fact
from tracker.errors import LeaseLostError
from tracker.events.envelope import Event
from tracker.events.member import MemberForgotten
from tracker.events.message import MessageDeleted, MessageSent
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.ticks import TrackerLost
from tracker.events.voice import VoiceLeft
from tracker.ids import GuildId, MessageId, Ms

MINUTE = 60_000


def emptied(db: Database) -> None:
    """Back to a new database (a database is made once a test, a Hypothesis example needs its own)."""
    with db.write() as connection:
        names = [*READ_MODELS, "events", "subjects", "rebuild_marks"]
        for name in names:
            connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql("UPDATE log_head SET position = 0, subjects = 0")
        connection.exec_driver_sql("UPDATE checkpoints SET position = 0, as_of = 0")
    db.subjects.cache.clear()


def parts_of(events: list[Event], cuts: list[int]) -> Iterator[list[Event]]:
    bounds = [0, *sorted({min(c, len(events)) for c in cuts}), len(events)]
    yield from (events[a:b] for a, b in pairwise(bounds))


def live(db: Database, community: Community, cuts: list[int]) -> None:
    """The community's history as it comes in: in parts, a flush after each, the process restarted after each other."""
    writer = Writer(db)
    for number, part in enumerate(parts_of(list(community.events), cuts)):
        writer.write(part)
        if number % 2:
            writer = Writer(db)
        if part:
            writer.flush(part[-1].occurred_at)
    writer.flush(community.until)


HISTORIES = settings(
    max_examples=examples(15),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[p for p in Phase if p is not Phase.explain],
)


THOUSAND = settings(HISTORIES, max_examples=1000)


def _live_is_rebuilt(db: Database, community: Community, cuts: list[int]) -> None:
    emptied(db)
    live(db, community, cuts)
    assert rebuild.verify(db) == []
    before = tables(db)
    rebuild.rebuild(db)
    assert tables(db) == before
    assert rebuild.verify(db) == []


CUTS = st.lists(st.integers(0, 60), max_size=4)


@HISTORIES
@given(community=communities(moves=25), cuts=CUTS)
def test_live_and_rebuilt_tables_are_equal(database: Database, community: Community, cuts: list[int]) -> None:
    _live_is_rebuilt(database, community, cuts)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@THOUSAND
@given(community=communities(moves=60), cuts=CUTS)
def test_live_recovered_and_rebuilt_tables_of_a_thousand_communities_are_equal(
    database: Database, community: Community, cuts: list[int]
) -> None:
    _live_is_rebuilt(database, community, cuts)


def _comes_in_any_order(db: Database, community: Community, order: Random) -> None:
    # Whoever is forgotten is unlinked from what the log had by then: for them, the order of appending does matter.
    assume(not any(isinstance(e.data, MemberForgotten) for e in community.events))
    emptied(db)
    live(db, community, [])
    expected = tables(db)
    emptied(db)
    writer = Writer(db)
    shuffled = _shuffled_between_instants(community, order)
    writer.write(shuffled)
    writer.flush(community.until)
    rebuild.rebuild(db, guilds=[STORY_GUILD])
    assert tables(db) == expected


@HISTORIES
@given(community=communities(moves=25), order=st.randoms(use_true_random=False))
def test_history_that_came_in_any_order_counts_as_if_it_had_come_live(
    database: Database, community: Community, order: Random
) -> None:
    _comes_in_any_order(database, community, order)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@THOUSAND
@given(community=communities(moves=60), order=st.randoms(use_true_random=False))
def test_a_thousand_histories_that_came_in_any_order_count_as_if_they_had_come_live(
    database: Database, community: Community, order: Random
) -> None:
    _comes_in_any_order(database, community, order)


def _shuffled_between_instants(community: Community, order: Random) -> list[Event]:
    """Any order, but events of one instant keep theirs: nothing else says which of them came first."""
    by_instant: dict[int, list[Event]] = {}
    for event in community.events:
        by_instant.setdefault(event.occurred_at, []).append(event)
    groups = list(by_instant.values())
    order.shuffle(groups)
    return [event for group in groups for event in group]


def test_a_rebuild_of_one_guild_leaves_the_others_as_the_log_has_them(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(user=1), fact(user=2, guild=OTHER_GUILD)])
    writer.flush(START + MINUTE)
    log.append(database, [fact(user=3, guild=OTHER_GUILD, at=2 * MINUTE)], recorded_at=START)
    rebuild.rebuild(database, guilds=[GUILD])
    assert rebuild.verify(database) == []
    rebuild.rebuild(database)
    assert rebuild.verify(database) == []
    assert len(tables(database)["sessions"]) == 3


@pytest.mark.parametrize("guilds", [None, [GUILD]])
def test_history_that_comes_during_a_rebuild_keeps_its_guild_marked(
    database: Database, open_again: Callable[[], Database], guilds: list[GuildId] | None
) -> None:
    writer, elsewhere = Writer(database), open_again()
    writer.write([fact(user=1, at=MINUTE), fact(user=2, at=MINUTE, guild=OTHER_GUILD)])
    writer.flush(START + 2 * MINUTE)
    late = [fact(MessageSent(), user=3, event_id="message:78")]

    def meanwhile(_: int) -> None:
        if late:
            rebuild.append_history(elsewhere, [late.pop()], recorded_at=START, newest={})

    rebuild.mark_for_rebuild(database, [GUILD, OTHER_GUILD] if guilds is None else guilds)
    rebuild.rebuild(database, guilds=guilds, progress=meanwhile)
    assert rebuild.marked(database) == {GUILD}
    rebuild.rebuild(database, guilds=guilds)
    assert rebuild.marked(database) == set()
    assert rebuild.verify(database) == []
    assert {row[1] for row in tables(database)["totals"] if row[0] == GUILD} == {1, 3}


def test_what_is_revoked_in_a_guild_that_is_not_seen_is_revoked_by_a_rebuild_too(database: Database) -> None:
    writer = Writer(database)
    rules = SettingsChanged(settings={"messages": {"revoke_s": 600}})
    writer.write([fact(rules, user=None, channel=None), fact(MessageSent(), user=1, event_id="message:77")])
    writer.write([fact(TrackerLost(), user=None, channel=None, at=MINUTE)])
    writer.flush(START + 60 * MINUTE)  # its time stands still meanwhile
    writer.write([fact(MessageDeleted(message_id=MessageId(77)), user=None, at=2 * MINUTE)])
    writer.flush(START + 61 * MINUTE)
    before = tables(database)
    assert [row[:3] for row in before["totals"]] == [(GUILD, 1, 0)]
    rebuild.rebuild(database)
    assert tables(database) == before


def test_added_history_marks_its_guild_until_the_rebuild(database: Database) -> None:
    newest = log.newest(database)
    rebuild.append_history(database, [fact(user=1, at=MINUTE)], recorded_at=START, newest=newest)
    assert rebuild.marked(database) == {GUILD}  # a bot that runs beside it has not folded it
    later = [fact(user=2, at=2 * MINUTE, guild=OTHER_GUILD), fact(user=3, at=0)]
    rebuild.append_history(database, later, recorded_at=START, newest=newest)
    assert rebuild.marked(database) == {GUILD, OTHER_GUILD}
    assert newest == log.newest(database)
    rebuild.rebuild(database, guilds=rebuild.marked(database))
    assert rebuild.marked(database) == set()
    assert rebuild.verify(database) == []


def test_an_append_that_is_not_committed_leaves_no_mark(database: Database) -> None:
    """Events and their mark are never apart: an exchange that finds neither may take marks away."""
    epochs = dict.fromkeys(database.all_partitions, 9)
    stale = lease.Lease(token="", holder=lease.this_process(), since=START, epochs=epochs)
    with pytest.raises(LeaseLostError):
        rebuild.append_history(database, [fact(user=1)], recorded_at=START, newest={}, lease=stale)
    assert rebuild.marked(database) == set()
    assert log.newest(database) == {}


def test_history_that_was_there_already_marks_nobody(database: Database) -> None:
    old = [fact(user=1, at=0), fact(user=1, at=MINUTE)]
    log.append(database, old, recorded_at=START)
    result = rebuild.append_history(database, old[:1], recorded_at=START, newest=log.newest(database))
    assert len(result.duplicates) == 1
    assert rebuild.marked(database) == set()


def test_history_behind_the_clock_marks_its_guild_although_no_event_is_newer(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(user=1)])
    writer.flush(START + 10 * MINUTE)
    left = fact(VoiceLeft(), user=1, at=MINUTE)
    rebuild.append_history(database, [left], recorded_at=START, newest=log.newest(database))
    assert rebuild.marked(database) == {GUILD}
    rebuild.rebuild(database, guilds=[GUILD])
    (session,) = tables(database)["sessions"]
    assert session[5] == START + MINUTE


def test_a_changed_cell_a_lost_row_and_an_added_row_are_found(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(user=1), fact(user=2)])
    writer.flush(START + MINUTE)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE daily SET voice_ms = voice_ms + 1 WHERE user_id = 1")
        connection.exec_driver_sql("DELETE FROM totals WHERE user_id = 2")
        connection.exec_driver_sql("UPDATE sessions SET user_id = 3 WHERE user_id = 2")
    found = {(d.table, d.column, d.live, d.replayed) for d in rebuild.verify(database)}
    assert ("daily", "voice_ms", MINUTE + 1, MINUTE) in found
    assert {t for t, c, live, _ in found if not c and live is None} == {"totals", "sessions"}
    assert {t for t, c, _, replayed in found if not c and replayed is None} == {"sessions"}
    assert len(rebuild.verify(database, limit=2)) == 2


def test_an_award_that_ran_out_before_the_guild_was_lost_has_run_out_in_the_replay_too(database: Database) -> None:
    writer = Writer(database)
    revocable = {"messages": {"revoke_s": 60}}
    writer.write([fact(SettingsChanged(settings=revocable), user=None, channel=None)])
    writer.write([fact(MessageSent(), at=1, event_id="message:5")])
    writer.flush(START + 2 * MINUTE)
    writer.write([fact(TrackerLost(), user=None, channel=None, at=3 * MINUTE)])
    writer.flush(START + 4 * MINUTE)
    assert tables(database)["awards"] == []
    assert rebuild.verify(database) == []


def test_what_seasons_reasons_and_past_rules_say_is_checked_and_rebuilt_like_the_rest(database: Database) -> None:
    writer = Writer(database)
    ignoring = {"voice": {"ignore": {"channels": [str(CHANNEL)]}}}
    writer.write([fact(SettingsChanged(settings=ignoring), user=None, channel=None), fact(user=1)])
    writer.write([fact(SeasonStarted(name="spring"), user=None, channel=None), fact(ExpAdjusted(amount=5), user=2)])
    writer.flush(START + MINUTE)
    assert rebuild.verify(database) == []
    before = tables(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE season_totals SET exp = exp + 1")
        connection.exec_driver_sql("UPDATE unearned SET ignored_ms = ignored_ms - 1, afk_ms = 1")
        connection.exec_driver_sql("DELETE FROM rules")
    found = {(d.table, d.column, d.live, d.replayed) for d in rebuild.verify(database)}
    assert found == {
        ("season_totals", "exp", 6, 5),
        ("unearned", "ignored_ms", MINUTE - 1, MINUTE),
        ("unearned", "afk_ms", 1, 0),
        ("rules", "", None, before["rules"][0][2:]),
    }
    rebuild.rebuild(database, guilds=[GUILD])
    assert tables(database) == before


def test_who_comes_back_after_being_forgotten_is_somebody_else_to_the_log(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(user=1), fact(user=2)])
    writer.flush(START + MINUTE)
    gone = fact(MemberForgotten(), user=1, channel=None, at=2 * MINUTE)
    writer.write([fact(VoiceLeft(), user=2, at=2 * MINUTE), gone, fact(user=1, at=3 * MINUTE)])
    writer.write([fact(VoiceLeft(), user=1, at=4 * MINUTE)])
    writer.flush(START + 5 * MINUTE)
    assert [row[2:4] for row in tables(database)["sessions"]] == [(1, START + 3 * MINUTE), (2, START)]
    assert rebuild.verify(database) == []
    users = [r.event.user_id for p in database.all_partitions for r in log.read(database, p) if r.event.guild_id]
    assert users == [-1, 2, 2, -1, 1, 1]


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("comes_back_at", [None, 3 * MINUTE, 20 * MINUTE])
def test_history_in_which_somebody_is_forgotten_before_what_is_known_of_them_leaves_nothing_of_them(
    database: Database, everything: bool, comes_back_at: int | None
) -> None:
    writer = Writer(database)
    writer.write([fact(user=1, at=10 * MINUTE), fact(MessageSent(), user=1, at=11 * MINUTE, event_id="message:1")])
    writer.write([fact(user=2, at=11 * MINUTE)])
    writer.flush(START + 12 * MINUTE)
    history = [fact(MemberForgotten(), user=1, channel=None, at=5 * MINUTE)]
    if comes_back_at is not None:  # what comes after it in the log is about somebody else
        history.append(fact(MessageSent(), user=1, at=comes_back_at, event_id="message:2"))
    rebuild.append_history(database, history, recorded_at=START, newest=log.newest(database))
    rebuild.rebuild(database, guilds=None if everything else rebuild.marked(database))
    found = tables(database)
    assert [row[2] for row in found["sessions"]] == [2]
    counted = [(row[1], row[4]) for row in found["totals"] if row[4]]
    assert counted == ([] if comes_back_at is None else [(1, 1)])
    assert rebuild.verify(database) == []
    rebuild.rebuild(database)
    assert tables(database) == found


def test_who_is_forgotten_stays_so_when_the_process_dies_before_the_flush(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(SeasonStarted(name="spring"), user=None, channel=None), fact(user=1)])
    writer.write([fact(ExpAdjusted(amount=5), user=1), fact(MessageSent(), user=1, event_id="message:1")])
    writer.write([fact(MessageSent(), user=1, event_id="message:2")])
    writer.flush(START + MINUTE)
    assert tables(database)["season_totals"]
    assert tables(database)["unearned"]
    writer.write([fact(MemberForgotten(), user=1, channel=None, at=2 * MINUTE)])
    Writer(database).flush(START + 3 * MINUTE)
    assert not any(tables(database)[name] for name in TABLES_WITH_A_USER)
    assert rebuild.verify(database) == []


def test_progress_is_told_of_every_event(database: Database) -> None:
    log.append(database, [fact(user=n) for n in range(1, 2_500)], recorded_at=START)
    told: list[int] = []
    rebuild.rebuild(database, progress=told.append)
    assert sum(told) == 2_499
    assert min(told) > 0


def test_a_rebuild_without_the_lease_it_had_writes_nothing(database: Database) -> None:
    held = lease.acquire(database, now=START)
    log.append(database, [fact(user=1)], recorded_at=START, lease=held)
    lease.acquire(database, now=Ms(START + lease.STALE_MS + 1))
    with pytest.raises(LeaseLostError):
        rebuild.rebuild(database, lease=held)
    assert state.checkpoints(database)[log.partition_for(fact(), database.partitions)].position == 0
