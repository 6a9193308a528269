"""Announcements: somebody reached a level. In a channel or to themselves, as their guild wants it when it is said."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Final

import hikari
import msgspec

from tracker.discord.names import harmless
from tracker.discord.posts import Deliveries, DroppedError, Owed, Post
from tracker.discord.sight import Intake
from tracker.discord.texts import translate
from tracker.events.level_rules import ANNOUNCEMENT_PLACEHOLDERS
from tracker.events.settings import GuildSettings
from tracker.events.settings_model import Announcements
from tracker.graphemes import cut
from tracker.ids import GuildId, RoleId, UserId
from tracker.projections.standing import tier_of
from tracker.reports.text import number

__all__ = ["LevelPost", "LevelPosts"]

_LOG = logging.getLogger("tracker.discord.outbox")
_DEFAULT: Final = Announcements().template
_PLACEHOLDER: Final = re.compile(r"\{(" + "|".join(ANNOUNCEMENT_PLACEHOLDERS) + r")\}")
_LONGEST: Final = 1_900
_LONGEST_NAME: Final = 32
_LONGEST_SERVER: Final = 100
_MOST_ROLES: Final = 10


class LevelPost(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a delivery of kind `level`: from which level to which, with how much EXP.

    `tier_roles`: those that the member should hold now, `new_roles`: those of them that are new; ids with commas.
    """

    user_id: str
    level: int
    before: int
    exp: int
    tier_roles: str = ""
    new_roles: str = ""


class LevelPosts:
    """Renders deliveries of kind `level`."""

    def __init__(self, rest: hikari.api.RESTClient, intake: Intake, deliveries: Deliveries) -> None:
        self._rest = rest
        self._intake = intake
        self._deliveries = deliveries
        self._servers: dict[GuildId, str] = {}

    async def __call__(self, owed: Owed, settings: GuildSettings) -> Post:
        """Raises DroppedError if it is not wanted any more, or if there is a later level to be told."""
        about = msgspec.json.decode(owed.payload, type=LevelPost)
        user, rules = UserId(int(about.user_id)), settings.announcements
        await self._check(owed, settings, user)
        name = await self._deliveries.member_name(owed.guild_id, user) or ""
        private = rules.mode == "dm"
        server = await self._server(owed.guild_id) if private else None
        content = _words(about, settings, name, server)
        card = await asyncio.to_thread(_card, about, settings, name) if rules.card else None
        return Post(
            content=content,
            card=card,
            mentions=(user,) if rules.mentions else (),
            user_id=user if private else None,
            unmistakable=private or rules.template == _DEFAULT or "{mention}" in rules.template,
        )

    async def _check(self, owed: Owed, settings: GuildSettings, user: UserId) -> None:
        if settings.announcements.mode == "off":
            raise DroppedError("announcements are switched off")
        sight = self._intake.sight
        if sight.member(owed.guild_id, user) is None or sight.is_silent(owed.guild_id, user):
            raise DroppedError("the member has left or opted out")
        if not await self._deliveries.keep_newest(owed, f"level:{owed.guild_id}:{user}:"):
            raise DroppedError("a later level is told instead")

    async def _server(self, guild: GuildId) -> str | None:
        """What the guild is called, as of the first time it was asked; None if Discord does not tell."""
        if guild not in self._servers:
            try:
                self._servers[guild] = (await self._rest.fetch_guild(guild)).name
            except hikari.HTTPError:
                return None
        return self._servers[guild]


def _words(about: LevelPost, settings: GuildSettings, name: str, server: str | None) -> str:
    """The guild's template filled in, all placeholders at once: one that stands in a name is a part of that name.

    `server`: who is told by themselves is told where, too.
    """
    t, mention = translate(settings.locale), f"<@{about.user_id}>"
    tier = tier_of(settings, _ids(about.tier_roles))
    no_tier = t("announced.no_tier")
    values = {
        "mention": mention,
        "name": harmless(name, otherwise=mention),
        "level": number(about.level, settings.locale),
        "tier": no_tier if tier is None else harmless(tier.name, otherwise=no_tier),
        "exp": number(about.exp, settings.locale),
    }
    where = "" if server is None else harmless(server, otherwise="", longest=_LONGEST_SERVER)
    template, lines = settings.announcements.template, []
    if template != _DEFAULT:
        lines = [_PLACEHOLDER.sub(lambda found: values[found[1]], template)] + ([f"-# {where}"] if where else [])
    elif where:
        lines = [t("announced.level.dm", level=about.level, server=where)]
    else:
        lines = [t("announced.level", mention=mention, level=about.level)]
    roles = _role_names(about, settings)
    if roles:
        lines.insert(1, t("announced.roles", n=len(roles), roles=", ".join(f"**{role}**" for role in roles)))
    return cut("\n".join(lines), _LONGEST).strip()


def _role_names(about: LevelPost, settings: GuildSettings) -> list[str]:
    """Of the new roles those that are still in the guild's tiers, by the tiers' names."""
    new = _ids(about.new_roles)
    held = [harmless(tier.name, otherwise=str(tier.role_id)) for tier in settings.tiers.tiers if tier.role_id in new]
    return held[-_MOST_ROLES:]


def _ids(text: str) -> tuple[RoleId, ...]:
    return tuple(RoleId(int(part)) for part in text.split(",") if part)


def _card(about: LevelPost, settings: GuildSettings, name: str) -> bytes | None:
    """The image; None if it cannot be drawn, for the words say it as well."""
    t = translate(settings.locale)
    tier = tier_of(settings, _ids(about.tier_roles))
    try:
        from tracker.discord.cards import LevelFacts, level_card  # with it comes Pillow, which few guilds ask for

        return level_card(
            LevelFacts(
                name=name,
                otherwise=t("announced.member"),
                headline=t("announced.headline"),
                level_label=t("announced.label"),
                level=about.level,
                way=t("announced.way", before=about.before, level=about.level),
                tier=None if tier is None else tier.name,
            )
        )
    except Exception:  # fonts that are missing, names that nobody thought of
        _LOG.exception("the card of an announcement could not be drawn")
        return None
