"""SQLite's log straight out of the file: long rows, a deep tree, parts of it, and a file that is not at rest."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from store import columns_apart, columns_pages, columns_read, columns_worker, log
from store.columns import EventColumns, LogReader, Source
from store.columns_ask import Ask, UnfitError
from store.columns_worker import Job
from store.engine import Database, open_database
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tracker.errors import DatabaseError
from tracker.events.envelope import Event
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.rule import SeasonStarted, SettingsChanged
from tracker.events.voice import VoiceMoved
from tracker.ids import ChannelId, Ms, Partition, RoleId

pytest.importorskip("numba")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """6,000 events in two guilds and two partitions; some longer than a page, with keys on pages of every kind."""
    db = open_database(str(tmp_path_factory.mktemp("pages") / "many.db"), partitions=2)
    for start in range(0, 6_000, 1_000):
        log.append(db, [made(i) for i in range(start, start + 1_000)], recorded_at=Ms(START + start))
    yield db
    db.close()


def made(i: int) -> Event:
    """The i-th event. Instants go back now and then."""
    at, guild, user = i * 10 - (i % 7) * 25, GUILD if i % 3 else OTHER_GUILD, 20 + i % 50
    if i % 11 == 0:
        return fact(MemberJoined(name="민" * (i % 1_200), bot=i % 2 == 0), at=at, guild=guild, user=user)
    if i % 13 == 0:
        roles = tuple(RoleId(10**18 + n) for n in range(i % 90))
        return fact(MemberRolesChanged(role_ids=roles), at=at, guild=guild, user=user)
    if i % 17 == 0:
        ids = [str(10**18 + n) for n in range(i % 400)]
        document = {"voice": {"ignore": {"channels": ids}}} if i else {}
        return fact(SettingsChanged(settings=document), at=at, guild=guild, user=None, channel=None)
    if i % 1_999 == 0:
        return fact(SeasonStarted(name="s" * 300_000), at=at, guild=guild, user=None, channel=None)
    if i % 2:
        return fact(MessageSent(), at=at, guild=guild, user=user, event_id=message_sent_id(10**17 + i))
    return fact(VoiceMoved(from_channel_id=ChannelId(10**17 + i % 5)), at=at, guild=guild, user=user, channel=i + 1)


def flat(reader: LogReader, batches: Iterator[EventColumns]) -> list[tuple[object, ...]]:
    """The columns as rows, with the sets of roles instead of their numbers and the texts at hand."""
    rows: list[tuple[object, ...]] = []
    for b in batches:
        arrays = (b.position, b.kind, b.guild, b.subject, b.channel, b.at)
        args = [reader.role_sets[n] if k == 10 else n for k, n in zip(b.kind.tolist(), b.arg.tolist(), strict=True)]
        texts = [b.text(i) if b.rest.find(i) is not None else "" for i in range(len(b))]
        rows += zip(*(a.tolist() for a in arrays), args, texts, strict=True)
    return rows


@pytest.mark.parametrize("bounds", [(0, 6_000), (0, 1), (1, 1), (1_234, 1_300), (2_000, 10**9), (3_999, 4_000)])
@pytest.mark.parametrize("guilds", [None, (GUILD,), (GUILD, OTHER_GUILD), ()])
def test_every_part_of_the_log_is_what_the_driver_says(
    many: Database, monkeypatch: pytest.MonkeyPatch, bounds: tuple[int, int], guilds: tuple[int, ...]
) -> None:
    monkeypatch.setattr(columns_read, "chunks_apart", columns_worker.read)
    for partition in many.all_partitions:
        found = []
        sources: tuple[Source, ...] = ("pages", "driver")
        for source in sources:
            reader = LogReader(many, source=source)
            batches = reader.batches(partition, after=bounds[0], upto=bounds[1], guilds=guilds, rows=700)
            found.append(flat(reader, batches))
        assert found[0] == found[1]


def ask(db: Database) -> Job:
    """The whole first partition."""
    whole = Ask(partition=Partition(0), after=0, upto=10**9, guilds=None, rows=500)
    return Job(path=db.name, ask=whole, way="pages")


def test_rows_are_read_out_of_the_pages_and_not_in_another_way(many: Database) -> None:
    assert sum(len(c.position) for c in columns_worker.read(ask(many))) == log.head(many)[Partition(0)]


def test_a_file_with_commits_in_its_write_ahead_log_that_somebody_reads_is_left_alone(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns_pages, "_PATIENCE_S", 0.0)
    log.append(sqlite, [fact() for _ in range(10)], recorded_at=START)
    with closing(sqlite3.connect(sqlite.name)) as other:
        other.execute("BEGIN")
        other.execute("SELECT COUNT(*) FROM events").fetchone()
        log.append(sqlite, [fact() for _ in range(10)], recorded_at=START)
        with pytest.raises(UnfitError):
            list(columns_worker.read(ask(sqlite)))
        found = list(LogReader(sqlite, source="pages").batches(Partition(0), upto=20))
        assert [p for b in found for p in b.position.tolist()] == list(range(1, 21))


def test_whoever_reads_what_is_in_the_write_ahead_log_is_waited_for(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(sqlite, [fact() for _ in range(10)], recorded_at=START)
    with closing(sqlite3.connect(sqlite.name, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT COUNT(*) FROM events").fetchone()
        log.append(sqlite, [fact() for _ in range(10)], recorded_at=START)
        monkeypatch.setattr(time, "sleep", lambda seconds: other.execute("COMMIT"))
        assert sum(len(c.position) for c in columns_worker.read(ask(sqlite))) == 20
        assert not other.in_transaction


def test_nobody_changes_the_file_while_its_pages_are_read(many: Database) -> None:
    head = log.head(many)[Partition(0)]
    reading = columns_apart.chunks_apart(ask(many))
    first = next(reading)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            log.append(many, [fact(guild=OTHER_GUILD) for _ in range(200)], recorded_at=START)
            many.tidy()

    writing = threading.Thread(target=write)
    writing.start()
    try:
        positions = [p for c in (first, *reading) for p in c.position.tolist()]
    finally:
        stop.set()
        writing.join()
    assert positions == list(range(1, head + 1))


def test_a_database_of_another_make_is_not_read_by_pages(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (partition, position, data)")
    job = Job(path=str(path), ask=ask_for_all(), way="pages")
    with pytest.raises(UnfitError):
        list(columns_worker.read(job))


def ask_for_all() -> Ask:
    return Ask(partition=Partition(0), after=0, upto=10, guilds=None, rows=10)


@pytest.mark.parametrize(("way", "error"), [("adbc", DatabaseError), ("pages", UnfitError)])
def test_a_file_that_is_not_there_is_not_made(
    tmp_path: Path, way: Literal["adbc", "pages"], error: type[Exception]
) -> None:
    if way == "adbc":
        pytest.importorskip("adbc_driver_sqlite")
    path = tmp_path / "none.db"
    with pytest.raises(error):
        list(columns_apart.chunks_apart(Job(path=str(path), ask=ask_for_all(), way=way)))
    assert not path.exists()


def test_the_source_follows_from_how_much_there_is_to_read(sqlite: Database) -> None:
    pytest.importorskip("adbc_driver_sqlite")
    assert [columns_read.fastest(sqlite, events) for events in (1_000, 100_000, 10**7)] == ["driver", "adbc", "pages"]
