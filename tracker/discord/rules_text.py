"""What a guild's settings say, in words: shown by `show` commands, and after each change as it is and as it was."""

from __future__ import annotations

from typing import Final

from tracker.clock import from_ms
from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.events.level_rules import Curve, LinearCurve, ThresholdCurve, Tier, cost_of
from tracker.events.settings import GuildSettings, MultiplierWindow, Rule
from tracker.events.settings_model import Announcements
from tracker.ids import RoleId
from tracker.reports.catalogue import Translate

__all__ = [
    "announcements_text", "basis_text", "boards_text", "curve_text", "interaction_text", "language_text",
    "local_text", "log_channel_text", "message_text", "nickname_text", "policy_text", "rule_text", "shortened",
    "template_text", "tier_text", "tiers_text", "timezone_text", "window_text",
]  # fmt: skip

_MOST: Final = 40
_STEPS: Final = 5


def timezone_text(settings: GuildSettings, t: Translate) -> str:
    """The zone's name."""
    return settings.timezone


def language_text(settings: GuildSettings, t: Translate) -> str:
    """The language of what nobody in particular asked for."""
    return t("config.unset") if settings.locale is None else t(f"choice.{settings.locale}")


def log_channel_text(settings: GuildSettings, t: Translate) -> str:
    """The channel, as a mention."""
    return t("config.none") if settings.log_channel_id is None else f"<#{settings.log_channel_id}>"


def curve_text(settings: GuildSettings, t: Translate) -> str:
    """What levels cost."""
    curve: Curve = settings.curve
    if isinstance(curve, LinearCurve):
        return t("level.linear", n=curve.exp_per_level)
    if isinstance(curve, ThresholdCurve):
        shown = ", ".join(f"{exp:,}" for exp in curve.exp[:_STEPS])
        more = ", …" if len(curve.exp) > _STEPS else ""
        return t("level.thresholds", n=len(curve.exp), costs=shown + more)
    return t("level.mee6", one=cost_of(curve, 1), ten=cost_of(curve, 10))


def tier_text(tier: Tier, t: Translate) -> str:
    """A tier's name, role, and from where on it is held."""
    from_ = t("tier.exp", n=tier.min_exp or 0) if tier.min_level is None else t("tier.level", n=tier.min_level)
    return f"{harmless(tier.name, otherwise='?')} <@&{tier.role_id}> ({from_})"


def tiers_text(settings: GuildSettings, t: Translate, role: RoleId) -> str:
    """The tier of one role."""
    found = [tier_text(tier, t) for tier in settings.tiers.tiers if tier.role_id == role]
    return ", ".join(found) or t("config.none")


def basis_text(settings: GuildSettings, t: Translate) -> str:
    """Which EXP tiers look at."""
    return t(f"tier.basis.{settings.tiers.basis}", n=settings.tiers.rolling_days)


def policy_text(settings: GuildSettings, t: Translate) -> str:
    """Whether tiers are held one at a time."""
    return t(f"tier.policy.{settings.tiers.policy}")


def template_text(template: str) -> str:
    """Somebody's own words, made harmless."""
    return harmless(template, otherwise="?", longest=200)


def nickname_text(settings: GuildSettings, t: Translate) -> str:
    """The template, and whether it is in use."""
    state = t("choice.on" if settings.nickname.enabled else "choice.off")
    return f"{template_text(settings.nickname.template)} ({state})"


def announcements_text(settings: GuildSettings, t: Translate) -> str:
    """Where levels are told, and how."""
    rules = settings.announcements
    if rules.mode == "off":
        return t("choice.off")
    where = t("announce.dm")
    if rules.mode == "channel":
        where = t("setting.log_channel") if rules.channel_id is None else f"<#{rules.channel_id}>"
    extras = [t(f"announce.{name}") for name, on in (("mentions", rules.mentions), ("card", rules.card)) if on]
    template = rules.template
    if template == Announcements().template:  # nobody's own words: said in the language of the guild
        template = translate(settings.locale)("announced.level", mention="{mention}", level="{level}")
    return " · ".join([where, template_text(template), *extras])


def boards_text(settings: GuildSettings, t: Translate) -> str:
    """Whether members' figures are shown to each other."""
    return t("choice.on" if settings.boards_enabled else "choice.off")


def rule_text(rule: Rule | None, where: str, t: Translate) -> str:
    """What voice time earns somewhere."""
    if rule is None:
        return t("config.none")
    seconds = rule.every_ms // 1000
    key, every = ("exp.every_minutes", seconds // 60) if seconds % 60 == 0 else ("exp.every_seconds", seconds)
    return t(key, channel=where, exp=rule.exp, n=every)


def message_text(settings: GuildSettings, t: Translate) -> str:
    """What a message earns."""
    cooldown = settings.message_cooldown_ms // 1000
    low, high = settings.message_exp_min, settings.message_exp_max
    if low == high:
        return t("exp.once", exp=low, cooldown=cooldown)
    return t("exp.between", low=low, high=high, cooldown=cooldown)


def interaction_text(settings: GuildSettings, t: Translate) -> str:
    """What a command or a button earns."""
    return t("exp.once", exp=settings.interaction_exp, cooldown=settings.interaction_cooldown_ms // 1000)


def window_text(window: MultiplierWindow, settings: GuildSettings) -> str:
    """A timed multiplier in the guild's own time."""
    return f"{window.percent:,}% · {local_text(window.start, settings)} → {local_text(window.end, settings)}"


def local_text(moment: int, settings: GuildSettings) -> str:
    """An instant in the guild's own time."""
    return f"{from_ms(moment).astimezone(settings.zone):%Y-%m-%d %H:%M}"


def shortened(entries: list[str], t: Translate, most: int = _MOST, between: str = ", ") -> str:
    """The first entries, and how many more there are; that there is none if there are none."""
    if not entries:
        return t("config.none")
    more = len(entries) - most
    return between.join(entries[:most]) + (t("track.more", n=more) if more > 0 else "")
