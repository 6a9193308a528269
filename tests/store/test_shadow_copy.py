"""What a rebuild sends PostgreSQL, packed by the interpreter and by what numba compiles."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, suppress
from threading import Event
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from store import log, shadow_beside, shadow_native, shadow_tables, shadow_writers
from store.engine import Database, open_database
from store.rebuild import rebuild
from store.schema import TEXT_COLUMNS
from store.shadow import Shadow, sweep
from store.shadow_copy import Packer, copy_binary
from store.shadow_hash import SUFFIX, Fingerprint
from store.shadow_native import native_fingerprint
from store.shadow_rows import Matrix
from store.shadow_spool import Spool
from tests.examples import examples
from tests.servers import PostgresServer
from tests.store.shadows import add_rows, as_columns
from tests.store.support import GUILD, START, fact, statements
from tests.store.test_bulk import deltas
from tests.store.test_shadow import add_all, definitions, home, stored
from tracker.errors import DatabaseError
from tracker.projections.rows import TABLES, Row

pytest.importorskip("numba")

WAYS = pytest.mark.parametrize("compiled", [True, False])
EXTREMES = (0, 1, -1, (1 << 63) - 1, -(1 << 63), 255, 256, -256, 1 << 31, -(1 << 31) - 1)


@pytest.fixture
def postgresql(postgres: PostgresServer) -> Iterator[Database]:
    """A fresh database, open."""
    name = postgres.create()
    db = open_database(postgres.url(name))
    yield db
    db.close()
    postgres.drop(name)


def extremes(name: str) -> list[Row]:
    """A row for each extreme number, in all of its cells; and what may be null is, in every other one."""
    table = TABLES[name]
    texts = ("", "x" * 300_000, "김🎙️\n\t\\N\r", *(f"text {n}" for n in EXTREMES[3:]))
    rows: list[Row] = []
    for i, number in enumerate(EXTREMES):
        cells: list[object] = [texts[i] if c in TEXT_COLUMNS else number for c in table.columns]
        for c, column in enumerate(table.columns):
            if i % 2 and column not in table.key and column not in table.add and (i + c) % 3:
                cells[c] = None
        rows.append((GUILD + i * (len(table.key) == 1), *cells[1:]))
    return rows


@WAYS
@pytest.mark.parametrize("name", TABLES)
def test_every_number_null_and_text_arrives_as_it_was(postgresql: Database, name: str, compiled: bool) -> None:
    rows = [row for row in extremes(name) if None not in row or can_be_null(postgresql, name, row)]
    with Shadow.create(postgresql, postgresql.all_partitions, bulk=compiled) as shadow:
        add_rows(shadow, name, home(postgresql), rows)
        shadow.finish()
        shadow.check()
        assert stored(postgresql, name, shadow=True) == sorted([(home(postgresql), *row) for row in rows], key=repr)
    assert len(rows) >= 5


@pytest.mark.parametrize("name", ["daily", "sessions", "members", "guilds"])
def test_so_it_does_where_connections_are_encrypted(
    postgresql: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.columns_socket.plain_socket", lambda connection: None)
    test_every_number_null_and_text_arrives_as_it_was(postgresql, name, True)


@pytest.mark.skipif(sys.platform == "win32", reason="libpq is not passed by there")
def test_rows_go_straight_into_the_socket_unless_it_is_encrypted(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for plain in (True, False):
        if not plain:
            monkeypatch.setattr("store.columns_socket.plain_socket", lambda connection: None)
        with postgresql.write() as connection, closing(Packer(connection.connection.cursor())) as packer:
            assert (packer.writer is not None) == plain


def can_be_null(db: Database, name: str, row: Row) -> bool:
    """Whether the table allows the nulls of a row."""
    asked = "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'YES'"
    with db.read() as connection:
        allowed = set(connection.exec_driver_sql(asked, (name,)).scalars())
    return all(column in allowed for column, cell in zip(TABLES[name].columns, row, strict=True) if cell is None)


@pytest.mark.parametrize("name", ["daily", "sessions", "members", "guilds"])
@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_both_ways_send_the_same(postgresql: Database, name: str, data: st.DataObject) -> None:
    batch = data.draw(deltas(TABLES[name]))
    rows = [key + values for key, values in batch.items()]
    found = []
    for compiled in (True, False):
        with Shadow.create(postgresql, postgresql.all_partitions, bulk=compiled) as shadow:
            add_all(shadow, {name: rows})
            shadow.finish()
            shadow.check()
            found.append(stored(postgresql, name, shadow=True))
    assert found[0] == found[1]
    assert len(found[0]) == len(rows)


@WAYS
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE carries__shadow SET carry_ms = carry_ms + 1 WHERE user_id = 234",
        "UPDATE carries__shadow SET carry_ms = carry_ms # 4294967296 WHERE user_id = 234",
        "UPDATE carries__shadow SET carry_ms = 2000234 - carry_ms + 2000235 WHERE user_id IN (1000234, 1000235)",
        "UPDATE carries__shadow SET user_id = channel_id, channel_id = user_id WHERE user_id = 234",
        "DELETE FROM carries__shadow WHERE user_id = 234",
        "INSERT INTO carries__shadow SELECT partition, guild_id, -1, channel_id, 0 FROM carries__shadow LIMIT 1",
    ],
)
def test_what_is_changed_behind_us_is_found(postgresql: Database, compiled: bool, change: str) -> None:
    carries = [(GUILD, user, 9, 1_000_000 + user) for user in [*range(500), 1_000_234, 1_000_235]]
    with Shadow.create(postgresql, postgresql.all_partitions, bulk=compiled) as shadow:
        add_rows(shadow, "carries", home(postgresql), carries)
        shadow.finish()
        shadow.check()
        with postgresql.write() as connection:
            connection.exec_driver_sql(change)
        with pytest.raises(DatabaseError, match="table carries was rebuilt with 502 rows"):
            shadow.check()


def test_the_planner_knows_at_once_how_many_rows_there_are(postgresql: Database) -> None:
    with Shadow.create(postgresql, postgresql.all_partitions) as shadow:
        add_rows(shadow, "carries", home(postgresql), [(GUILD, user, 9, 1) for user in range(500)])
        shadow.finish()
        shadow.check()
        with postgresql.write() as connection:
            shadow.swap(connection)
    with postgresql.read() as connection:
        asked = "SELECT relname, reltuples FROM pg_class WHERE relname = ANY (%s)"
        known = {row[0]: row[1] for row in connection.exec_driver_sql(asked, (list(TABLES),))}
    assert known == {**dict.fromkeys(TABLES, 0), "carries": 500}


def test_only_the_swap_waits_for_the_disk(postgresql: Database) -> None:
    """What is committed before is of no use without it, and lasts if it does."""
    asked = "SELECT current_setting('synchronous_commit')"
    with postgresql.write() as connection:  # the tests' server waits for nothing
        connection.exec_driver_sql(
            "DO $$BEGIN EXECUTE format('ALTER DATABASE %%I SET synchronous_commit TO local', current_database()); END$$"
        )
    postgresql.close()
    with Shadow.create(postgresql, postgresql.all_partitions) as shadow:
        add_rows(shadow, "carries", home(postgresql), [(GUILD, 1, 9, 1)])
        with statements(postgresql) as sent:
            shadow.finish()
        with postgresql.write() as connection:
            shadow.swap(connection)
            assert connection.exec_driver_sql(asked).scalar_one() == "local"
    waits_not = sent.count("SET LOCAL synchronous_commit TO OFF")
    assert waits_not == 1 + len(TABLES)  # the rows, and each table's keys
    with postgresql.read() as connection:
        assert connection.exec_driver_sql(asked).scalar_one() == "local"


def test_rows_of_days_gone_by_lie_close_together_and_those_to_come_find_room(postgresql: Database) -> None:
    names = ("sessions", "daily", "totals")
    for _ in range(2):
        with Shadow.create(postgresql, postgresql.all_partitions) as shadow:
            for name in names:
                others = len(TABLES[name].columns) - 1
                add_rows(shadow, name, home(postgresql), [(GUILD, *[number] * others) for number in range(1, 3_001)])
            shadow.finish()
            with postgresql.write() as connection:
                shadow.swap(connection)
        rebuilt = [pages(postgresql, name) for name in names]
        with postgresql.autocommit() as connection:
            for name in names:
                connection.exec_driver_sql(f"CLUSTER {name} USING {name}_pkey")  # as the table itself wants its pages
        sessions, daily, totals = (pages(postgresql, name) for name in names)
        assert rebuilt[0] < sessions * 0.7
        assert rebuilt[1] < daily * 0.7
        assert rebuilt[2] == totals


def pages(db: Database, table: str) -> int:
    """In how many pages there are rows."""
    with db.read() as connection:
        asked = f"SELECT count(DISTINCT (ctid::text::point)[0]) FROM {table}"
        return int(connection.exec_driver_sql(asked).scalar_one())


def test_the_statistics_are_taken_once(postgresql: Database) -> None:
    log.append(postgresql, [fact()], recorded_at=START)
    for views, times in ((False, 1), (True, 2)):  # tables that are somebody's stay; their rows are replaced
        if views:
            with postgresql.write() as connection:
                connection.exec_driver_sql("CREATE VIEW by_day AS SELECT day FROM daily")
        with statements(postgresql) as sent:
            rebuild(postgresql)
        taken = " ".join(s for s in sent if s.startswith("ANALYZE")).replace(SUFFIX, "").replace(",", "").split()
        assert {name: taken.count(name) for name in TABLES} == dict.fromkeys(TABLES, times)


def test_tables_are_read_by_one_process_of_the_server_in_order_and_sorted_in_its_memory(postgresql: Database) -> None:
    settings = ("effective_io_concurrency", "synchronize_seqscans", "maintenance_work_mem")
    asked = "SELECT " + ", ".join(f"current_setting('{setting}')" for setting in settings)
    for before, after in (("1MB", "256MB"), ("512MB", "512MB")):
        with postgresql.write() as connection:
            shadow_tables.make(connection)
            connection.exec_driver_sql(f"SET LOCAL maintenance_work_mem TO '{before}'")
            shadow_tables.complete(connection, "totals")
            assert connection.exec_driver_sql(asked).one() == ("0", "off", after)
        shadow_tables.sweep(postgresql)
    with postgresql.read() as connection:
        assert connection.exec_driver_sql(asked).one() != ("0", "off", "512MB")


HELD = """
SELECT DISTINCT pid FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = ANY (%s::regclass[])
"""


def fillers(db: Database, *names: str) -> list[int]:
    """The processes of the server that fill these tables."""
    with db.read() as connection:
        shadows = ",".join(shadow_tables.SHADOWS[name] for name in names)
        return list(connection.exec_driver_sql(HELD, ("{" + shadows + "}",)).scalars())


def many_unearned(db: Database, shadow: Shadow) -> None:
    others = len(TABLES["unearned"].columns) - 1
    add_rows(shadow, "unearned", home(db), [(GUILD, *[number] * others) for number in range(100_000)])


def test_of_very_many_rows_each_big_table_s_are_taken_by_a_process_of_the_server(postgresql: Database) -> None:
    for bulk, processes in ((False, 1), (True, 6)):
        with Shadow.create(postgresql, postgresql.all_partitions, bulk=bulk) as shadow:
            add_rows(shadow, "carries", home(postgresql), [(GUILD, 1, 9, 1)])
            shadow.settle()
            assert len(fillers(postgresql, *TABLES)) == processes


@pytest.mark.parametrize(("limit", "processes"), [(12, 1), (60, 6)])
def test_where_few_connections_are_allowed_one_is_enough(postgresql: Database, limit: int, processes: int) -> None:
    with postgresql.write() as connection:
        connection.exec_driver_sql(
            f"DO $$BEGIN EXECUTE format('ALTER DATABASE %%I CONNECTION LIMIT {limit}', current_database()); END$$"
        )
    with Shadow.create(postgresql, postgresql.all_partitions, bulk=True) as shadow:
        many_unearned(postgresql, shadow)
        shadow.settle()
        assert len(fillers(postgresql, *TABLES)) == processes
        shadow.finish()
        shadow.check()


def statements_of(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of which tables it sends rows from now on, a name for each statement."""
    sent, copy = list[str](), copy_binary

    def noted(cursor: Any, packer: Any, name: str, *rest: Any) -> None:
        sent.append(name)
        copy(cursor, packer, name, *rest)

    monkeypatch.setattr(module, "copy_binary", noted)
    return sent


