"""The settings document as SEMANTICS §8 words it, read without the tracker's own reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ["Rules", "day_of", "midnights"]

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Rules:
    """One guild's rules between two changes of its settings. Durations in ms."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.zone = ZoneInfo(document.get("timezone", "UTC"))
        self._voice = document.get("voice", {})
        self._require = self._voice.get("require", {})
        messages, interactions = document.get("messages", {}), document.get("interactions", {})
        self.message_exp = (messages.get("exp_min", 1), messages.get("exp_max", 1))
        self.message_cooldown = messages.get("cooldown_s", 60) * 1000
        self.message_revoke = messages.get("revoke_s", 0) * 1000
        self.message_ignored = {int(c) for c in messages.get("ignore_channels", [])}
        self.interaction_exp = interactions.get("exp", 0)
        self.interaction_cooldown = interactions.get("cooldown_s", 0) * 1000
        self._multipliers = document.get("multipliers", {})

    def tracked(self, channel: int, name: str, parent: int | None, *, afk: bool) -> bool:
        """SEMANTICS §5, first point."""
        ignore = self._voice.get("ignore", {})
        patterns = ignore.get("patterns", ["대기|waiting", "관전|spectator", "afk"])
        return not (
            afk
            or str(channel) in ignore.get("channels", [])
            or str(parent) in ignore.get("categories", [])
            or any(re.search(pattern, name, re.IGNORECASE) for pattern in patterns)
        )

    def lacking(self, occupants: int, flags: int) -> list[str]:
        """The requirements for eligible time that do not hold: alone, deaf, muted.

        `flags` as in tracker.events.voice (bit 0 self_mute … bit 6 suppress).
        """
        self_mute, self_deaf, mute, deaf, _stream, _video, suppress = ((flags >> bit) & 1 for bit in range(7))
        holds = {
            "alone": occupants >= self._require.get("min_members", 1),
            "deaf": not (self._require.get("undeafened", False) and (self_deaf or deaf)),
            "muted": not (self._require.get("unmuted", False) and (self_mute or mute or suppress)),
        }
        return [name for name, held in holds.items() if not held]

    def voice_rule(self, channel: int, parent: int | None) -> tuple[int, int] | None:
        """(every ms, exp) of the channel, else its category, else the default, else None."""
        channels, categories = self._voice.get("channels", {}), self._voice.get("categories", {})
        rule = channels.get(str(channel), categories.get(str(parent), self._voice.get("default", {})))
        return None if rule is None else (rule.get("every_s", 300) * 1000, rule.get("exp", 1))

    def multiplied(self, exp: int, channel: int, roles: tuple[int, ...], at: int) -> int:
        """The award at the instant `at`: exp × channel × best role × window, rounded down."""
        by_channel = self._multipliers.get("channels", {}).get(str(channel), 100)
        listed = self._multipliers.get("roles", {})
        by_role = max([listed[str(role)] for role in roles if str(role) in listed], default=100)
        by_window = 100
        for window in self._multipliers.get("windows", []):
            if _ms(window["from"]) <= at < _ms(window["to"]):
                by_window = window["percent"]
        return int(exp * by_channel * by_role * by_window // 1_000_000)


def _ms(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def day_of(ms: int, zone: ZoneInfo) -> int:
    """The local day (yyyymmdd) that the millisecond starting at `ms` belongs to."""
    local = (EPOCH + timedelta(milliseconds=ms)).astimezone(zone)
    return local.year * 10_000 + local.month * 100 + local.day


QUARTER = 15 * 60 * 1000


@cache
def midnights(zone: ZoneInfo, quarter: int) -> tuple[int, ...]:
    """The instants within this quarter of an hour of Unix time at which another local day begins.

    Found by trying: a quarter in which the day differs from start to end is halved down to the millisecond.
    """
    low, high = quarter * QUARTER, (quarter + 1) * QUARTER
    if day_of(low, zone) == day_of(high, zone):
        return ()
    before = day_of(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if day_of(middle, zone) == before else (low, middle)
    return (high,)
