"""PostgreSQL's log out of a binary COPY: all partitions at once, in pieces of any size, and what goes wrong."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import product
from signal import SIGINT, pthread_kill
from threading import Timer, get_ident
from typing import Any, Literal, cast

import pytest
from psycopg.pq import ExecStatus

from store import columns_copy, columns_everywhere, columns_halves, log
from store.columns import EventColumns, LogReader
from store.columns_args import TYPES
from store.columns_arrow import installed
from store.columns_ask import Ask
from store.columns_chunk import HAS_REST
from store.columns_copy import by_copy, can_copy, copied
from store.columns_everywhere import everywhere
from store.columns_halves import asked, halves, own_connection
from store.columns_question import SILENT_FROM, question
from store.engine import Database, open_database
from tests.servers import PostgresServer
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_columns import HOME_EVENTS, Row, rows_of, spoil, wanted
from tests.store.test_columns_pages import made
from tracker.errors import DatabaseError, LogCorruptError
from tracker.events.member import MemberRenamed, MemberRolesChanged
from tracker.events.message import MessageSent, message_sent_id
from tracker.ids import MessageId, Ms, Partition, Position, RoleId, partition_of

pytest.importorskip("numba")

HEADS = Mapping[Partition, int]
HOME = partition_of(GUILD, 16)


@pytest.fixture(scope="module")
def many(postgres: PostgresServer) -> Iterator[Database]:
    """2,000 events in two guilds of different partitions, mixed; some so long that they lie elsewhere. The server knows
    that they are many.
    """
    name = postgres.create()
    db = open_database(postgres.url(name))
    for start in range(0, 2_000, 400):
        log.append(db, [made(i) for i in range(start, start + 400)], recorded_at=Ms(START + start))
    assert partition_of(GUILD, db.partitions) != partition_of(OTHER_GUILD, db.partitions)
    with db.autocommit() as connection:
        connection.exec_driver_sql("ANALYZE events")
    yield db
    db.close()
    postgres.drop(name)


@pytest.fixture
def copying(postgresql: Database) -> Database:
    """A fresh database that can be read so."""
    if not can_copy():
        pytest.skip("numba is not installed")
    return postgresql


def heads(db: Database) -> HEADS:
    return {p: head for p, head in log.head(db).items() if head}


def by_partition(db: Database, upto: HEADS) -> dict[int, list[Row]]:
    """What `everywhere` reads, by position."""
    reader = LogReader(db)
    found: dict[int, list[Row]] = {}
    with reader.everywhere(upto) as reading:
        for partition, columns in reading:
            assert isinstance(columns, EventColumns)
            found.setdefault(partition, []).extend(rows_of(reader, partition, [columns]))
            rest = columns.rest.rows.tolist()
            events = [wanted(columns.event(i))[:2] for i in rest]
            assert events == [(columns.position[i], columns.kind[i]) for i in rest]
    return {partition: sorted(rows) for partition, rows in found.items()}


def by_the_codec(db: Database, upto: HEADS) -> dict[int, list[Row]]:
    return {p: [wanted(r) for r in log.read(db, p) if r.position <= head] for p, head in upto.items()}


Said = Callable[[HEADS], dict[int, list[Row]]]


@pytest.fixture(scope="module")
def said(many: Database) -> Said:
    """What the codec says of `many` up to somewhere, read once: nothing there changes."""
    found: dict[tuple[tuple[int, int], ...], dict[int, list[Row]]] = {}

    def say(upto: HEADS) -> dict[int, list[Row]]:
        asked = tuple(upto.items())
        return found[asked] if asked in found else found.setdefault(asked, by_the_codec(many, upto))

    return say


Way = Literal["socket", "libpq", "driver"]
WAYS: tuple[Way, ...] = ("socket", "libpq", "driver")


def only_by(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where connections are encrypted, or psycopg's libpq is not to be found either."""
    from store import columns_libpq, columns_socket

    if way != "socket":
        monkeypatch.setattr(columns_socket, "plain_socket", lambda connection: None)
    if way == "driver":
        monkeypatch.setattr(columns_libpq, "_addresses", lambda: None)


