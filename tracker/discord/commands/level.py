"""`/level curve linear | mee6 | thresholds` (`/레벨 곡선` for Korean clients)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import lightbulb

from tracker.discord.commands.changing import command_group, tell
from tracker.discord.commands.proposing import Proposing
from tracker.discord.rules_text import curve_text
from tracker.discord.texts import translate
from tracker.events.editing import put

__all__ = ["LEVEL", "LINEAR_MOST", "THRESHOLDS_LONGEST", "thresholds_of"]

LEVEL: Final = command_group("level")
LINEAR_MOST: Final = 1_000_000_000
THRESHOLDS_LONGEST: Final = 6_000
_CURVE: Final = LEVEL.subgroup("command.level.curve.name", "command.level.curve.description", localize=True)
_MOST_LEVELS: Final = 1_000
_MOST_EXP: Final = 1_000_000_000_000
_BETWEEN: Final = re.compile(r"[\s,;]+")


def thresholds_of(typed: str) -> list[int] | None:
    """The numbers of `100, 250, 500`; None if they are no whole numbers that rise from 1 on."""
    pieces = [piece for piece in _BETWEEN.split(typed.strip()) if piece]
    if not 0 < len(pieces) <= _MOST_LEVELS or not all(p.isascii() and p.isdecimal() and len(p) < 14 for p in pieces):
        return None
    costs = [int(piece) for piece in pieces]
    rising = all(low < high for low, high in pairwise([0, *costs, _MOST_EXP + 1]))
    return costs if rising else None


async def _propose(ctx: lightbulb.Context, proposing: Proposing, levels: Mapping[str, Any]) -> None:
    await proposing.propose(ctx, lambda d: put(d, ("levels",), levels), "setting.curve", curve_text)


@_CURVE.register
class Linear(
    lightbulb.SlashCommand,
    name="command.level.curve.linear.name",
    description="command.level.curve.linear.description",
    localize=True,
):
    """Every level costs the same."""

    exp = lightbulb.integer(
        "option.per_level.name", "option.per_level.description", localize=True, min_value=1, max_value=LINEAR_MOST
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing) -> None:
        """Shown first; in force when confirmed."""
        await _propose(ctx, proposing, {"kind": "linear", "exp_per_level": self.exp})


@_CURVE.register
class Mee6(
    lightbulb.SlashCommand,
    name="command.level.curve.mee6.name",
    description="command.level.curve.mee6.description",
    localize=True,
):
    """Levels cost more and more, as MEE6's do."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing) -> None:
        """Shown first; in force when confirmed."""
        await _propose(ctx, proposing, {"kind": "mee6"})


@_CURVE.register
class Thresholds(
    lightbulb.SlashCommand,
    name="command.level.curve.thresholds.name",
    description="command.level.curve.thresholds.description",
    localize=True,
):
    """What each level costs in all, one by one."""

    exp = lightbulb.string(
        "option.thresholds.name",
        "option.thresholds.description",
        localize=True,
        min_length=1,
        max_length=THRESHOLDS_LONGEST,
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing) -> None:
        """Shown first; in force when confirmed."""
        costs = thresholds_of(self.exp)
        if costs is None:
            await tell(ctx, translate(str(ctx.interaction.locale))("level.bad_thresholds"))
            return
        await _propose(ctx, proposing, {"kind": "thresholds", "exp": costs})
