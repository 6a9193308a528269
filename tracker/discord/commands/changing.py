"""What commands that change a guild's rules have in common: who may, and how a change and its refusal are told."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import hikari
import lightbulb

from tracker.discord.commands.answers import reason
from tracker.discord.texts import translate
from tracker.errors import SettingsError
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import GuildId, UserId
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["ADMINS", "Edit", "InForce", "change", "command_group", "settings_of", "tell"]

ADMINS: Final = hikari.Permissions.MANAGE_GUILD
"""Whom Discord offers these commands, unless a server decides otherwise."""

Edit = Callable[[Mapping[str, Any]], Mapping[str, Any]]
InForce = Callable[[GuildSettings, Translate], str]

_LOG = logging.getLogger("tracker.discord.commands")
_EXPLAINED: Final = ("timezone", "messages.exp_max", "voice.ignore.patterns", "reports", "reports.at")


def command_group(name: str) -> lightbulb.Group:
    """The group that is called `command.<name>.name`, for those who manage the server, and in servers only."""
    return lightbulb.Group(
        f"command.{name}.name",
        f"command.{name}.description",
        localize=True,
        contexts=[hikari.ApplicationContextType.GUILD],
        default_member_permissions=ADMINS,
    )


async def change(ctx: lightbulb.Context, rules: Rules, edit: Edit, what: str, in_force: InForce) -> None:
    """Put the document that `edit` gives in force; tell what `in_force` says of it, and what it said before.

    A document that stays as it is makes no event. `what` is the key of the setting's name.
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
        await tell(ctx, _refused(error, t))
    except Exception as error:
        await tell(ctx, t(reason(ctx.command_data.qualified_name, error)))
    else:
        key = "changed.not" if document == before else "changed"
        await tell(ctx, t(key, what=t(what), now=now, before=was))
        _LOG.info("settings of guild %d: %s changed by %d", guild, what, ctx.user.id)


def settings_of(rules: Rules, guild: int) -> GuildSettings:
    """What is in force."""
    return parse_settings(rules.document(GuildId(guild)))


async def tell(ctx: lightbulb.Context, content: str) -> None:
    """Answer so that only who asked sees it, and nobody is pinged."""
    await ctx.respond(content, ephemeral=True, mentions_everyone=False, user_mentions=False, role_mentions=False)


def _refused(error: SettingsError, t: Translate) -> str:
    key = re.sub(r"\[\d+\]", "", error.key)
    if key.endswith(".every_s"):
        return t("refused.every")
    return t(f"refused.{key}") if key in _EXPLAINED else t("refused.other", key=error.key or "?")