def test_a_table_s_rows_are_one_statement_however_many_groups_they_come_in(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = statements_of(shadow_beside, monkeypatch)
    with Shadow.create(postgresql, postgresql.all_partitions, bulk=True) as shadow:
        for user in range(3):
            add_rows(shadow, "carries", home(postgresql), [(GUILD, user, 9, 1)])
            shadow.settle()
        shadow.finish()
        shadow.check()
    assert sent == ["carries"]


def test_what_the_server_refuses_beside_comes_as_our_error(postgresql: Database) -> None:
    with Shadow.create(postgresql, postgresql.all_partitions, bulk=True) as shadow:
        with postgresql.write() as connection:
            connection.exec_driver_sql("ALTER TABLE unearned__shadow ADD CHECK (afk_ms < 100)")
        many_unearned(postgresql, shadow)
        with pytest.raises(DatabaseError, match="violates check constraint"):
            shadow.finish()


def test_nobody_waits_for_a_process_beside_that_has_ended(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_beside, "_WAITING", 1)
    with suppress(DatabaseError), Shadow.create(postgresql, postgresql.all_partitions, bulk=True) as shadow:
        shadow.settle()
        (beside,) = fillers(postgresql, "unearned")
        with postgresql.autocommit() as connection:
            connection.exec_driver_sql("SELECT pg_terminate_backend(%s)", (beside,))
        many_unearned(postgresql, shadow)
        with pytest.raises(DatabaseError, match=r"is away|terminating"):
            shadow.settle()  # there are more rows than may wait


def test_who_gives_up_within_a_packet_leaves_a_connection_that_is_understood(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes nothing for a while; what was begun is sent nevertheless, before it is told that it was all."""
    from store import shadow_socket

    rows: Matrix = np.ones((100_000, len(TABLES["carries"].columns) + 2), np.int64)
    rows[:, -1], rows[1:, 2] = 0, 3
    rest, left = shadow_socket.ToSocket._send_rest, list[int]()

    def interrupted(writer: shadow_socket.ToSocket) -> None:
        at, end = writer._state[shadow_socket._AT], writer._state[shadow_socket._END]
        if 0 < at < end and not left:
            left.append(int(end - at))
            raise KeyboardInterrupt
        rest(writer)

    monkeypatch.setattr(shadow_socket, "_PATIENCE_MS", 50)
    with postgresql.write() as connection, closing(Packer(cursor := connection.connection.cursor())) as packer:
        cursor.execute("CREATE TABLE slow (LIKE carries)")
        cursor.execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN IF NEW.user_id = 1 THEN PERFORM pg_sleep(1); END IF; RETURN NEW; END$$"
        )
        cursor.execute("CREATE TRIGGER wait BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION wait()")
        cursor.execute("SAVEPOINT before")
        cursor.execute("TRUNCATE slow")
        monkeypatch.setattr(shadow_socket.ToSocket, "_send_rest", interrupted)
        with Spool() as spool, pytest.raises(KeyboardInterrupt):
            copy_binary(cursor, packer, "carries", "slow", [rows], spool)
        assert left
        cursor.execute("ROLLBACK TO before")
        assert cursor.execute("SELECT count(*) FROM slow").fetchone() == (0,)


class Interrupted(Spool):
    """Somebody ends the program while the rows of a table are on their way."""

    def chunks(self, name: str) -> Iterator[Matrix]:
        yield from super().chunks(name)
        raise KeyboardInterrupt


def test_who_gives_up_in_between_does_not_wait_for_rows_that_do_not_come(postgresql: Database) -> None:
    name, told = "carries", list[Collection[str]]()
    with Shadow.create(postgresql, postgresql.all_partitions), Interrupted() as spool:
        spool.add(name, home(postgresql), as_columns(name, [(GUILD, 1, 9, 1)])[0], {}, fresh=True)
        with (
            pytest.raises(KeyboardInterrupt),
            shadow_writers.copying(postgresql, told.append, compiled=True) as writer,
        ):
            writer.write(name, shadow_tables.SHADOWS[name], spool)
        assert stored(postgresql, name, shadow=True) == []
        assert told == []


def test_very_many_rows_are_read_back_while_the_tables_get_their_keys(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, done, complete = Event(), list[str](), shadow_tables.complete

    def waiting(connection: Connection, name: str, *, measured: bool) -> None:
        assert reading.wait(60)
        complete(connection, name, measured=measured)
        done.append(name)

    def seen(*args: Any) -> Fingerprint:
        reading.set()
        return native_fingerprint(*args)

    monkeypatch.setattr(shadow_tables, "complete", waiting)
    monkeypatch.setattr(shadow_native, "native_fingerprint", seen)
    with Shadow.create(postgresql, postgresql.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "carries", home(postgresql), [(GUILD, user, 9, 1) for user in range(500)])
        shadow.finish()
        shadow.check()
    assert sorted(done) == sorted(TABLES)


@pytest.mark.parametrize("name", ["daily", "sessions", "members"])
def test_only_the_end_of_making_a_key_waits_for_who_reads_the_table(postgresql: Database, name: str) -> None:
    with postgresql.write() as connection:
        shadow_tables.make(connection)
    with postgresql.read() as reader, postgresql.engine.connect() as connection:
        reader.exec_driver_sql(f"SELECT * FROM {name}{SUFFIX}").all()
        connection.exec_driver_sql("SET LOCAL lock_timeout TO 50")
        with pytest.raises(OperationalError) as waited:
            shadow_tables.complete(connection, name)
    assert waited.value.statement == f"ALTER TABLE {name}{SUFFIX} ADD PRIMARY KEY USING INDEX {name}{SUFFIX}_pkey"
    shadow_tables.sweep(postgresql)


def test_only_a_part_of_a_big_table_is_measured_however_much_the_server_would(postgresql: Database) -> None:
    asked = "SELECT current_setting('default_statistics_target')"
    for before, after in (("100", "30"), ("10", "10")):
        with postgresql.write() as connection:
            shadow_tables.make(connection)
            connection.exec_driver_sql(f"SET LOCAL default_statistics_target TO {before}")
            shadow_tables.complete(connection, "totals")
            assert connection.exec_driver_sql(asked).scalar_one() == after
        shadow_tables.sweep(postgresql)
    with postgresql.read() as connection:
        assert connection.exec_driver_sql(asked).scalar_one() == "100"


def test_a_few_rows_wait_until_sending_them_is_worth_a_statement(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = statements_of(shadow_writers, monkeypatch)
    with Shadow.create(postgresql, postgresql.all_partitions, bulk=True) as shadow:
        for day in range(3):
            add_rows(shadow, "session_days", home(postgresql), [(GUILD, 1, 2, day, 4)])
            shadow.settle()
        assert sent == []
        add_rows(shadow, "totals", home(postgresql), [(GUILD, n, *[1] * 7) for n in range(150_000)])
        shadow.settle()
        assert sent == ["session_days", "totals"]
        add_rows(shadow, "session_days", home(postgresql), [(GUILD, 1, 2, 3, 4)])
        shadow.finish()
        shadow.check()
        assert sent == ["session_days", "totals", "session_days"]


def replaced(db: Database, other: Connection | None = None) -> None:
    """The tables change places with those of very many rows. `other`: who then reads one of those that were there."""
    with Shadow.create(db, db.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "carries", home(db), [(GUILD, user, 9, 1) for user in range(500)])
        shadow.finish()
        shadow.check()
        with db.write() as connection:
            shadow.swap(connection)
        if other is not None:
            other.exec_driver_sql("LOCK TABLE carries__old IN ACCESS SHARE MODE")


def test_a_big_table_gets_its_key_while_the_others_rows_are_still_on_their_way(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, waited = Event(), list[bool]()
    complete, emptied = shadow_tables.complete, shadow_writers._emptied

    def noted(connection: Connection, name: str, *, measured: bool) -> None:
        complete(connection, name, measured=measured)
        if name == "daily":
            done.set()

    def slow(stack: ExitStack, db: Database, names: Collection[str], there: Any) -> Any:
        cursor = emptied(stack, db, names, there)
        if "sessions" in names:
            stack.callback(lambda: waited.append(done.wait(60)))  # before it is committed
        return cursor

    monkeypatch.setattr(shadow_tables, "complete", noted)
    monkeypatch.setattr(shadow_writers, "_emptied", slow)
    with Shadow.create(postgresql, postgresql.all_partitions, bulk=True) as shadow:
        shadow.settle()
        shadow.finish()
    assert waited == [True]


def test_big_tables_are_measured_behind_our_back_whoever_reads_the_old_ones(postgresql: Database) -> None:
    asked = "SELECT count(*) FROM pg_statistic WHERE starelid = 'carries'::regclass"
    rows = "SELECT reltuples FROM pg_class WHERE relname = 'carries'"
    with postgresql.write() as other:
        replaced(postgresql, other)
        for _ in range(600):
            with postgresql.read() as connection:
                assert connection.exec_driver_sql(rows).scalar_one() == 500
                if connection.exec_driver_sql(asked).scalar_one():
                    return
            time.sleep(0.05)
    raise AssertionError("nobody measured the table")


def old_tables(db: Database) -> int:
    asked = "SELECT count(*) FROM pg_class WHERE relname LIKE '%%\\_\\_old'"
    with db.read() as connection:
        return int(connection.exec_driver_sql(asked).scalar_one())


def gone_soon(db: Database) -> bool:
    for _ in range(600):
        if not old_tables(db):
            return True
        time.sleep(0.05)
    return False


def test_nobody_waits_until_big_tables_that_were_replaced_are_gone(postgresql: Database) -> None:
    before = definitions(postgresql)
    with postgresql.write() as other:
        replaced(postgresql, other)
        assert old_tables(postgresql) > len(TABLES)  # and their indexes: what reads them is in the way
        assert len(stored(postgresql, "carries")) == 500
    assert gone_soon(postgresql)
    assert definitions(postgresql) == before
    replaced(postgresql)
    assert gone_soon(postgresql)
    assert definitions(postgresql) == before
    assert len(stored(postgresql, "carries")) == 500


def test_whoever_dies_before_they_are_dropped_leaves_them_to_the_next_sweep(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = definitions(postgresql)
    monkeypatch.setattr(shadow_tables, "drop_behind", lambda db: None)
    replaced(postgresql)
    assert old_tables(postgresql) > len(TABLES)
    assert set(sweep(postgresql)) == {f"{name}__old" for name in TABLES}
    assert definitions(postgresql) == before
    assert len(stored(postgresql, "carries")) == 500
