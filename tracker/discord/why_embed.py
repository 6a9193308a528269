"""A member's day explained, as a Discord embed in English or Korean, within every limit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import hikari

from tracker.clock import from_ms
from tracker.discord.embeds import MOST_FIELDS, TOTAL_LIMIT, length
from tracker.discord.lines import Group, add_groups
from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.events.settings import Rule
from tracker.projections.kernel.exp import award
from tracker.reports import text
from tracker.reports.why_model import CountLine, VoiceLine, Why

__all__ = ["why_embed"]

_EARNED, _NOTHING = 0x57F287, 0x99AAB5
_MOST_CHANGES: Final = 5
_MOST_WINDOWS: Final = 5


def why_embed(why: Why, locale: str | None, *, of: str | None) -> hikari.Embed:
    """The embed. `of`: who it is about, if that is not who asked."""
    t = translate(locale)
    title = t("why.title") if of is None else t("why.title.of", name=of)
    embed = hikari.Embed(
        title=title,
        description="\n".join(_about(why, locale)),
        colour=_EARNED if why.exp > 0 else _NOTHING,
        timestamp=from_ms(min(why.facts.as_of, why.facts.end)),
    )
    if why.open:
        embed.set_footer(t("why.open"))
    groups = [group for group in _groups(why, locale) if group[1]]
    used = length(title) + length(embed.description or "") + length(t("why.open"))
    add_groups(embed, groups, lambda n: t("why.more", n=n), room=TOTAL_LIMIT - used, fields=MOST_FIELDS)
    return embed


def _about(why: Why, locale: str | None) -> Iterable[str]:
    """The answer in a few sentences: how much, of what; or why there is nothing."""
    t, facts = translate(locale), why.facts
    yield f"**{text.day_text(facts.day, locale)}** ({facts.settings.zone.key})"
    if facts.opted_out:
        yield t("why.opted_out")
    if why.empty:
        yield from _nothing(why, locale)
        return
    parts = (
        ("why.part.voice", why.exp_voice), ("why.part.messages", why.exp_messages),
        ("why.part.commands", why.exp_interactions), ("why.part.adjusted", facts.adjusted),
    )  # fmt: skip
    if why.main_reason is None:
        yield t("why.sum", exp=_signed(why.exp, locale))
        of = " · ".join(t(key, exp=_signed(exp, locale)) for key, exp in parts if exp)
        if of:
            yield of
    else:
        yield t("why.no_exp")
        yield t("why.main", reason=_reason(why, why.main_reason, why.main_amount, locale))


def _nothing(why: Why, locale: str | None) -> Iterable[str]:
    t, facts = translate(locale), why.facts
    yield t("why.nothing")
    if facts.opted_out:
        return
    if facts.known_since is None or facts.known_since >= facts.end:
        since = None if facts.known_since is None else f"<t:{facts.known_since // 1000}:D>"
        yield "· " + (t("why.unknown") if since is None else t("why.not_yet", since=since))
        return
    if why.away_ms:
        yield "· " + t("why.perhaps.away")
    yield "· " + t("why.perhaps.idle")
    yield "· " + t("why.perhaps.unseen")


def _groups(why: Why, locale: str | None) -> Iterable[Group]:
    t, facts = translate(locale), why.facts
    head = {"exp": _signed(why.exp_voice, locale)}
    yield t("why.voice", **head), [_voice(line, why, locale) for line in why.voice]
    yield (
        t("why.messages", exp=_signed(why.exp_messages, locale)),
        _with_rule([_counted(line, "message", why, locale) for line in why.messages], _message_rule(why, locale)),
    )
    yield t("why.commands", exp=_signed(why.exp_interactions, locale)), _commands(why, locale)
    if facts.adjusted:
        yield t("why.adjusted", exp=_signed(facts.adjusted, locale)), [t("why.adjusted.by")]
    yield t("why.multipliers"), _multipliers(why, locale)
    if facts.changed_at and not why.empty:
        moments = ", ".join(f"<t:{at // 1000}:t>" for at in facts.changed_at[:_MOST_CHANGES])
        more = len(facts.changed_at) - _MOST_CHANGES
        yield t("why.changed"), [t("why.changed.at", moments=moments + (t("why.and_more", n=more) if more > 0 else ""))]
    if why.away_ms:
        yield t("why.away", duration=text.duration(why.away_ms, locale)), [*_absences(why), t("why.away.means")]


def _voice(line: VoiceLine, why: Why, locale: str | None) -> str:
    """A channel's voice time: how long, how much, by which rule, and what of it earned nothing."""
    t = translate(locale)
    about = [_place(line.channel_id, line.name, line.channels, locale), text.duration(line.time_ms, locale)]
    lines = [" · ".join((*about, f"**{_signed(line.exp, locale)}**"))]
    if line.rule is not None and line.rule.exp > 0:
        lines.append(t(f"why.rule.{line.source}", rule=_rule(line.rule, (line.percent, why.role_percent), locale)))
    lines += [f"❌ {_reason(why, reason, ms, locale, line.rule)}" for reason, ms in line.reasons]
    if line.short or line.rounded:
        rest = line.time_ms - sum(ms for _, ms in line.reasons)
        lines.append(f"❌ {_reason(why, 'short' if line.short else 'rounded', rest, locale, line.rule)}")
    if line.carry_ms is not None and line.rule is not None:
        carry, every = (text.duration(ms, locale) for ms in (line.carry_ms, line.rule.every_ms))
        lines.append(t("why.carry", carry=carry, every=every))
    return "\n└ ".join(lines)


