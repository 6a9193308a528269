"""Changes that are shown before they are made: what they would mean for the members, with Confirm and Cancel."""

from __future__ import annotations

from dataclasses import dataclass

import lightbulb

from tracker.discord.commands.answers import INITIAL, reason
from tracker.discord.commands.changing import Edit, InForce, fitting, refused, tell
from tracker.discord.confirming import Confirmations, Proposal
from tracker.discord.preview_desk import PreviewDesk
from tracker.discord.preview_text import preview_lines
from tracker.discord.texts import translate
from tracker.errors import SettingsError
from tracker.events.settings import parse_settings
from tracker.ids import GuildId, UserId
from tracker.ingest.rules import Rules

__all__ = ["Proposing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposing:
    """What a command needs to propose a change."""

    rules: Rules
    desk: PreviewDesk
    waiting: Confirmations

    async def propose(
        self, ctx: lightbulb.Context, edit: Edit, what: str, in_force: InForce, *, note: InForce | None = None
    ) -> None:
        """Show what the document that `edit` gives would do; it is put in force when who asked confirms it.

        As with `change`, a document that stays as it is proposes nothing. `note`: what else is to be said of the
        settings proposed; nothing if it is empty.
        """
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        guild, asker, rules = GuildId(ctx.guild_id), UserId(ctx.user.id), self.rules
        before = rules.document(guild)
        try:
            document = edit(before)
            old, new = parse_settings(before), parse_settings(document)
        except SettingsError as error:
            await tell(ctx, refused(error, t))
            return
        was, now = in_force(old, t), in_force(new, t)
        if document == before:
            await tell(ctx, t("changed.not", what=t(what), now=now))
            return
        await ctx.defer(ephemeral=True)
        try:
            found = await self.desk.preview(guild, new)
        except Exception as error:
            await ctx.edit_response(INITIAL, t(reason(ctx.command_data.qualified_name, error)))
            return
        proposal = Proposal(
            asker=asker,
            stands=lambda: rules.document(guild) == before,
            apply=lambda: rules.change(guild, document, asker),
            done=t("changed", what=t(what), now=now, before=was),
            about=f"settings of guild {guild}: {what} changed",
        )
        remark = "" if note is None else note(new, t)
        lines = [t("confirm.change", what=t(what), now=now, before=was), remark, *preview_lines(found, old, new, t)]
        await self.ask(ctx, proposal, "\n".join(filter(None, lines)))

    async def ask(self, ctx: lightbulb.Context, proposal: Proposal, content: str) -> None:
        """Fill in the answer that was deferred, with the buttons."""
        row = self.waiting.ask(proposal, translate(str(ctx.interaction.locale)))
        await ctx.edit_response(
            INITIAL, fitting(content), component=row, mentions_everyone=False, user_mentions=False, role_mentions=False
        )
