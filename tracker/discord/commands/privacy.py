"""`/privacy show | export | opt-out | opt-in | forget` (`/개인정보` for Korean clients); seen by who asks only."""

from __future__ import annotations

from typing import Final

import hikari
import lightbulb

from tracker.discord.commands.answers import INITIAL, privately
from tracker.discord.privacy_desk import PrivacyDesk
from tracker.discord.privacy_embed import kept_embed
from tracker.discord.privacy_presses import forget_buttons
from tracker.discord.texts import translate
from tracker.ids import GuildId, UserId
from tracker.ingest.export_files import Export
from tracker.reports.catalogue import Translate

__all__ = ["PRIVACY"]

PRIVACY: Final = lightbulb.Group(
    "command.privacy.name",
    "command.privacy.description",
    localize=True,
    contexts=[hikari.ApplicationContextType.GUILD],
)


@PRIVACY.register
class Show(
    lightbulb.SlashCommand,
    name="command.privacy.show.name",
    description="command.privacy.show.description",
    localize=True,
):
    """What is stored."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: PrivacyDesk) -> None:
        """In figures; every single entry is in the export."""

        async def show(guild: GuildId, _: Translate) -> None:
            kept = await desk.kept(guild, UserId(ctx.user.id))
            embed = kept_embed(kept, str(ctx.interaction.locale), boards=desk.shows_boards(guild))
            await ctx.edit_response(INITIAL, embed=embed)

        await privately(ctx, show)


@PRIVACY.register
class ExportData(
    lightbulb.SlashCommand,
    name="command.privacy.export.name",
    description="command.privacy.export.description",
    localize=True,
):
    """Everything, as JSON files."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: PrivacyDesk) -> None:
        """A file a message: together they could be more than Discord takes at once."""

        async def export(guild: GuildId, t: Translate) -> None:
            async with desk.export(guild, UserId(ctx.user.id)) as found:
                if not found.files:
                    await ctx.edit_response(INITIAL, t("privacy.nothing"))
                    return
                await ctx.edit_response(INITIAL, _told(found, t), attachment=hikari.File(found.files[0]))
                for path in found.files[1:]:
                    await ctx.respond(attachment=hikari.File(path), ephemeral=True)

        await privately(ctx, export)


def _told(found: Export, t: Translate) -> str:
    rows = sum(count for kind, count in found.counts.items() if kind != "events")
    lines = [t("privacy.exported", events=found.counts.get("events", 0), rows=rows)]
    if len(found.files) > 1:
        lines.append(t("privacy.exported.files", n=len(found.files)))
    if not found.complete:
        lines.append(t("privacy.exported.cut"))
    return "\n".join(lines)


@PRIVACY.register
class OptOut(
    lightbulb.SlashCommand,
    name="command.privacy.opt_out.name",
    description="command.privacy.opt_out.description",
    localize=True,
):
    """Not to be counted any more."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: PrivacyDesk) -> None:
        """In force from now on; what was counted stays."""

        async def opt_out(guild: GuildId, t: Translate) -> None:
            changed = await desk.opt_out(guild, UserId(ctx.user.id))
            await ctx.edit_response(INITIAL, t("privacy.opted_out" if changed else "privacy.opted_out.already"))

        await privately(ctx, opt_out)


@PRIVACY.register
class OptIn(
    lightbulb.SlashCommand,
    name="command.privacy.opt_in.name",
    description="command.privacy.opt_in.description",
    localize=True,
):
    """To be counted again."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: PrivacyDesk) -> None:
        """In force from now on; what happened meanwhile was not counted."""

        async def opt_in(guild: GuildId, t: Translate) -> None:
            changed = isinstance(ctx.member, hikari.Member) and await desk.opt_in(guild, ctx.member)
            await ctx.edit_response(INITIAL, t("privacy.opted_in" if changed else "privacy.opted_in.already"))

        await privately(ctx, opt_in)


@PRIVACY.register
class Forget(
    lightbulb.SlashCommand,
    name="command.privacy.forget.name",
    description="command.privacy.forget.description",
    localize=True,
):
    """To have everything erased."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context) -> None:
        """Says what would happen; a button does it."""
        locale = str(ctx.interaction.locale)
        t = translate(locale)
        if ctx.guild_id is None:
            await ctx.respond(t("error.guild"), ephemeral=True)
            return
        told = "\n".join(t(f"privacy.forget.{part}") for part in ("what", "given", "stays", "again"))
        await ctx.respond(
            embed=hikari.Embed(title=t("privacy.forget.title"), description=told, colour=0xED4245),
            component=forget_buttons(locale),
            ephemeral=True,
        )
