"""`/boards on | off` (`/순위공개` for Korean clients): whether members see each other's figures."""

from __future__ import annotations

from typing import Final

import lightbulb

from tracker.discord.commands.changing import change, command_group
from tracker.discord.rules_text import boards_text
from tracker.events.editing import put
from tracker.ingest.rules import Rules

__all__ = ["BOARDS"]

BOARDS: Final = command_group("boards")


async def _switch(ctx: lightbulb.Context, rules: Rules, *, on: bool) -> None:
    await change(ctx, rules, lambda d: put(d, ("boards", "enabled"), on), "setting.boards", boards_text)


@BOARDS.register
class BoardsOn(
    lightbulb.SlashCommand, name="command.boards.on.name", description="command.boards.on.description", localize=True
):
    """Members see each other's figures."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await _switch(ctx, rules, on=True)


@BOARDS.register
class BoardsOff(
    lightbulb.SlashCommand, name="command.boards.off.name", description="command.boards.off.description", localize=True
):
    """Members see their own figures only."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await _switch(ctx, rules, on=False)
