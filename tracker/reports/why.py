"""Why somebody earned what they earned on a local day: what the tables hold, made into reasons. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Final

from tracker.events.settings import GuildSettings, MultiplierWindow, Rule
from tracker.projections.kernel.exp import award
from tracker.reports.why_model import (
    ChannelDay,
    CountLine,
    DayFacts,
    MainReason,
    RuleSource,
    VoiceLine,
    VoiceReason,
    Why,
)

__all__ = ["explain", "same_exp_rules"]

_UNEARNED: Final[tuple[VoiceReason, ...]] = ("afk", "ignored", "alone", "deaf", "muted", "unruled")
_MOST_VOICE, _MOST_MESSAGES, _MOST_COMMANDS, _MOST_ABSENCES = 5, 4, 3, 5


def explain(facts: DayFacts) -> Why:
    """The reasons behind a day. The channels that count most come first, the least of them as one line."""
    voice = sorted(
        (_voice(c, facts) for c in facts.channels if _time(c)), key=lambda v: (-v.exp, -v.time_ms, v.channel_id or 0)
    )
    messages = _counted(_messages(c, facts.settings) for c in facts.channels)
    commands = _counted(_commands(c, facts.settings) for c in facts.channels)
    earned = sum(line.exp for line in voice) + sum(line.exp for line in (*messages, *commands))
    reason, amount = (None, 0) if earned else _main_reason(voice, messages, facts.settings)
    return Why(
        facts=facts,
        open=facts.as_of < facts.end,
        exp_voice=sum(line.exp for line in voice),
        exp_messages=sum(line.exp for line in messages),
        exp_interactions=sum(line.exp for line in commands),
        voice=tuple(voice[:_MOST_VOICE]) + _voice_together(voice[_MOST_VOICE:]),
        messages=tuple(messages[:_MOST_MESSAGES]) + _counts_together(messages[_MOST_MESSAGES:]),
        commands=tuple(commands[:_MOST_COMMANDS]) + _counts_together(commands[_MOST_COMMANDS:]),
        role_percent=facts.settings.role_multiplier(facts.role_ids),
        windows=_windows(facts),
        away=tuple(sorted(sorted(facts.away, key=lambda a: a[0] - a[1])[:_MOST_ABSENCES])),
        away_ms=sum(until - since for since, until in facts.away),
        main_reason=reason,
        main_amount=amount,
    )


def _windows(facts: DayFacts) -> tuple[MultiplierWindow, ...]:
    """The timed multipliers that touch the day."""
    return tuple(w for w in facts.settings.windows if w.start < facts.end and facts.start < w.end)


_OTHER_THAN_EXP: Final = frozenset({
    "timezone", "zone", "locale", "bridge_ms", "log_channel_id", "curve", "tiers", "nickname", "announcements",
    "boards_enabled", "reports", "document",
})  # fmt: skip


def same_exp_rules(one: GuildSettings, other: GuildSettings) -> bool:
    """Whether both documents give the same EXP for the same activity."""
    return all(
        getattr(one, f.name) == getattr(other, f.name) for f in fields(GuildSettings) if f.name not in _OTHER_THAN_EXP
    )


def _time(channel: ChannelDay) -> int:
    """All voice time in the channel. What is not tracked is in no `voice_ms`."""
    return channel.voice_ms + channel.afk_ms + channel.ignored_ms


def _voice(channel: ChannelDay, facts: DayFacts) -> VoiceLine:
    settings = facts.settings
    rule, source = _rule_of(channel, settings)
    percent = settings.channel_percent.get(channel.channel_id, 100)
    reasons = [(_named(channel, settings, r), ms) for r in _UNEARNED if (ms := getattr(channel, f"{r}_ms"))]
    tracked = channel.voice_ms > 0 or channel.carry_ms > 0
    eligible = channel.voice_ms - sum(getattr(channel, f"{r}_ms") for r in ("alone", "deaf", "muted", "unruled"))
    earns = rule is not None and rule.exp > 0
    best = max([100, *(w.percent for w in _windows(facts))])
    worth = award(rule.exp, percent, settings.role_multiplier(facts.role_ids), best) if rule else 0
    lacks = earns and eligible > 0 and channel.exp_voice == 0
    return VoiceLine(
        channel_id=channel.channel_id,
        name=channel.name,
        channels=1,
        time_ms=_time(channel),
        exp=channel.exp_voice,
        rule=rule if tracked else None,
        source=source if tracked else None,
        percent=percent,
        reasons=tuple(sorted(reasons, key=lambda r: -r[1])),
        short=lacks and worth > 0,
        rounded=lacks and worth == 0,
        carry_ms=min(channel.carry_ms, rule.every_ms) if rule and earns and worth and channel.carry_ms > 0 else None,
    )


def _rule_of(channel: ChannelDay, settings: GuildSettings) -> tuple[Rule | None, RuleSource | None]:
    own = settings.voice_channels.get(channel.channel_id)
    if own is not None:
        return own, "channel"
    category = None if channel.parent_id is None else settings.voice_categories.get(channel.parent_id)
    if category is not None:
        return category, "category"
    return settings.voice_default, None if settings.voice_default is None else "default"


def _named(channel: ChannelDay, settings: GuildSettings, reason: VoiceReason) -> VoiceReason:
    """An ignored channel whose name alone is the reason is `named`."""
    if reason != "ignored" or settings.ignore_pattern is None:
        return reason
    listed = channel.channel_id in settings.ignore_channels or channel.parent_id in settings.ignore_categories
    return "ignored" if listed or settings.ignore_pattern.search(channel.name) is None else "named"


def _messages(channel: ChannelDay, settings: GuildSettings) -> CountLine:
    return CountLine(
        channel_id=channel.channel_id,
        name=channel.name,
        channels=1,
        count=channel.messages + channel.ignored_messages,
        exp=channel.exp_messages,
        percent=settings.channel_percent.get(channel.channel_id, 100),
        cooldown=channel.cooldown_messages,
        ignored=channel.ignored_messages,
        revoked=channel.revoked_messages,
    )


def _commands(channel: ChannelDay, settings: GuildSettings) -> CountLine:
    return CountLine(
        channel_id=channel.channel_id,
        name=channel.name,
        channels=1,
        count=channel.interactions,
        exp=channel.exp_interactions,
        percent=settings.channel_percent.get(channel.channel_id, 100),
        cooldown=channel.cooldown_interactions,
        ignored=0,
        revoked=0,
    )


def _counted(lines: Iterable[CountLine]) -> list[CountLine]:
    """Those in which anything was counted, or an earlier award was taken back; the biggest first."""
    there = (line for line in lines if line.count or line.exp or line.revoked)
    return sorted(there, key=lambda line: (-line.exp, -line.count, line.channel_id or 0))


def _voice_together(lines: Sequence[VoiceLine]) -> tuple[VoiceLine, ...]:
    """Many lines as one; none for none."""
    if not lines:
        return ()
    reasons: Counter[VoiceReason] = Counter()
    for line in lines:
        reasons.update(dict(line.reasons))
    return (
        VoiceLine(
            channel_id=None,
            name="",
            channels=len(lines),
            time_ms=sum(line.time_ms for line in lines),
            exp=sum(line.exp for line in lines),
            rule=None,
            source=None,
            percent=100,
            reasons=tuple(reasons.most_common()),
            short=all(line.short for line in lines),
            rounded=all(line.rounded for line in lines),
            carry_ms=None,
        ),
    )


def _counts_together(lines: Sequence[CountLine]) -> tuple[CountLine, ...]:
    """Many lines as one; none for none."""
    if not lines:
        return ()
    return (
        CountLine(
            channel_id=None,
            name="",
            channels=len(lines),
            count=sum(line.count for line in lines),
            exp=sum(line.exp for line in lines),
            percent=100,
            cooldown=sum(line.cooldown for line in lines),
            ignored=sum(line.ignored for line in lines),
            revoked=sum(line.revoked for line in lines),
        ),
    )


def _main_reason(
    voice: Iterable[VoiceLine], messages: Sequence[CountLine], settings: GuildSettings
) -> tuple[MainReason | None, int]:
    """What kept most of the voice time from earning; if there was none, most of the messages."""
    lost: Counter[MainReason] = Counter()
    for line in voice:
        lost.update(dict(line.reasons))
        if line.short or line.rounded:
            lost["short" if line.short else "rounded"] += line.time_ms - sum(ms for _, ms in line.reasons)
    if not lost:
        for each in messages:
            lost.update({"cooldown": each.cooldown, "message_ignored": each.ignored, "revoked": each.revoked})
            if settings.message_exp_max == 0:
                lost["unpaid"] += each.count - each.ignored
    reason, amount = max(lost.items(), key=lambda item: item[1], default=(None, 0))
    return (reason, amount) if amount else (None, 0)
