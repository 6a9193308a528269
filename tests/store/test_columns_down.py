"""SQLite's log, put down by the process that reads it: the same events in the same groups as by the replay itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from store import columns, columns_apart, columns_read, columns_stretches, columns_worker, log, rebuild, replay_kernel
from store.columns import Archived, EventColumns, LogReader, PutDown, Source
from store.columns_ask import Ask, UnfitError
from store.columns_chunk import Ints
from store.columns_down import Begun, Down
from store.columns_places import Places
from store.columns_slices import EVENTS as OF_EVENTS
from store.columns_slices import FIRST, GROUP, REST, SIZE, Laid, lay, lay_fast
from store.columns_slices import START as BEGIN
from store.columns_texts import Found, Scanner
from store.columns_worker import Job
from store.engine import Database, open_database
from store.gathered import Gathered
from store.own_process import command
from store.replay import Replay
from store.replay_arranging import Arranged, Stretch, arranged
from store.replay_groups import Groups
from tests.store.support import GUILD, OTHER_GUILD, START
from tests.store.test_columns_pages import made
from tracker.errors import DatabaseError
from tracker.events.kinds import ROLES_CHANGED
from tracker.ids import Ms, Partition
from tracker.projections.kernel.compiled import Compiled

pytest.importorskip("numba")

EVENTS = 4_000
BOUNDS = np.array([min(GUILD, OTHER_GUILD) + 1, max(GUILD, OTHER_GUILD)], np.int64)
"""Two groups with events, and one without."""

HERE = Partition(0)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Events of two guilds; some longer than a page. Instants go back now and then."""
    db = open_database(str(tmp_path_factory.mktemp("down") / "many.db"), partitions=1)
    for start in range(0, EVENTS, 1_000):
        log.append(db, [made(i) for i in range(start, start + 1_000)], recorded_at=Ms(START + start))
    yield db
    db.close()


