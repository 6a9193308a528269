"""Each window is owed once, whatever is asked for, and what a newer window has settled is left alone."""

from __future__ import annotations

import pytest

from store import deliveries, report_runs
from store.deliveries import NewDelivery
from store.engine import Database
from store.report_runs import EntryRuns, Run
from store.tally import tally
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START
from tracker.ids import GuildId, MessageId, Ms


def key(day: int, *, entry: str = "7:daily:100", guild: GuildId = GUILD) -> str:
    return f"report:{guild}:{entry}:{day}"


def run(
    day: int, *, late: bool = True, entry: str = "7:daily:100", former: str | None = None, guild: GuildId = GUILD
) -> Run:
    delivery = NewDelivery(
        key=key(day, entry=entry, guild=guild),
        guild_id=guild,
        channel_id=CHANNEL,
        kind="report",
        payload="{}",
        at=Ms(START + day),
    )
    former_keys = () if former is None else (key(day, entry=former, guild=guild),)
    return Run(delivery=delivery, former_keys=former_keys, late=late)


def entry(*runs: Run, most_late: int = 7) -> EntryRuns:
    return EntryRuns(runs=runs, most_late=most_late)


def states(database: Database) -> dict[str, str]:
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT key, state FROM deliveries ORDER BY key").all()
    return {row.key: row.state for row in rows}


def test_windows_are_owed_oldest_first_and_once(database: Database) -> None:
    asked = [entry(run(1), run(2), run(3, late=False))]
    assert report_runs.owe(database, asked) == 3
    assert report_runs.owe(database, asked) == 0
    assert [d.key for d in deliveries.due(database, Ms(START + 9))] == [key(day) for day in (1, 2, 3)]


def test_what_is_older_than_a_settled_window_is_left_alone(database: Database) -> None:
    report_runs.owe(database, [entry(run(2))])
    (owed,) = deliveries.due(database, Ms(START + 9))
    deliveries.mark_sent(database, owed, MessageId(5))
    assert report_runs.owe(database, [entry(run(1), run(2), run(3))]) == 1
    assert states(database) == {key(2): "sent", key(3): "pending"}


def test_of_late_ones_the_newest_are_owed_and_what_is_on_time_always(database: Database) -> None:
    report_runs.owe(database, [entry(run(1), run(2), run(3), run(4, late=False), most_late=1)])
    assert states(database) == {key(3): "pending", key(4): "pending"}


def test_where_nothing_is_caught_up_the_newest_is_noted_as_passed_over(database: Database) -> None:
    assert report_runs.owe(database, [entry(run(1), run(2), most_late=0)]) == 0
    assert states(database) == {key(2): "dropped"}
    assert report_runs.owe(database, [entry(run(1), run(2))]) == 0


def test_a_window_that_was_owed_under_a_former_key_is_settled(database: Database) -> None:
    report_runs.owe(database, [entry(run(1))])
    moved = [run(day, entry="7:daily:200", former="7:daily:100") for day in (1, 2)]
    assert report_runs.owe(database, [entry(*moved[:1])]) == 0
    assert report_runs.owe(database, [entry(*moved)]) == 1
    assert states(database) == {key(1): "pending", key(2, entry="7:daily:200"): "pending"}


def test_entries_and_guilds_do_not_settle_each_other(database: Database) -> None:
    report_runs.owe(database, [entry(run(5))])
    others = [entry(run(1, entry="8:daily:100")), entry(run(1, guild=OTHER_GUILD)), entry()]
    assert report_runs.owe(database, others) == 2


@pytest.mark.parametrize("count", [1, 40])
def test_the_number_of_statements_does_not_grow_with_what_is_owed(database: Database, count: int) -> None:
    asked = [entry(run(1, entry=f"{n}:daily:100"), run(2, entry=f"{n}:daily:100")) for n in range(1, count + 1)]
    with tally(database) as asked_of_it:
        assert report_runs.owe(database, asked) == 2 * count
    assert asked_of_it.statements <= 6


def test_what_is_put_off_says_why_and_was_not_tried(database: Database) -> None:
    report_runs.owe(database, [entry(run(1), run(2))])
    first, second = deliveries.due(database, Ms(START + 9))
    deliveries.mark_sent(database, first, MessageId(5))
    report_runs.put_off(database, [first, second], "not seen", Ms(START + 50))
    assert states(database) == {key(1): "sent", key(2): "failed"}
    assert deliveries.due(database, Ms(START + 49)) == []
    (again,) = deliveries.due(database, Ms(START + 50))
    assert (again.attempts, again.error) == (0, "not seen")


def test_a_report_waits_for_those_before_it_in_its_channel_and_other_posts_do_not(database: Database) -> None:
    report_runs.owe(database, [entry(run(1), run(2)), entry(run(2, guild=OTHER_GUILD))])
    first = next(d for d in deliveries.due(database, Ms(START + 9)) if d.key == key(1))
    deliveries.mark_failed(database, first, "HTTP 503", next_attempt_at=Ms(START + 50))
    notice = NewDelivery(
        key="notice:1", guild_id=GUILD, channel_id=CHANNEL, kind="notice", payload="{}", at=Ms(START + 5)
    )
    deliveries.enqueue(database, notice)
    found = {d.key for d in deliveries.due(database, Ms(START + 9))}
    assert found == {"notice:1", key(2, guild=OTHER_GUILD)}
    assert [d.key for d in deliveries.due(database, Ms(START + 50)) if d.kind == "report" and d.guild_id == GUILD] == [
        key(1),
        key(2),
    ]