def test_an_encrypted_connection_is_left_to_libpq(many: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from store import columns_socket
    from store.columns_socket import plain_socket

    class Encrypted:
        ssl_in_use = True

    with own_connection(many) as connection:
        found = plain_socket(connection)
        assert (found is None) == (sys.platform == "win32")
        if found is not None:
            found.close()
        monkeypatch.setattr(columns_socket, "_is_hidden", lambda connection: True)
        hidden = plain_socket(connection)  # which encrypts no socket of the system's own
        assert hidden is None or hidden.family == socket.AF_UNIX
        if hidden is not None:
            hidden.close()
    assert plain_socket(cast("Any", Encrypted())) is None


def test_rows_are_taken_out_of_the_libpq_that_psycopg_has_loaded(many: Database) -> None:
    from store.columns_libpq import RowsByDriver, RowsByLibpq, rows_of

    with many.read() as connection:
        driver: Any = connection.connection.driver_connection
        found = rows_of(driver.pgconn)
        assert isinstance(found, RowsByLibpq if sys.platform == "linux" else RowsByLibpq | RowsByDriver)


def _sizes() -> list[Any]:
    """Rows and bytes at once: each of either in `make test`, all of both in `make test-long`."""
    always, every = ((3, 1 << 14), (700, 1), (65_536, 24 << 20)), product((3, 700, 65_536), (1, 1 << 14, 24 << 20))
    return [pytest.param(*one, marks=() if one in always else pytest.mark.slow) for one in every]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("rows", "most"), _sizes())
def test_all_partitions_at_once_say_what_the_codec_says(
    many: Database, said: Said, monkeypatch: pytest.MonkeyPatch, rows: int, most: int, way: Way
) -> None:
    only_by(way, monkeypatch)
    monkeypatch.setattr(columns_everywhere, "_ROWS", rows)
    monkeypatch.setattr(columns_copy, "_BYTES", most)
    upto = heads(many)
    assert by_partition(many, upto) == said(upto)
    some = {p: head - 100 for p, head in upto.items()}  # more was appended since somebody looked
    assert by_partition(many, some) == said(some)


