"""What is stored about one member: shown, exported, erased; on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from store import log, personal, rebuild
from store.deliveries import NewDelivery, enqueue
from store.engine import Database
from tests.store.living import Writer, tables
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START, fact
from tests.store.test_queries import plans
from tracker.events.envelope import Event
from tracker.events.exchange import from_line
from tracker.events.member import (
    MemberForgotten,
    MemberJoined,
    MemberLeft,
    MemberOptedOut,
    MemberRenamed,
    MemberRolesChanged,
)
from tracker.events.message import MessageSent
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.ids import GuildId, RoleId, UserId
from tracker.projections.rows import TABLES

MINUTE, HOUR = 60_000, 3_600_000
ANN, BEN = UserId(1001), UserId(1002)


def lived(guild: int = GUILD) -> list[Event]:
    """Ann is an admin who joins, talks, writes and is given EXP by Ben; Ben does the same but for the rules."""
    told: list[Event] = []
    for number, user in enumerate((ANN, BEN)):
        other = BEN if user == ANN else ANN

        def did(data: Any, at: int, *, where: int | None = None, event_id: str | None = None, who: int = user) -> None:
            told.append(fact(data, at=at, user=who, channel=where, guild=guild, event_id=event_id))

        did(MemberJoined(name=f"name of {user}"), number)
        did(MemberRenamed(name=f"nick of {user}"), number + 10)
        did(MemberRolesChanged(role_ids=(RoleId(70), RoleId(71))), number + 20)
        did(VoiceJoined(), number + 30, where=CHANNEL)
        did(MessageSent(), 60_000 + number, where=CHANNEL, event_id=f"message:{guild + number}")
        did(VoiceLeft(), 20 * MINUTE + number, where=CHANNEL)
        did(ExpAdjusted(amount=500, reason="quiz", by=other), 21 * MINUTE)
    told.append(fact(SeasonStarted(name="spring", by=ANN), at=100, user=None, channel=None, guild=guild))
    rules = {"messages": {"revoke_s": 86400}, "tiers": {"list": [{"name": "A", "role_id": "9", "min_exp": 1}]}}
    told.append(fact(SettingsChanged(settings=rules, by=ANN), at=50, user=None, channel=None, guild=guild))
    told.append(fact(SettingsChanged(settings=rules | {"locale": "ko"}, by=BEN), at=200, user=None, guild=guild))
    return sorted(told, key=lambda event: event.occurred_at)


@pytest.fixture
def writer(database: Database) -> Writer:
    """The same life in two guilds, flushed, and an announcement for each of the two."""
    writer = Writer(database)
    writer.write(lived() + lived(OTHER_GUILD))
    writer.flush(START + HOUR)
    for guild in (GUILD, OTHER_GUILD):
        for user in (ANN, BEN, int(f"{ANN}0")):
            enqueue(
                database,
                NewDelivery(
                    key=f"level:{guild}:{user}:77",
                    guild_id=GuildId(guild),
                    channel_id=None,
                    kind="level",
                    payload=json.dumps({"user_id": str(user), "level": 77}),
                    at=START,
                ),
            )
    return writer


def forget(writer: Writer, user: UserId, guild: GuildId = GUILD) -> None:
    """As `Personal.forget` does it."""
    traces = personal.read_traces(writer.db, guild, user)
    personal.erase(writer.db, guild, user, traces)
    writer.write([fact(MemberForgotten(), at=2 * HOUR, user=user, channel=None, guild=guild)])
    writer.flush(START + 3 * HOUR)
    personal.erase(writer.db, guild, user, personal.read_traces(writer.db, guild, user, after=traces))


def exported(db: Database, user: UserId = ANN, guild: GuildId = GUILD) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for kind, entry in personal.read_export(db, guild, user):
        found.setdefault(kind, []).append(json.loads(entry))
    return found


def dump(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, as it is in the database."""
    with db.read() as connection:
        names = (*TABLES, "member_sync", "deliveries", "subjects", "events")
        return {n: sorted(map(tuple, connection.exec_driver_sql(f"SELECT * FROM {n}")), key=repr) for n in names}


def without(rows: Iterable[tuple[Any, ...]], *named: int) -> list[tuple[Any, ...]]:
    return [row for row in rows if not set(named) <= set(row)]


def test_what_is_kept_is_told_in_figures(writer: Writer) -> None:
    kept = personal.read_kept(writer.db, GUILD, ANN)
    assert kept is not None
    assert (kept.name, kept.roles, kept.since, kept.opted_out) == (f"nick of {ANN}", 2, START, False)
    assert (kept.sessions, kept.voice_ms, kept.messages) == (1, 20 * MINUTE - 30, 1)
    assert kept.exp > 500
    assert personal.read_kept(writer.db, GUILD, UserId(5)) is None
    writer.write([fact(MemberOptedOut(), at=2 * HOUR, user=5, channel=None)])
    writer.flush(START + 2 * HOUR)
    nobody = personal.read_kept(writer.db, GUILD, UserId(5))
    assert nobody is not None
    assert (nobody.opted_out, nobody.name, nobody.since, nobody.last_at) == (True, "", None, None)


