"""A bot that runs in a sandbox, over the real hikari client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.discord.intake import FoldIntake
from tests.discord.wire import Wire
from tracker.sandbox import Sandbox


@pytest.fixture
def intake() -> FoldIntake:
    return FoldIntake()


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """hikari waits some seconds before it connects a second time; tests need not."""
    monkeypatch.setattr("hikari.impl.shard._BACKOFF_WINDOW", 0.0)


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
