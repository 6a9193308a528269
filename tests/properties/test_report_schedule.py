"""Whatever the clock, the process, the guild and the database do: each window once, and none left out."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from store.engine import open_database
from tests.examples import examples
from tests.ingest.test_report_runs import BEGIN, DAILY, House, house
from tests.projections.history import GUILD, HOUR
from tests.reports.test_due import SEOUL
from tracker.clock import from_ms
from tracker.errors import DatabaseError
from tracker.events.ticks import TrackerLost, TrackerReturned

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(-30, 48)),
        st.tuples(st.sampled_from(["look", "send", "lose", "find", "break"]), st.just(0)),
        st.tuples(st.just("restart"), st.integers(0, 1)),
        st.tuples(st.just("hour"), st.integers(0, 23)),
    ),
    max_size=14,
)


@settings(max_examples=examples(40))
@given(_STEPS)
def test_in_the_end_every_window_since_the_entry_was_made_is_owed_once(
    sqlite_template: Path, steps: list[tuple[str, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracker.db"
        shutil.copy(sqlite_template, path)
        asyncio.run(_live(path, steps))


async def _live(path: Path, steps: list[tuple[str, int]]) -> None:
    database = open_database(f"sqlite:///{path}")
    now = house(database, BEGIN)
    await now.change(BEGIN, DAILY | {"catch_up": 31})
    latest, sent = now.desk.clock.time, list[str]()
    for what, number in steps:
        if what == "pass":
            now.desk.clock.time += number * HOUR
        elif what == "restart":
            now = house(database, _text(now), back=bool(number))
        else:
            sent += await _step(now, what, number)
        if what != "pass" or number > 0:
            latest = max(latest, now.desk.clock.time)
    now.desk.clock.time = latest = max(latest, now.desk.clock.time) + 48 * HOUR  # whatever the hour, it is past
    await _step(now, "find", 0)
    await _step(now, "look", 0)
    while part := await now.send():
        sent += part
    states = now.states()
    database.close()
    assert set(states.values()) == {"sent"}
    assert sorted(sent) == sorted(set(sent))
    days = sorted(key[-8:] for key in states)
    first = from_ms(latest).astimezone(SEOUL).date()
    assert days[0] in {"20260217", "20260218"}, "the day before, where its hour came after the entry was made"
    assert days[-1] >= f"{first - timedelta(days=2):%Y%m%d}"
    assert days == [f"{date.fromisoformat(days[0]) + timedelta(days=n):%Y%m%d}" for n in range(len(days))]


async def _step(now: House, what: str, number: int) -> list[str]:
    ingest, sight = now.desk.ingest, now.desk.ingest.sight
    if what == "send":
        return await now.send(most=2)
    if what == "look":
        await now.schedule.look()
    elif what == "hour":
        await now.change(_text(now), DAILY | {"catch_up": 31, "at": f"{number:02}:00"})
    elif what == "lose" and sight.lost_at(GUILD) is None:
        ingest.accept(now.desk.fact(TrackerLost(), None, None))
    elif what == "find" and sight.lost_at(GUILD) is not None:
        ingest.accept(now.desk.fact(TrackerReturned(), None, None))
    elif what == "break":
        await _look_in_vain(now)
    return []


async def _look_in_vain(now: House) -> None:
    """The database goes away between the flush and what is owed."""

    async def away(_: object) -> int:
        raise DatabaseError("away")

    change = now.posts.change
    now.posts.change = away  # type: ignore[assignment,method-assign]
    try:
        with suppress(DatabaseError):
            await now.schedule.look()
    finally:
        now.posts.change = change  # type: ignore[method-assign]


def _text(now: House) -> str:
    return from_ms(now.desk.clock.time).astimezone(SEOUL).replace(tzinfo=None).isoformat()
