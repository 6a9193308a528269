"""What members do about their own data while the bot runs, on both databases."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import store.personal
from store.engine import Database
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD, MINUTE
from tests.store.living import tables
from tracker.errors import DatabaseError
from tracker.events.member import MemberForgotten, MemberJoined, MemberRenamed, MemberRolesChanged
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import RoleId, UserId
from tracker.ingest.personal import Personal
from tracker.ingest.reader import Reader
from tracker.projections.rows import TABLES

ANN, BEN = UserId(1), UserId(2)


@pytest.fixture
def desk(database: Database) -> Desk:
    return make_desk(database)


def personal_of(desk: Desk) -> Personal:
    return Personal(desk.database, desk.ingest, Reader(desk.database, desk.clock))


def live(desk: Desk) -> None:
    """Ann, an admin, and Ben talk and write."""
    for number, user in enumerate((ANN, BEN)):
        desk.ingest.accept(desk.fact(MemberJoined(name=f"name {user}"), user, None))
        desk.join(user)
        desk.message(500 + number, user)
    desk.ingest.accept(desk.fact(SettingsChanged(settings={"locale": "ko"}, by=ANN), None, None))
    desk.ingest.accept(desk.fact(ExpAdjusted(amount=9, by=ANN), BEN, None))
    desk.clock.time += 20 * MINUTE


def rows_of(desk: Desk, user: int) -> dict[str, list[Any]]:
    at = {name: t.columns.index("user_id") for name, t in TABLES.items() if "user_id" in t.columns}
    found = tables(desk.database)
    return {name: mine for name, n in at.items() if (mine := [row for row in found[name] if row[n] == user])}


async def test_the_forgotten_are_nowhere_not_even_in_what_others_did(desk: Desk) -> None:
    live(desk)
    await personal_of(desk).forget(GUILD, ANN, opt_out=False)
    assert rows_of(desk, ANN) == {}
    assert {row[2] for row in tables(desk.database)["rules"]} <= {'{"locale":"ko"}'}
    told = desk.logged()
    assert [e.data.by for e in told if isinstance(e.data, SettingsChanged | ExpAdjusted)] == [None, None]
    assert [e.data.name for e in told if isinstance(e.data, MemberJoined)] == ["", "name 2"]
    assert {e.user_id for e in told if e.user_id is not None and e.user_id > 0} == {BEN}
    desk.check()
    await desk.ingest.close(10)


async def test_what_happens_while_it_goes_on_is_erased_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    live(desk)
    read, loop = store.personal.read_traces, asyncio.get_running_loop()

    def slowly(*given: Any, **more: Any) -> Any:
        found = read(*given, **more)
        if not more:  # a rename that comes in once the log was searched
            loop.call_soon_threadsafe(desk.ingest.accept, desk.fact(MemberRenamed(name="late name"), ANN, None))
        return found

    monkeypatch.setattr(store.personal, "read_traces", slowly)
    await personal_of(desk).forget(GUILD, ANN, opt_out=False)
    assert [e.data.name for e in desk.logged() if isinstance(e.data, MemberRenamed)] == [""]
    assert rows_of(desk, ANN) == {}
    desk.check()
    await desk.ingest.close(10)


@pytest.mark.parametrize("fails", [0, 1])
async def test_doing_it_again_completes_what_failed(desk: Desk, monkeypatch: pytest.MonkeyPatch, fails: int) -> None:
    live(desk)
    erase, calls = store.personal.erase, []

    def failing(*given: Any) -> None:
        calls.append(given)
        if len(calls) == fails + 1:
            raise DatabaseError("locked")
        erase(*given)

    monkeypatch.setattr(store.personal, "erase", failing)
    own = personal_of(desk)
    with pytest.raises(DatabaseError):
        await own.forget(GUILD, ANN, opt_out=False)
    assert (rows_of(desk, ANN) == {}) is (fails == 1)
    await own.forget(GUILD, ANN, opt_out=False)
    assert rows_of(desk, ANN) == {}
    assert [e.data.name for e in desk.logged() if isinstance(e.data, MemberJoined)] == ["", "name 2"]
    desk.check()
    await desk.ingest.close(10)


async def test_who_stays_uncounted_leaves_a_note_without_a_name(desk: Desk) -> None:
    live(desk)
    own = personal_of(desk)
    await own.forget(GUILD, ANN, opt_out=True)
    desk.join(ANN)
    desk.message(600, ANN)
    desk.ingest.accept(desk.fact(MemberJoined(name="name 1"), ANN, None))
    desk.ingest.accept(desk.fact(MemberRolesChanged(role_ids=(RoleId(70),)), ANN, None))
    await desk.ingest.flush()
    assert rows_of(desk, ANN) == {"members": [(GUILD, ANN, None, None, None, 1, None)]}
    kept = await own.kept(GUILD, ANN)
    assert kept is not None
    assert (kept.opted_out, kept.name) == (True, "")
    desk.check()
    own.opt_in(GUILD, ANN)
    desk.message(601, ANN)
    await desk.ingest.flush()
    assert [row[4] for row in rows_of(desk, ANN)["totals"]] == [1]
    await desk.ingest.close(10)


async def test_an_export_is_empty_after_it_and_full_before(desk: Desk, tmp_path: Path) -> None:
    live(desk)
    await desk.ingest.flush()
    own = personal_of(desk)
    found = await own.export(GUILD, ANN, tmp_path)
    (file,) = found.files
    told = json.loads(file.read_text("utf-8"))
    assert [event["type"] for event in told["events"]] == ["member.joined", "voice.joined", "message.sent"]
    assert found.counts["done_as_admin"] == 2
    assert told["about"] == {
        "guild_id": str(GUILD), "user_id": str(ANN), "exported_at": "2026-02-18T07:53:20Z", "file": 1,
    }  # fmt: skip
    await own.forget(GUILD, ANN, opt_out=False)
    assert (await own.export(GUILD, ANN, tmp_path)).files == ()
    assert MemberForgotten.TYPE in {e.type for e in desk.logged()}
    await desk.ingest.close(10)
