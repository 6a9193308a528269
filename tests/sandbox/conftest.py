from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import hikari
import pytest

from tests.hasty import hurry, try_again_at_once
from tests.sandbox.clients import Rest, bot_for
from tracker.sandbox import Channel, Guild, Member, Role, Sandbox, World


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real client waits seconds before it tries again; in tests it does so at once."""
    hurry(monkeypatch, backoff_window_s=-1.0)
    try_again_at_once(monkeypatch)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A small guild."""

    world: World
    guild: Guild
    role: Role
    voice: Channel
    other: Channel
    text: Channel
    minsu: Member
    ann: Member


@pytest.fixture
def town(sandbox: Sandbox) -> Town:
    world = sandbox.world
    guild = world.add_guild("스터디", afk_channel="잠수")
    role = world.add_role(guild, "팀원")
    return Town(
        world=world,
        guild=guild,
        role=role,
        voice=world.add_channel(guild, "🎙️대화", kind="voice"),
        other=world.add_channel(guild, "📝-공부방", kind="voice"),
        text=world.add_channel(guild, "log"),
        minsu=world.add_member(guild, "minsu", global_name="민수", roles=[role]),
        ann=world.add_member(guild, "ann", nick="Ann"),
    )


@pytest.fixture
async def bot(sandbox: Sandbox, town: Town) -> AsyncIterator[hikari.GatewayBot]:
    """The real client, connected."""
    bot = bot_for(sandbox)
    await bot.start(check_for_updates=False)
    yield bot
    if bot.is_alive:
        await bot.close()


@pytest.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[Rest]:
    async with Rest(sandbox) as client:
        yield client