def _counted(line: CountLine, what: str, why: Why, locale: str | None) -> str:
    """Messages or commands in a channel: how many, how much, and what of them earned nothing."""
    t = translate(locale)
    about = [_place(line.channel_id, line.name, line.channels, locale), t(f"why.count.{what}", n=line.count)]
    if line.percent != 100:
        about.append(t("why.times", percent=line.percent))
    lines = [" · ".join((*about, f"**{_signed(line.exp, locale)}**"))]
    settings = why.facts.settings
    cooldown = settings.message_cooldown_ms if what == "message" else settings.interaction_cooldown_ms
    if line.cooldown:
        wait = text.duration(cooldown, locale)
        lines.append("❌ " + t(f"why.cooldown.{what}", n=line.cooldown, wait=wait))
    if line.ignored:
        lines.append("❌ " + t("why.ignored.message", n=line.ignored))
    if line.revoked:
        lines.append("❌ " + t("why.revoked.message", n=line.revoked))
    return "\n└ ".join(lines)


def _commands(why: Why, locale: str | None) -> list[str]:
    """Where commands are worth nothing, one sentence is enough; and none where nothing else happened either."""
    t, settings = translate(locale), why.facts.settings
    if settings.interaction_exp == 0 and why.exp_interactions == 0:
        used = sum(line.count for line in why.commands)
        return [] if why.empty or not used else [t("why.commands.unpaid", n=used)]
    wait = text.duration(settings.interaction_cooldown_ms, locale)
    rule = t("why.rule.command", exp=settings.interaction_exp, wait=wait)
    return _with_rule([_counted(line, "command", why, locale) for line in why.commands], rule)


def _with_rule(lines: list[str], rule: str) -> list[str]:
    return [rule, *lines] if lines else []


def _message_rule(why: Why, locale: str | None) -> str:
    t, settings = translate(locale), why.facts.settings
    low, high = settings.message_exp_min, settings.message_exp_max
    if high == 0:
        return t("why.rule.message.none")
    wait = text.duration(settings.message_cooldown_ms, locale)
    if low == high:
        return t("why.rule.message.once", exp=high, wait=wait)
    return t("why.rule.message.between", low=low, high=high, wait=wait)


def _multipliers(why: Why, locale: str | None) -> list[str]:
    t = translate(locale)
    found = []
    if why.role_percent != 100:
        name = harmless(why.facts.best_role or "", otherwise="?")
        found.append(t("why.multiplier.role", role=name, percent=why.role_percent))
    found += [
        t("why.multiplier.window", start=f"<t:{w.start // 1000}:f>", end=f"<t:{w.end // 1000}:f>", percent=w.percent)
        for w in why.windows[:_MOST_WINDOWS]
    ]
    return found


def _absences(why: Why) -> list[str]:
    return [f"<t:{since // 1000}:t> – <t:{until // 1000}:t>" for since, until in why.away]


def _reason(why: Why, reason: str, amount: int, locale: str | None, rule: Rule | None = None) -> str:
    """Why so many ms (or messages) earned nothing."""
    t, settings = translate(locale), why.facts.settings
    if reason in ("cooldown", "revoked"):
        wait = text.duration(settings.message_cooldown_ms, locale)
        return t(f"why.{reason}.message", n=amount, wait=wait)
    if reason == "message_ignored":
        return t("why.ignored.message", n=amount)
    if reason == "unpaid":
        return t("why.rule.message.none")
    if reason == "alone" and settings.min_members < 2:
        reason = "alone_then"
    if reason == "short" and rule is None:
        reason = "short_somewhere"
    every = "" if rule is None else text.duration(rule.every_ms, locale)
    return t(f"why.reason.{reason}", time=text.duration(amount, locale), members=settings.min_members, every=every)


def _rule(rule: Rule, percents: tuple[int, int], locale: str | None) -> str:
    """The rule, and what an award is worth with the multipliers of channel and role. (Timed ones come and go.)"""
    t = translate(locale)
    said = t("why.rule", every=text.duration(rule.every_ms, locale), exp=rule.exp)
    factors = " ".join(t("why.times", percent=percent) for percent in percents if percent != 100)
    return t("why.worth", rule=said, factors=factors, exp=award(rule.exp, *percents, 100)) if factors else said


def _place(channel: int | None, name: str, channels: int, locale: str | None) -> str:
    if channel is None:
        return f"**{translate(locale)('why.others', n=channels)}**"
    return f"**{harmless(name, otherwise=f'<#{channel}>')}**"


def _signed(value: int, locale: str | None) -> str:
    return text.change(value, locale) if value else "0"