def test_an_export_holds_every_row_and_event_of_the_member_and_nothing_of_anybody_else(writer: Writer) -> None:
    found = exported(writer.db)
    for name, table in TABLES.items():
        if "user_id" in table.columns:
            at = table.columns.index("user_id")
            mine = [row for row in tables(writer.db)[name] if row[0] == GUILD and row[at] == ANN]
            assert len(found.get(name, [])) == len(mine), name
    events = [from_line(json.dumps(event)) for event in found["events"]]
    logged = [r.event for p in writer.db.all_partitions for r in log.read(writer.db, p)]
    mine_told = [e for e in logged if e.guild_id == GUILD and e.user_id == ANN]
    assert [e.id for e in events] == [e.id for e in mine_told]
    assert all(e.user_id == ANN and e.guild_id == GUILD for e in events)
    assert next(e.data for e in events if isinstance(e.data, ExpAdjusted)) == ExpAdjusted(amount=500, reason="quiz")
    assert [act["type"] for act in found["done_as_admin"]] == ["settings.changed", "season.started", "exp.adjusted"]
    assert [post["key"] for post in found["announcements"]][-1] == f"level:{GUILD}:{ANN}:77"
    assert found["members"] == [
        {
            "guild_id": str(GUILD),
            "user_id": str(ANN),
            "name": f"nick of {ANN}",
            "bot": 0,
            "present": 1,
            "opted_out": None,
            "role_ids": "70,71",
        }
    ]
    text = json.dumps(found)
    assert str(BEN) not in text
    assert str(OTHER_GUILD) not in text
    assert exported(writer.db, UserId(5)) == {}


def test_a_forgotten_member_is_nowhere_and_everybody_else_is_as_before(writer: Writer) -> None:
    before = dump(writer.db)
    forget(writer, ANN)
    after = dump(writer.db)
    assert exported(writer.db) == {}
    assert personal.read_kept(writer.db, GUILD, ANN) is None
    for name in (n for n, table in TABLES.items() if "user_id" in table.columns):
        assert after[name] == without(before[name], GUILD, ANN), name
    assert after["member_sync"] == without(before["member_sync"], GUILD, ANN)
    assert before["member_sync"] != after["member_sync"]
    assert after["subjects"] == without(before["subjects"], GUILD, ANN)
    mine = f"level:{GUILD}:{ANN}:"
    kept = [row for row in before["deliveries"] if not any(str(cell).startswith(mine) for cell in row)]
    assert after["deliveries"] == kept
    assert len(before["deliveries"]) > len(kept) >= 5
    here = [row for table in ("rules", "events") for row in after[table] if GUILD in row]
    assert not any(str(ANN) in str(cell) for row in here for cell in row)
    rewritten = set(before["events"]) - set(after["events"])
    assert len(rewritten) == 2 + 3, "two names; two rules and an adjustment"
    assert all(GUILD in row for row in rewritten)


def test_the_log_reads_as_before_apart_from_who_it_was(writer: Writer) -> None:
    forget(writer, ANN)
    assert list(rebuild.verify(writer.db)) == []
    log.check_contiguity(writer.db)
    told = [r.event for p in writer.db.all_partitions for r in log.read(writer.db, p) if r.event.guild_id == GUILD]
    names = [(e.user_id, e.data.name) for e in told if isinstance(e.data, MemberJoined | MemberRenamed)]
    assert [name for user, name in names if user is not None and user < 0] == ["", ""]
    assert [name for user, name in names if user == BEN] == [f"name of {BEN}", f"nick of {BEN}"]
    by = [e.data.by for e in told if isinstance(e.data, SettingsChanged | SeasonStarted | ExpAdjusted)]
    assert sorted(by, key=str) == [BEN, BEN, None, None, None]


def test_what_was_erased_stays_so_after_a_rebuild_and_a_restart(writer: Writer) -> None:
    forget(writer, ANN)
    live = dump(writer.db)
    rebuild.rebuild(writer.db)
    assert {name: dump(writer.db)[name] for name in TABLES} == {name: live[name] for name in TABLES}
    assert exported(Writer(writer.db).db) == {}


def test_an_erasure_that_was_cut_off_is_completed_by_doing_it_again(writer: Writer) -> None:
    personal.erase(writer.db, GUILD, ANN, personal.read_traces(writer.db, GUILD, ANN))
    forget(writer, ANN)
    assert exported(writer.db) == {}
    assert list(rebuild.verify(writer.db)) == []


def test_who_comes_back_is_somebody_new_with_an_export_of_their_own(writer: Writer) -> None:
    forget(writer, ANN)
    writer.write(
        [
            fact(MemberJoined(name="Ann"), at=4 * HOUR, user=ANN, channel=None),
            fact(MemberLeft(), at=5 * HOUR, user=ANN, channel=None),
        ]
    )
    writer.flush(START + 6 * HOUR)
    found = exported(writer.db)
    assert [event["type"] for event in found["events"]] == ["member.joined", "member.left"]
    assert "daily" not in found


def test_what_a_member_was_given_on_discord_is_known_until_they_are_forgotten(writer: Writer) -> None:
    given = personal.read_given(writer.db, GUILD, ANN)
    assert given == personal.Given(tier_roles=(RoleId(9),), managed=False, set_nick=None, original_nick=None)
    assert personal.read_given(writer.db, GUILD, UserId(5)) is None
    forget(writer, ANN)
    assert personal.read_given(writer.db, GUILD, ANN) is None


def test_figures_are_found_by_key(writer: Writer) -> None:
    big = ("sessions", "totals", "role_changes", "members", "daily")
    for line in plans(writer.db, lambda: personal.read_kept(writer.db, GUILD, ANN)):
        assert not any(f"SCAN {table}" in line or f"Seq Scan on {table}" in line for table in big), line
