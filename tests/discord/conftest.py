"""A bot that runs in a sandbox, over the real hikari client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.engine import Database
from tests.discord.archivist import BackfillHouse
from tests.discord.house import BoardHouse
from tests.discord.intake import FoldIntake
from tests.discord.personal import PersonalHouse
from tests.discord.ruled import RuledHouse
from tests.discord.wire import Wire
from tests.hasty import hurry
from tests.ingest.support import make_desk
from tracker.sandbox import Sandbox


@pytest.fixture
def intake() -> FoldIntake:
    return FoldIntake()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """hikari waits before it connects a second time and after each close; tests need not."""
    hurry(monkeypatch, backoff_window_s=0.0)


@pytest.fixture
async def sandbox(intake: FoldIntake) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock=intake.clock) as sandbox:
        yield sandbox


@pytest.fixture
async def wire(intake: FoldIntake, sandbox: Sandbox) -> AsyncIterator[Wire]:
    """A guild with a bot in it that is not started yet."""
    wire = Wire(intake, sandbox)
    yield wire
    await wire.front.close()


@pytest.fixture
async def house(sqlite: Database) -> AsyncIterator[BoardHouse]:
    """The town with the real ingest on a SQLite file, and boards; not started yet."""
    desk = make_desk(sqlite, commit_ms=0)
    async with Sandbox(clock=desk.clock) as sandbox:
        house = BoardHouse(desk, sandbox)
        yield house
        await house.front.close()
        await house.desk.ingest.close(5)


@pytest.fixture
async def ruled(sqlite: Database) -> AsyncIterator[RuledHouse]:
    """The town with the real ingest on a SQLite file, and an admin; not started yet."""
    desk = make_desk(sqlite, commit_ms=0)
    async with Sandbox(clock=desk.clock) as sandbox:
        house = RuledHouse(desk, sandbox)
        yield house
        await house.front.close()
        await house.desk.ingest.close(5)


@pytest.fixture
async def own(sqlite: Database) -> AsyncIterator[PersonalHouse]:
    """The town with the real ingest on a SQLite file, whose members ask about themselves; not started yet."""
    desk = make_desk(sqlite, commit_ms=0)
    async with Sandbox(clock=desk.clock) as sandbox:
        house = PersonalHouse(desk, sandbox)
        yield house
        await house.front.close()
        await house.desk.ingest.close(5)


@pytest.fixture
async def past(sqlite: Database) -> AsyncIterator[BackfillHouse]:
    """The town with the real ingest on a SQLite file, and an admin who has the past read; not started yet."""
    desk = make_desk(sqlite, commit_ms=0)
    async with Sandbox(clock=desk.clock) as sandbox:
        house = BackfillHouse(desk, sandbox)
        yield house
        await house.front.close()
        await house.desk.ingest.close(5)
