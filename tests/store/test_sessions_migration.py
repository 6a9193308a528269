"""Databases in which sessions did not lie with their day are brought up to date, with all that they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from store import rebuild, state
from store.engine import Database, open_database
from store.schema import metadata
from tests.store.living import Writer, tables
from tests.store.old_databases import as_before
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tracker.events.channel import ChannelDescribed
from tracker.events.rule import SettingsChanged
from tracker.events.voice import VoiceLeft
from tracker.ids import ChannelId

pytestmark = pytest.mark.usefixtures("really_migrated")

MINUTE, DAY = 60_000, 86_400_000
WAITING = ChannelId(901)
THIRD_GUILD = 9 << 22
BEFORE = "0004"


def put_down(now: Database, before: Database) -> None:
    """All rows of a database, in one as they were kept before."""
    with now.read() as source, before.write() as target:
        found = {t.name: [dict(row._mapping) for row in source.execute(select(t))] for t in metadata.sorted_tables}
        assert found.pop("archive_contents") == []  # a later one made it
        visits = [*(row for row in found["sessions"] if row["day"]), *found["session_days"]]
        found["session_days"] = [{column: row[column] for column in _VISIT} for row in visits]
        found["sessions"] = [{c: value for c, value in row.items() if c != "day"} for row in found["sessions"]]
        # Of those that had ended without any tracked time there were rows, too.
        untracked = {"started_at": START, "ended_at": START + 2 * DAY, "user_id": 4, "voice_ms": 0}
        found["sessions"] += [row | untracked for row in found["sessions"] if row["user_id"] == 2]
        for name, rows in found.items():
            target.execute(text(f"DELETE FROM {name}"))
            if rows:
                named = ", ".join(rows[0]), ", ".join(f":{column}" for column in rows[0])
                target.execute(text("INSERT INTO {} ({}) VALUES ({})".format(name, *named)), rows)


_VISIT = ("partition", "guild_id", "day", "user_id", "started_at")


def live(db: Database) -> Writer:
    """Sessions of every kind, ended and open, in two guilds."""
    writer = Writer(db)
    for guild in (GUILD, OTHER_GUILD):
        waiting = fact(ChannelDescribed(name="대기실"), user=None, channel=WAITING, guild=guild)
        writer.write([waiting, *(fact(user=user, guild=guild) for user in (1, 2, 3))])
        writer.write([fact(user=user, guild=guild, channel=WAITING) for user in (4, 5)])
        writer.write([fact(VoiceLeft(), user=1, at=MINUTE, guild=guild), fact(user=6, at=MINUTE, guild=guild)])
        writer.write([fact(VoiceLeft(), user=6, at=MINUTE, guild=guild)])
        writer.write([fact(VoiceLeft(), user=user, at=2 * DAY, guild=guild) for user in (2, 4)])
    writer.flush(START + 2 * DAY)
    return writer


def test_sessions_of_a_database_made_before_lie_with_their_days_and_are_what_the_log_says(
    address: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, url = open_database(address()), address()
    live(now)
    before = as_before(url, BEFORE, monkeypatch)
    put_down(now, before)
    before.close()
    upgraded, expected = open_database(url), tables(now)
    assert tables(upgraded) == expected
    assert {row[1] for row in expected["sessions"]} == {0, 20260225}
    assert [row[1] for row in expected["session_days"]] == [20260226, 20260226, 20260227, 20260227] * 2
    assert rebuild.marked(upgraded) == frozenset()
    assert rebuild.verify(upgraded) == []
    assert made_like(upgraded) == made_like(now)
    Writer(upgraded).flush(START + 3 * DAY)  # an open session is found again, with all its days
    Writer(now).flush(START + 3 * DAY)
    assert tables(upgraded) == tables(now)
    rebuild.rebuild(upgraded)
    assert tables(upgraded) == tables(now)
    now.close()
    upgraded.close()


def made_like(db: Database) -> Sequence[object]:
    """What the two tables are like, but for the order of their columns."""
    names = ("sessions", "session_days")
    with db.read() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        look = inspect(connection)
        if db.dialect == "sqlite":
            asked = f"SELECT name, replace(sql, '\"', '') FROM sqlite_master WHERE tbl_name IN {names} AND sql > ''"
            return sorted(map(repr, connection.exec_driver_sql(asked).all()))
        asked = f"SELECT relname, reloptions::text, relpersistence FROM pg_class WHERE relname IN {names}"
        made = [*connection.exec_driver_sql(asked).all()]
        keys = [(look.get_pk_constraint(name), look.get_indexes(name)) for name in names]
        columns = [sorted((c["name"], c["nullable"], c["default"]) for c in look.get_columns(name)) for name in names]
        assert any("fillfactor=60" in str(row) for row in made)
        return [sorted(map(repr, made)), keys, columns]


def test_a_guild_whose_zone_changed_within_a_session_of_days_is_counted_anew_and_no_other(
    address: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """West of where it was, the day after midnight comes first: the smallest is not the first."""
    now, url = open_database(address()), address()
    writer = live(now)
    for guild, zones in ((GUILD, ("Asia/Seoul", "UTC")), (THIRD_GUILD, ("UTC", "UTC"))):
        rules = fact(SettingsChanged(settings={"timezone": zones[0]}), user=None, guild=guild, at=2 * DAY + MINUTE)
        writer.write([replace(rules, channel_id=None), fact(user=9, guild=guild, at=DAY * 5 // 2)])
        again = fact(SettingsChanged(settings={"timezone": zones[1]}), user=None, guild=guild, at=DAY * 5 // 2 + MINUTE)
        writer.write([replace(again, channel_id=None)])
    writer.flush(START + 4 * DAY)
    before = as_before(url, BEFORE, monkeypatch)
    put_down(now, before)
    before.close()
    upgraded = open_database(url)
    assert rebuild.marked(upgraded) == {GUILD}
    assert tables(upgraded)["sessions"] != tables(now)["sessions"]
    rebuild.rebuild(upgraded, guilds=[GUILD])
    assert tables(upgraded) == tables(now)
    now.close()
    upgraded.close()


def test_what_dies_in_between_leaves_the_database_as_it_was_and_the_next_start_goes_on(
    address: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, url = open_database(address()), address()
    live(now)
    before = as_before(url, BEFORE, monkeypatch)
    put_down(now, before)
    with before.write() as connection:
        connection.execute(text("CREATE VIEW of_mine AS SELECT user_id, voice_ms FROM sessions"))
    before.close()
    with monkeypatch.context() as patched:
        patched.setattr(op, "create_index", lambda *_, **__: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            open_database(url)
    again = as_before(url, BEFORE, monkeypatch)
    with again.read() as connection:
        assert "day" not in {c["name"] for c in inspect(connection).get_columns("sessions")}
    again.close()
    upgraded = open_database(url)
    assert tables(upgraded) == tables(now)
    with upgraded.read() as connection:
        assert not [name for name in inspect(connection).get_table_names() if name.endswith("0005")]
        seen = connection.execute(text("SELECT COUNT(*), SUM(voice_ms) FROM of_mine")).one()
    assert seen[0] == len(tables(now)["sessions"])
    assert int(seen[1]) > 0
    assert state.checkpoints(upgraded) == state.checkpoints(now)
    now.close()
    upgraded.close()