@pytest.mark.parametrize("most", [1, 7, 400])
def test_what_is_gathered_by_partition_is_given_when_there_is_no_room_for_more_and_at_the_end(
    many: Database, said: Said, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    from store import columns_by_partition

    monkeypatch.setattr(columns_by_partition, "_MOST", most)
    monkeypatch.setattr(columns_everywhere, "_ROWS", 300)
    upto = heads(many)
    assert by_partition(many, upto) == said(upto)
    with LogReader(many).everywhere(upto) as reading:
        sizes = [len(columns) for _, columns in reading if isinstance(columns, EventColumns)]
    assert max(sizes) == most
    assert sum(size < most for size in sizes) <= 2 * len(upto)  # a half of the table each


def test_two_processes_of_the_server_send_a_part_of_a_big_table_each_as_of_one_instant(many: Database) -> None:
    counts = []
    with halves(many, "SELECT count(*), pg_current_snapshot() FROM events WHERE position > 0") as parts:
        snapshots = set()
        for connection, sql in parts:
            log.append(many, [fact(guild=77 << 22)], recorded_at=START)
            found = asked(connection, sql, ExecStatus.TUPLES_OK)
            counts.append(int(found.get_value(0, 0) or 0))
            snapshots.add(found.get_value(0, 1))
    assert sum(counts) == 2_000
    assert min(counts) > 500
    assert len(snapshots) == 1


def test_one_sends_it_all_where_the_server_does_not_know_how_big_it_is_or_would_read_it_twice(
    many: Database, copying: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = "SELECT 1 FROM events"
    with halves(copying, sql) as parts:
        assert [part for _, part in parts] == [sql]
    monkeypatch.setattr(columns_halves, "_BY_PLACE", 10**9)
    with halves(many, sql) as parts:
        assert [part for _, part in parts] == [sql]


def test_arrow_reads_the_same_where_this_cannot_be(many: Database, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    if not installed("postgresql"):
        pytest.skip("Arrow is not installed")
    monkeypatch.setattr(columns_everywhere, "can_copy", lambda: False)
    monkeypatch.setattr(columns_everywhere, "_ROWS", 700)
    assert by_partition(many, heads(many)) == said(heads(many))


def test_partitions_that_nobody_asked_for_are_left_out(copying: Database) -> None:
    guilds = [fact(guild=n << 22, at=n) for n in range(1, 60)]
    log.append(copying, guilds, recorded_at=START)
    for count in (1, 2, 9):  # few of 16: the server leaves them out; many: we do
        some = dict(list(heads(copying).items())[:count])
        assert by_partition(copying, some) == by_the_codec(copying, some)


def test_what_the_server_says_between_rows_is_no_row(many: Database) -> None:
    talks = question(many.partitions, " WHERE pg_temp.says(position) < position + 1")
    upto = heads(many)
    with own_connection(many) as connection:
        asked(
            connection,
            "CREATE FUNCTION pg_temp.says(bigint) RETURNS bigint LANGUAGE plpgsql AS "
            "'BEGIN RAISE NOTICE ''row %'', $1; RETURN $1; END'",
            ExecStatus.COMMAND_OK,
        )
        wanted = {p: (0, head) for p, head in upto.items()}
        with columns_copy._asked(many, connection, talks, 65_536) as answer:
            found = columns_copy._chunks(many, answer, wanted, 65_536, None)
            assert sum(len(chunk.position) for parts in found for _, chunk in parts) == sum(upto.values())


@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_value_comes_back_from_all_partitions(
    copying: Database, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    only_by(way, monkeypatch)
    log.append(copying, HOME_EVENTS, recorded_at=START)
    log.append(copying, [fact(MemberRenamed(name="길" * 200_000), guild=OTHER_GUILD, channel=None)], recorded_at=START)
    assert by_partition(copying, heads(copying)) == by_the_codec(copying, heads(copying))


@pytest.mark.parametrize(
    ("column", "value"), [("type", "voice.sung"), ("data", "no json"), ("version", 2), ("data", '{"flags":["loud"]}')]
)
def test_what_cannot_be_read_is_named_with_its_partition(copying: Database, column: str, value: object) -> None:
    log.append(copying, [fact(), fact(), fact(guild=OTHER_GUILD), fact(), fact()], recorded_at=START)
    spoil(copying, 3, column, value)
    spoil(copying, 4, "data", "even later")
    with pytest.raises(LogCorruptError) as expected:
        list(log.read(copying, partition_of(GUILD, copying.partitions)))
    with pytest.raises(LogCorruptError) as found:
        by_partition(copying, heads(copying))
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("event_id", ["sung", " 3 1 5 message:7", f" {HOME} 1 5 message:7", " ", ""])
@pytest.mark.parametrize("way", WAYS)
def test_an_id_that_no_sent_message_has_is_told_whatever_it_looks_like(
    copying: Database, monkeypatch: pytest.MonkeyPatch, event_id: str, way: Way
) -> None:
    only_by(way, monkeypatch)
    sent = [fact(MessageSent(), event_id=message_sent_id(MessageId(n))) for n in (5, 6, 7)]
    log.append(copying, sent, recorded_at=START)
    spoil(copying, 2, "id", event_id)
    with pytest.raises(LogCorruptError) as found:
        by_partition(copying, heads(copying))
    told = f"event 2 of partition {HOME} cannot be read: {event_id!r} is not `message:<message id>`"
    assert str(found.value) == told


@pytest.mark.parametrize("way", WAYS)
def test_an_event_in_another_partition_than_its_guilds_is_read_where_it_lies(
    copying: Database, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    only_by(way, monkeypatch)
    log.append(copying, HOME_EVENTS, recorded_at=START)
    before = by_partition(copying, heads(copying))
    other = partition_of(OTHER_GUILD, copying.partitions)
    with copying.write() as connection:
        connection.exec_driver_sql(f"UPDATE events SET partition = {HOME}, position = 90 WHERE partition = {other}")
    found = by_partition(copying, {HOME: Position(90)})
    assert found == by_the_codec(copying, {HOME: Position(90)})
    assert len(found[HOME]) == len(before[HOME]) + len(before[other]) > len(before[HOME])


def test_all_is_sent_of_the_events_whose_texts_are_kept() -> None:
    kept = [name for kind, name in TYPES.items() if HAS_REST[kind]]
    assert kept
    assert all(name < SILENT_FROM and name != MessageSent.TYPE for name in kept)


def test_a_text_too_long_for_the_book_goes_by_the_codec(copying: Database) -> None:
    odd = fact(MemberRolesChanged(role_ids=tuple(RoleId(10**18 + n) for n in range(800_000))), channel=None)
    log.append(copying, [*HOME_EVENTS, odd], recorded_at=START)
    assert by_partition(copying, heads(copying)) == by_the_codec(copying, heads(copying))


def all_of(db: Database, sql: str, wanted: Mapping[Partition, tuple[int, int]], rows: int) -> None:
    with copied(db, sql, rows) as chunks:
        for _ in chunks(wanted):
            pass


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_refuses_is_told_in_one_sentence(
    copying: Database, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    only_by(way, monkeypatch)
    log.append(copying, [fact() for _ in range(40)], recorded_at=START)
    wanted = {partition_of(GUILD, copying.partitions): (0, 40)}
    late = question(copying.partitions, " WHERE (1 / (position - 30) = 0 OR position = 1)")
    with pytest.raises(DatabaseError, match="division by zero"):
        all_of(copying, late, wanted, 100)
    for sql in ("SELECT nothing FROM events", "SELECT 1 / (position - 30), * FROM events", "SELECT 1, 2 FROM events"):
        with pytest.raises(DatabaseError, match=r"^database ") as said:
            all_of(copying, sql, wanted, 100)
        assert "\n" not in str(said.value)


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_goes_away_is_told_and_not_taken_for_the_end(
    many: Database, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    only_by(way, monkeypatch)
    gone = "SELECT CASE WHEN position = 900 THEN pg_terminate_backend(pg_backend_pid()) END"
    slow = question(many.partitions, f" CROSS JOIN LATERAL ({gone}) AS gone")
    with pytest.raises(DatabaseError, match=r"^database "):
        all_of(many, slow, {p: (0, head) for p, head in heads(many).items()}, 50)


def test_who_stops_reading_leaves_no_statement_behind(many: Database) -> None:
    with everywhere(many, heads(many)) as reading:
        next(reading)
    home = partition_of(GUILD, many.partitions)
    whole = Ask(partition=home, after=0, upto=10**9, guilds=None, rows=50)
    with closing(by_copy(many, whole)) as one:
        assert len(next(one).position)
    asked = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE state = 'active' AND query LIKE '%% FROM events%%' AND pid <> pg_backend_pid()"
    )
    for _ in range(100):
        with many.read() as connection:
            if not connection.exec_driver_sql(asked).scalar_one():
                return
        time.sleep(0.1)
    raise AssertionError("the server still sends rows to nobody")


@pytest.mark.usefixtures("interruptible")
def test_who_stops_waiting_for_a_locked_table_is_let_go_at_once(many: Database, said: Said) -> None:
    with many.write() as other:
        other.exec_driver_sql("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        Timer(0.5, pthread_kill, (get_ident(), SIGINT)).start()
        # It never came to an end while the table was locked.
        with pytest.raises(KeyboardInterrupt), everywhere(many, heads(many)) as reading:
            next(reading)
    assert by_partition(many, heads(many)) == said(heads(many))
