"""`/nickname template | on | off | show` (`/별명` for Korean clients)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import hikari
import lightbulb

from tracker.discord.commands.answers import reason
from tracker.discord.commands.changing import change, command_group, settings_of, tell
from tracker.discord.commands.proposing import Proposing
from tracker.discord.hierarchy import Hierarchy
from tracker.discord.names import harmless
from tracker.discord.rules_text import nickname_text
from tracker.discord.texts import translate
from tracker.errors import SettingsError
from tracker.events.editing import put
from tracker.events.level_rules import NICKNAME_PLACEHOLDERS, unknown_placeholders
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import GuildId, UserId
from tracker.projections.nickname import nickname_for
from tracker.projections.standing import standing_of, tier_of
from tracker.reports.catalogue import Translate
from tracker.reports.preview import Footing

__all__ = ["NICKNAME"]

NICKNAME: Final = command_group("nickname")
_RENAMING: Final = hikari.Permissions.MANAGE_NICKNAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remarks:
    """What is said of the rules besides: what who asked would be called, and what keeps it from happening."""

    member: hikari.Member
    guild: GuildId
    footing: Footing
    hierarchy: Hierarchy

    def __call__(self, settings: GuildSettings, t: Translate) -> str:
        lines = [t("nickname.preview", name=harmless(self._name(settings), otherwise="—"))]
        if self.hierarchy.knows(self.guild):
            own = self.hierarchy.highest_own(self.guild)
            if not self.hierarchy.bot_permissions(self.guild) & _RENAMING:
                name = harmless("?" if own is None else own.name, otherwise="?", longest=100)
                lines.append(t("nickname.no_permission", own=name))
            elif self.hierarchy.member_above_bot(self.guild, UserId(self.member.id), map(int, self.member.role_ids)):
                lines.append(t("nickname.out_of_reach"))
        if "{tier}" in settings.nickname.template and not settings.tiers.tiers:
            lines.append(t("nickname.no_tiers"))
        return "\n".join(lines)

    def _name(self, settings: GuildSettings) -> str:
        footing, member = self.footing, self.member
        standing = standing_of(settings, footing.exp, footing.basis_exp)
        tier = tier_of(settings, standing.tier_roles)
        given = footing.original_nick if member.nickname in footing.own_nicks else member.nickname
        name = given or member.global_name or member.username
        template = settings.nickname.template
        return nickname_for(template, None if tier is None else tier.name, name, standing.level, footing.exp)


async def _with_remarks(
    ctx: lightbulb.Context, proposing: Proposing, hierarchy: Hierarchy, given: Mapping[str, Any]
) -> None:
    """Change what is given of the nickname's settings and say what becomes of who asked; with nothing, only say it."""
    t = translate(str(ctx.interaction.locale))
    if ctx.guild_id is None or ctx.member is None:
        await tell(ctx, t("error.guild"))
        return
    guild = GuildId(ctx.guild_id)
    await ctx.defer(ephemeral=True)
    try:
        rules = parse_settings(_edited(proposing.rules.document(guild), given))
        footing = await proposing.desk.footing(guild, UserId(ctx.user.id), rules)
    except Exception as error:
        key = "refused.other" if isinstance(error, SettingsError) else reason("nickname", error)
        await tell(ctx, t(key, key="nickname"))
        return
    remarks = _Remarks(member=ctx.member, guild=guild, footing=footing, hierarchy=hierarchy)
    if given:
        edit = lambda d: _edited(d, given)  # noqa: E731
        await change(ctx, proposing.rules, edit, "setting.nickname", nickname_text, note=remarks)
    else:
        settings = settings_of(proposing.rules, guild)
        await tell(ctx, f"{t('setting.nickname')}: **{nickname_text(settings, t)}**\n{remarks(settings, t)}")


def _edited(document: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    for key, value in given.items():
        document = put(document, ("nickname", key), value)
    return document


@NICKNAME.register
class Template(
    lightbulb.SlashCommand,
    name="command.nickname.template.name",
    description="command.nickname.template.description",
    localize=True,
):
    """How nicknames are made."""

    template = lightbulb.string(
        "option.template.name", "option.nickname_template.description", localize=True, min_length=1, max_length=100
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing, hierarchy: Hierarchy) -> None:
        """In force from now on, if nicknames are on."""
        t = translate(str(ctx.interaction.locale))
        template = " ".join(self.template.split())
        unknown = unknown_placeholders(template, NICKNAME_PLACEHOLDERS)
        if not template or unknown:
            known = ", ".join(f"{{{name}}}" for name in NICKNAME_PLACEHOLDERS)
            wrong = harmless(f"{{{unknown[0]}}}" if unknown else "", otherwise="?", longest=100)
            await tell(ctx, t("nickname.unknown" if unknown else "nickname.empty", wrong=wrong, known=known))
            return
        await _with_remarks(ctx, proposing, hierarchy, {"template": template})


@NICKNAME.register
class On(
    lightbulb.SlashCommand,
    name="command.nickname.on.name",
    description="command.nickname.on.description",
    localize=True,
):
    """Members are renamed."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing, hierarchy: Hierarchy) -> None:
        """In force from now on."""
        await _with_remarks(ctx, proposing, hierarchy, {"enabled": True})


@NICKNAME.register
class Off(
    lightbulb.SlashCommand,
    name="command.nickname.off.name",
    description="command.nickname.off.description",
    localize=True,
):
    """Members get back the names that they had."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing) -> None:
        """In force from now on."""
        await change(
            ctx,
            proposing.rules,
            lambda d: put(d, ("nickname", "enabled"), False),
            "setting.nickname",
            nickname_text,
            note=lambda _, t: t("nickname.restored"),
        )


@NICKNAME.register
class Show(
    lightbulb.SlashCommand,
    name="command.nickname.show.name",
    description="command.nickname.show.description",
    localize=True,
):
    """The template, and what who asks would be called by it."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing, hierarchy: Hierarchy) -> None:
        """Deferred, because all that happened up to now is written first."""
        await _with_remarks(ctx, proposing, hierarchy, {})
