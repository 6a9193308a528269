"""`/backfill start | status | cancel` (`/지난메시지` for Korean clients): messages from before the bot was here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import hikari
import lightbulb

from store.backfills import Backfill
from tracker.discord.backfill import Backfiller, Standing
from tracker.discord.backfill_text import plan_lines, progress_lines
from tracker.discord.commands.answers import INITIAL, privately
from tracker.discord.commands.changing import command_group, fitting
from tracker.discord.confirming import Confirmations, Proposal
from tracker.ids import ChannelId, GuildId, Ms, UserId
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["BACKFILL"]

BACKFILL: Final = command_group("backfill")
_DAY_MS: Final = 86_400_000
_MOST_DAYS: Final = 3_650
_SHOWN_S: Final = 14 * 60.0
"""For how long the answer is edited: Discord takes that for 15 minutes."""
_KINDS: Final = (
    hikari.ChannelType.GUILD_TEXT,
    hikari.ChannelType.GUILD_NEWS,
    hikari.ChannelType.GUILD_FORUM,
    hikari.ChannelType.GUILD_VOICE,
    hikari.ChannelType.GUILD_STAGE,
    hikari.ChannelType.GUILD_PUBLIC_THREAD,
    hikari.ChannelType.GUILD_NEWS_THREAD,
)


@BACKFILL.register
class Start(
    lightbulb.SlashCommand,
    name="command.backfill.start.name",
    description="command.backfill.start.description",
    localize=True,
):
    """Read what was written before."""

    days = lightbulb.integer(
        "option.backfill_days.name", "option.backfill_days.description", localize=True,
        min_value=1, max_value=_MOST_DAYS,
    )  # fmt: skip
    channel = lightbulb.channel(
        "option.backfill_channel.name", "option.backfill_channel.description", localize=True,
        channel_types=_KINDS, default=None,
    )  # fmt: skip

    @lightbulb.invoke
    async def invoke(
        self, ctx: lightbulb.Context, backfiller: Backfiller, waiting: Confirmations, rules: Rules
    ) -> None:
        """Says what would be read; begun when confirmed."""

        async def start(guild: GuildId, t: Translate) -> None:
            standing = await backfiller.standing(guild)
            if standing is not None and standing.wanted.ended_at is None:
                await _show(ctx, [t("backfill.already"), *progress_lines(standing.wanted, standing.progress, t)])
                return
            now = rules.clock.now()
            asker = UserId(ctx.user.id)
            wanted = Backfill(
                guild_id=guild,
                run=now,
                since=Ms(now - self.days * _DAY_MS),
                until=now,
                channel_id=None if self.channel is None else ChannelId(self.channel.id),
                asked_by=asker,
            )
            found = await backfiller.survey(wanted)
            if self.channel is not None and not found.channels and found.refused:
                await _show(ctx, [t("backfill.unread.one", channel=f"<#{self.channel.id}>")])
                return
            say = _progress_in(ctx, t)
            proposal = Proposal(
                asker=asker,
                stands=lambda: True,
                apply=lambda: backfiller.begin(wanted, say),
                done=t("backfill.begun"),
                about=f"backfill of guild {guild} over {self.days} days begun",
            )
            lines = fitting("\n".join(plan_lines(wanted, found, t)))
            await _show(ctx, [lines], waiting.ask(proposal, t))

        await privately(ctx, start, unasked="backfill.not_asked")


@BACKFILL.register
class Status(
    lightbulb.SlashCommand,
    name="command.backfill.status.name",
    description="command.backfill.status.description",
    localize=True,
):
    """How far the reading has come."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, backfiller: Backfiller) -> None:
        """Of the newest one, whether it is over or not."""

        async def status(guild: GuildId, t: Translate) -> None:
            found = await backfiller.standing(guild)
            lines = [t("backfill.never")] if found is None else progress_lines(found.wanted, found.progress, t)
            await _show(ctx, [*lines])

        await privately(ctx, status, unasked="backfill.not_asked")


@BACKFILL.register
class Cancel(
    lightbulb.SlashCommand,
    name="command.backfill.cancel.name",
    description="command.backfill.cancel.description",
    localize=True,
):
    """Read no further."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, backfiller: Backfiller) -> None:
        """What was read stays."""

        async def cancel(guild: GuildId, t: Translate) -> None:
            found = await backfiller.cancel(guild)
            lines = [t("backfill.idle")] if found is None else progress_lines(found.wanted, found.progress, t)
            await _show(ctx, [*lines])

        await privately(ctx, cancel, unasked="backfill.not_asked")


async def _show(ctx: lightbulb.Context, lines: list[str], row: hikari.api.ComponentBuilder | None = None) -> None:
    await ctx.edit_response(
        INITIAL,
        fitting("\n".join(lines)),
        components=[] if row is None else [row],
        mentions_everyone=False,
        user_mentions=False,
        role_mentions=False,
    )


def _progress_in(ctx: lightbulb.Context, t: Translate) -> Callable[[Standing], Awaitable[bool]]:
    """Edits the answer for as long as Discord takes edits of it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _SHOWN_S

    async def say(standing: Standing) -> bool:
        if loop.time() > until:
            return False
        await _show(ctx, [*progress_lines(standing.wanted, standing.progress, t)])
        return True

    return say