@pytest.fixture
def within(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process of its own does is done in this one, in short stretches."""
    monkeypatch.setattr(columns_read, "put_down_apart", lambda job, _: columns_worker.put_down(job))
    monkeypatch.setattr(columns_read, "chunks_apart", columns_worker.read)
    monkeypatch.setattr(columns_stretches, "_STRETCH", 300)


Row = tuple[object, ...]


def rows_of(reader: LogReader, groups: Groups) -> list[list[Row]]:
    """Each group's events; sets of roles instead of their numbers, and whatever is at hand of the others' texts."""
    found = []
    for group in groups.groups():
        one = groups.columns(group)
        arrays = (one.position, one.kind, one.guild, one.subject, one.channel, one.at)
        args = [
            reader.role_sets[n] if k == ROLES_CHANGED else n
            for k, n in zip(one.kind.tolist(), one.arg.tolist(), strict=True)
        ]
        events = [one.event(i) if one.rest.find(i) is not None else None for i in range(len(one))]
        found.append(list(zip(*(a.tolist() for a in arrays), args, events, strict=True)))
    return found


def by_hand(db: Database, *, until: int | None = None, guilds: Sequence[int] | None = None) -> list[list[Row]]:
    """As a replay puts down what it reads by the ordinary driver, without numba."""
    reader = LogReader(db, source="driver")
    with Groups(BOUNDS) as groups:
        for batch in reader.batches(HERE, upto=EVENTS, guilds=guilds, rows=333):
            groups.add(batch, until)
        return rows_of(reader, groups)


@pytest.fixture(scope="module")
def everything(many: Database) -> list[list[Row]]:
    """The whole log of `many`, in which nothing changes, put down by hand."""
    return by_hand(many)


def put_down(
    db: Database, *, until: int | None = None, guilds: Sequence[int] | None = None, threads: int = 2
) -> tuple[list[list[Row]], list[EventColumns | PutDown]]:
    """As it is put down by whoever reads the pages, and what was told of it."""
    reader = LogReader(db, source="pages")
    with Groups(BOUNDS, fast=True) as groups:
        told = []
        down = lambda first: groups.down(until, first, threads)  # noqa: E731
        for one in reader.put_down(HERE, upto=EVENTS, guilds=guilds, down=down):
            assert not isinstance(one, Archived)
            told.append(one)
            if isinstance(one, PutDown):
                groups.adopt(one)
            else:
                groups.add(one, until)
        return rows_of(reader, groups), told


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.usefixtures("within")
def test_threads_that_read_the_pages_put_down_what_the_driver_gives(
    many: Database, everything: list[list[Row]], threads: int
) -> None:
    found, told = put_down(many, threads=threads)
    assert found == everything
    assert all(isinstance(one, PutDown) for one in told)
    assert sum(one.events for one in told if isinstance(one, PutDown)) == EVENTS


@pytest.mark.parametrize("until", [START - 1, START + 9_000, START + 25_001])
@pytest.mark.parametrize("guilds", [None, (GUILD,), (OTHER_GUILD,), ()])
@pytest.mark.usefixtures("within")
def test_only_what_is_asked_for_is_put_down(many: Database, until: int, guilds: Sequence[int] | None) -> None:
    found, _ = put_down(many, until=until, guilds=guilds)
    assert found == by_hand(many, until=until, guilds=guilds)


def test_another_process_puts_down_the_same(many: Database, everything: list[list[Row]]) -> None:
    found, told = put_down(many)
    assert found == everything
    assert [type(one) for one in told] == [PutDown]


@pytest.mark.usefixtures("within")
def test_where_no_open_file_can_be_given_away_the_replay_puts_down_what_is_read(
    many: Database, everything: list[list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "CAN_PUT_DOWN", False)
    found, told = put_down(many)
    assert found == everything
    assert {type(one) for one in told} == {EventColumns}


@pytest.mark.usefixtures("within")
def test_what_turns_out_not_to_be_readable_in_pages_is_put_down_by_the_replay(
    many: Database, everything: list[list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = Scanner.find

    def finding(scanner: Scanner, after: int, upto: int) -> Iterator[Found]:
        yield from find(scanner, after, upto)
        if after >= 1_500:
            raise UnfitError

    monkeypatch.setattr(Scanner, "find", finding)
    found, told = put_down(many)
    assert found == everything
    kinds = [type(one) for one in told]
    assert kinds == [PutDown] * 5 + [EventColumns] * (len(kinds) - 5)
    assert len(kinds) > 5


@pytest.mark.parametrize("source", ["pages", "driver"])
@pytest.mark.usefixtures("within")
def test_a_replay_of_what_was_put_down_gives_the_same_rows(many: Database, kernel: Compiled, source: Source) -> None:
    def rows(compiled: Compiled | None, reader: LogReader) -> tuple[object, ...]:
        gathered = Gathered()
        told: list[int] = []
        with Replay(reader, HERE, gathered, kernel=compiled, jobs=2, until=START + 30_000) as replay:
            replay.read(EVENTS, told.append)
            replay.finish(START + 40_000)
        tables = {name: sorted(found) for name, found in gathered.rows().items()}
        return tables, replay.newest, replay.forgotten, sum(told)

    assert rows(kernel, LogReader(many, source=source)) == rows(None, LogReader(many, source="driver"))


def test_a_process_that_dies_is_told_of(many: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **how: Any) -> None:
            super().__init__(*args, **how)
            self.kill()
            self.wait()

    monkeypatch.setattr(subprocess, "Popen", Dying)
    with pytest.raises(DatabaseError, match="ended too early"):
        put_down(many)


def test_a_file_that_cannot_be_written_is_told_of(many: Database) -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(OSError, match="seek"):
            list(columns_apart.put_down_apart(job(many, writing)))
    finally:
        os.close(reading)
        os.close(writing)


def job(db: Database, file: int) -> Job:
    """The whole log into that file."""
    down = Down(file=file, start=0, bounds=BOUNDS, until=None, first_set=0, threads=2)
    ask = Ask(partition=HERE, after=0, upto=EVENTS, guilds=None, rows=500)
    return Job(path=db.name, ask=ask, way="pages", down=down)


@pytest.mark.usefixtures("within")
def test_whoever_gives_up_leaves_no_thread_behind(many: Database) -> None:
    with Groups(BOUNDS) as groups:
        answers = columns_worker.put_down(job(many, groups.down(None, 0, 2).file))
        assert isinstance(next(answers), Begun)
        next(answers)
        answers.close()
    assert not [one.name for one in threads_of_reading() if one.is_alive()]


def threads_of_reading() -> list[Any]:
    """Those that read stretches."""
    import threading

    return [one for one in threading.enumerate() if one.name.startswith("stretch")]


@pytest.mark.parametrize("fast", [False, True])
def test_in_whatever_order_stretches_are_added_a_group_is_the_same(
    many: Database, everything: list[list[Row]], fast: bool
) -> None:
    reader = LogReader(many, source="driver")
    batches = list(reader.batches(HERE, upto=EVENTS, rows=250))
    Random(7).shuffle(batches)
    with Groups(BOUNDS, fast=fast) as groups:
        for batch in batches:
            groups.add(batch)
        assert rows_of(reader, groups) == everything


@pytest.mark.parametrize("until", [None, START + 12_345, START - 10**9])
@pytest.mark.parametrize("bounds", [np.zeros(0, np.int64), BOUNDS, np.array([1], np.int64)])
def test_numba_lays_out_what_numpy_does_in_fewer_bytes(many: Database, bounds: Ints, until: int | None) -> None:
    (batch,) = LogReader(many, source="driver").batches(HERE, upto=EVENTS)
    places = Places()
    slow, fast = lay(batch, bounds, until), lay_fast(batch, bounds, until, places)
    exact = [GROUP, FIRST, OF_EVENTS, REST]
    assert slow.slices[:, exact].tolist() == fast.slices[:, exact].tolist()
    assert slow.newest == fast.newest
    assert fast.slices[:, SIZE].sum() <= 0.5 * slow.slices[:, SIZE].sum()
    for one, other in zip(slow.slices.tolist(), fast.slices.tolist(), strict=True):
        for compiled in (False, True):
            mine, its = (arranged_of(laid, of, places, compiled) for laid, of in ((slow, one), (fast, other)))
            assert mine.kind.tolist() == its.kind.tolist()
            assert mine.columns.tolist() == its.columns.tolist()
        assert rest_of(slow, one) == rest_of(fast, other)


def arranged_of(laid: Laid, of: list[int], places: Places, fast: bool) -> Arranged:
    raw = np.frombuffer(laid.content, np.uint8)
    return arranged(
        raw, [Stretch(start=of[BEGIN], first=0, events=of[OF_EVENTS], whole=of[OF_EVENTS])], places.since(0), fast=fast
    )


def rest_of(laid: Laid, of: list[int]) -> bytes:
    return bytes(laid.content[of[BEGIN] + of[SIZE] :][: of[REST]])


@pytest.mark.parametrize(("sparing", "by"), [(500, ["columns"]), (499, ["columns", "pages"])])
def test_whoever_has_read_the_log_sums_up_the_pages_unless_there_is_very_much_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sparing: int, by: list[str]
) -> None:
    db = open_database(str(tmp_path / "some.db"), partitions=1)
    log.append(db, [made(i) for i in range(500)], recorded_at=Ms(START))
    started: list[list[str]] = []
    popen: Any = subprocess.Popen

    def known(what: list[str], **how: Any) -> Any:
        started.append(what)
        return popen(what, **how)

    monkeypatch.setattr(subprocess, "Popen", known)
    monkeypatch.setattr(columns_read, "_FEW", 1)
    monkeypatch.setattr(columns_read, "_MANY", 1)
    monkeypatch.setattr(replay_kernel, "WORTH_COMPILING", 1)
    monkeypatch.setattr(rebuild, "_SPARING", sparing)
    rebuild.rebuild(db)
    db.close()
    workers = [command(f"store.{name}_worker") for name in by]
    assert [
        one for one in started if one in (command("store.columns_worker"), command("store.pages_worker"))
    ] == workers
