"""What a restart reads: what the fold needs and no more, found by indexes however long the tracker has run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from store import loading, state
from store.engine import Database
from tests.store.living import Writer
from tests.store.support import CHANNEL, GUILD, START, fact
from tests.store.test_owed_plans import plans
from tracker.clock import from_ms
from tracker.events.rule import SettingsChanged
from tracker.ids import ChannelId, Ms, partition_of

DAY = 86_400_000
MANY = 20_000


def past_sessions(connection: Connection, partition: int) -> None:
    """Sessions that ended long ago, a day each."""
    day = int(f"{from_ms(START):%Y%m%d}")
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    ended = (
        "INSERT INTO sessions (partition, guild_id, day, user_id, started_at, channel_id, ended_at, flags, voice_ms, "
        f"exp, carry_ms) VALUES ({', '.join([mark] * 11)})"
    )
    rows = [(partition, GUILD, day, 1_000 + n, START + n, CHANNEL, START + n + 1, 0, 1, 0, 0) for n in range(MANY)]
    connection.exec_driver_sql(ended, rows)
    visits = (
        "INSERT INTO session_days (partition, guild_id, day, user_id, started_at, first_day) "
        f"VALUES ({', '.join([mark] * 6)})"
    )
    others = [(partition, GUILD, day + 1, 1_000 + n, START + n, day) for n in range(MANY)]
    connection.exec_driver_sql(visits, others)


@pytest.fixture
def long_used(database: Database) -> Database:
    """A database with many sessions, of which one is open."""
    writer = Writer(database)
    writer.write([fact(user=1)])
    writer.flush(START + DAY)
    with database.write() as connection:
        past_sessions(connection, partition_of(GUILD, database.partitions))
    if database.dialect == "postgresql":
        with database.autocommit() as connection:
            connection.exec_driver_sql("ANALYZE")
    return database


@pytest.mark.parametrize("name", ["sessions", "session_days"])
def test_open_sessions_and_their_days_are_found_without_all_there_ever_were(long_used: Database, name: str) -> None:
    partition = partition_of(GUILD, long_used.partitions)

    def ask() -> None:
        with long_used.read() as connection:
            rows = list(loading.rows_to_load(connection, partition, Ms(START + DAY), name))
        assert {row[2] for row in rows} == {1}

    found = plans(long_used, ask)
    assert any("sessions_open" in line for line in found), found
    if name == "session_days":
        by_key = [
            line for line in found if "session_days_pkey" in line or "day=? AND user_id=? AND started_at=?" in line
        ]
        assert by_key, found
    for table in ("sessions", "session_days"):
        assert not any(f"Seq Scan on {table}" in line or line.startswith(f"SCAN {table}") for line in found), found
        assert not any(line == f"SEARCH {table} USING PRIMARY KEY (partition=?)" for line in found), found


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Seoul"])
@pytest.mark.parametrize("hour", range(0, 72, 7))
def test_every_day_of_an_open_session_is_found_wherever_its_guild_is(database: Database, zone: str, hour: int) -> None:
    writer, began = Writer(database), hour * DAY // 24
    rules = replace(fact(SettingsChanged(settings={"timezone": zone}), user=None), channel_id=None)
    writer.write([rules, fact(user=1, at=began), fact(user=2, channel=ChannelId(901), at=began + 3 * DAY)])
    writer.flush(START + began + 5 * DAY)
    before = writer.states[partition_of(GUILD, database.partitions)]
    again, _ = state.load(database, partition_of(GUILD, database.partitions))
    later = Ms(START + began + 9 * DAY)
    for fold in (before, again):
        for guild in fold.guilds.values():
            guild.advance(later)
    assert again.drain().rows["daily"] == before.drain().rows["daily"]
