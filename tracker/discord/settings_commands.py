"""What admins are offered: every command that changes a guild's rules, with what those commands need."""

from __future__ import annotations

from typing import Final

import hikari
import lightbulb

from tracker.discord.backfill import Backfiller
from tracker.discord.channel_access import ChannelAccess
from tracker.discord.commands.announce import ANNOUNCE
from tracker.discord.commands.backfill import BACKFILL
from tracker.discord.commands.boards import BOARDS
from tracker.discord.commands.config import CONFIG
from tracker.discord.commands.exp_show import EXP
from tracker.discord.commands.level import LEVEL
from tracker.discord.commands.nickname import NICKNAME
from tracker.discord.commands.proposing import Proposing
from tracker.discord.commands.schedule import SCHEDULE
from tracker.discord.commands.season import SEASON
from tracker.discord.commands.tier_preview import TIER
from tracker.discord.commands.track import TRACK
from tracker.discord.confirming import Confirmations
from tracker.discord.hierarchy import Hierarchy
from tracker.discord.preview_desk import PreviewDesk, PreviewReader
from tracker.discord.sight import Intake
from tracker.ingest.rules import Rules

__all__ = ["offer"]

_AT_ONCE: Final = (CONFIG, TRACK, EXP, SCHEDULE, ANNOUNCE, BOARDS)
_SHOWN_FIRST: Final = (TIER, LEVEL, NICKNAME, SEASON)


def offer(
    bot: hikari.GatewayBot,
    commands: lightbulb.Client,
    *,
    intake: Intake,
    hierarchy: Hierarchy,
    rules: Rules,
    previews: PreviewReader | None,
    backfiller: Backfiller | None = None,
) -> None:
    """Register the commands. `previews` None leaves out those that show what a change would do before it is made.

    `backfiller` None leaves out the one that reads what was written before.
    """
    registry = commands.di.registry_for(lightbulb.di.Contexts.DEFAULT)
    registry.register_value(Rules, rules)
    registry.register_value(Hierarchy, hierarchy)
    registry.register_value(ChannelAccess, ChannelAccess(lambda: bot.rest, hierarchy))
    for group in _AT_ONCE:
        commands.register(group)
    if previews is None:
        return
    waiting = Confirmations(intake.clock)
    proposing = Proposing(rules=rules, desk=PreviewDesk(intake, previews), waiting=waiting)
    registry.register_value(Proposing, proposing)
    bot.event_manager.subscribe(hikari.ComponentInteractionCreateEvent, waiting.pressed)
    for group in _SHOWN_FIRST:
        commands.register(group)
    if backfiller is not None:
        registry.register_value(Backfiller, backfiller)
        registry.register_value(Confirmations, waiting)
        commands.register(BACKFILL)
