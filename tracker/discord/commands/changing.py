"""What commands that change a guild's rules have in common: who may, and how a change and its refusal are told."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import hikari
import lightbulb

from tracker.discord.commands.answers import reason
from tracker.discord.embeds import length
from tracker.discord.texts import translate
from tracker.errors import SettingsError
from tracker.events.editing import put
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import GuildId, UserId
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = [
    "ADMINS", "Edit", "InForce", "change", "command_group", "fitting", "put_all", "refused", "settings_of", "show",
    "tell",
]  # fmt: skip

ADMINS: Final = hikari.Permissions.MANAGE_GUILD
"""Whom Discord offers these commands, unless a server decides otherwise."""

Edit = Callable[[Mapping[str, Any]], Mapping[str, Any]]
InForce = Callable[[GuildSettings, Translate], str]

_LOG = logging.getLogger("tracker.discord.commands")
_COLOUR: Final = 0x5865F2
_CONTENT_LIMIT: Final = 2000
_DESCRIPTION_LIMIT: Final = 4096
_EXPLAINED: Final = (
    "timezone", "messages.exp_max", "voice.ignore.patterns", "reports", "reports.at", "announcements.template",
    "levels.exp",
)  # fmt: skip


def command_group(name: str) -> lightbulb.Group:
    """The group that is called `command.<name>.name`, for those who manage the server, and in servers only."""
    return lightbulb.Group(
        f"command.{name}.name",
        f"command.{name}.description",
        localize=True,
        contexts=[hikari.ApplicationContextType.GUILD],
        default_member_permissions=ADMINS,
    )


async def change(
    ctx: lightbulb.Context, rules: Rules, edit: Edit, what: str, in_force: InForce, *, note: InForce | None = None
) -> None:
    """Put the document that `edit` gives in force; tell what `in_force` says of it, and what it said before.

    A document that stays as it is makes no event. `what` is the key of the setting's name. `note`: what else is to be
    said of the settings as they are now; nothing if it is empty.
    """
    t = translate(str(ctx.interaction.locale))
    if ctx.guild_id is None:
        await tell(ctx, t("error.guild"))
        return
    guild = GuildId(ctx.guild_id)
    try:
        before = rules.document(guild)
        document = edit(before)
        was, now = (in_force(parse_settings(each), t) for each in (before, document))
        if document != before:
            rules.change(guild, document, UserId(ctx.user.id))
    except SettingsError as error:
        await tell(ctx, refused(error, t))
    except Exception as error:
        await tell(ctx, t(reason(ctx.command_data.qualified_name, error)))
    else:
        key = "changed.not" if document == before else "changed"
        remark = note(parse_settings(document), t) if note is not None else ""
        await tell(ctx, "\n".join(filter(None, (t(key, what=t(what), now=now, before=was), remark))))
        _LOG.info("settings of guild %d: %s changed by %d", guild, what, ctx.user.id)


def settings_of(rules: Rules, guild: int) -> GuildSettings:
    """What is in force."""
    return parse_settings(rules.document(GuildId(guild)))


async def tell(ctx: lightbulb.Context, content: str) -> None:
    """Answer so that only who asked sees it, and nobody is pinged."""
    await ctx.respond(
        fitting(content), ephemeral=True, mentions_everyone=False, user_mentions=False, role_mentions=False
    )


def fitting(content: str) -> str:
    """What has room in a message: a long list said twice, as it is and as it was, need not."""
    if length(content) <= _CONTENT_LIMIT:
        return content
    return content.encode("utf-16-le")[: 2 * (_CONTENT_LIMIT - 1)].decode("utf-16-le", "ignore") + "…"


async def show(ctx: lightbulb.Context, rules: Rules, says: InForce) -> None:
    """Tell what is in force; at once, because the rules are in memory. In an embed, which has room for 4,096 units."""
    t = translate(str(ctx.interaction.locale))
    if ctx.guild_id is None:
        await tell(ctx, t("error.guild"))
        return
    lines = says(settings_of(rules, ctx.guild_id), t).split("\n")
    embed = hikari.Embed(description=_within(lines, t, _DESCRIPTION_LIMIT), colour=_COLOUR)
    await ctx.respond(embed=embed, ephemeral=True)


def _within(lines: list[str], t: Translate, limit: int) -> str:
    """As many lines as fit, and how many do not."""
    text = "\n".join(lines)
    kept = len(lines)
    while length(text) > limit:
        kept -= 1
        text = "\n".join([*lines[:kept], t("track.more", n=len(lines) - kept).strip()])
    return text


def put_all(document: Mapping[str, Any], section: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document with several entries of a section changed."""
    for key, value in given.items():
        document = put(document, (section, key), value)
    return document


def refused(error: SettingsError, t: Translate) -> str:
    """Why a document was not taken."""
    key = re.sub(r"\[\d+\]", "", error.key)
    if key.endswith(".every_s"):
        return t("refused.every")
    return t(f"refused.{key}") if key in _EXPLAINED else t("refused.other", key=error.key or "?")
