"""Checks of a settings document that its shape alone cannot make. Each refusal names the dotted key."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from tracker.clock import to_ms
from tracker.errors import SettingsError
from tracker.events.patterns import why_slow
from tracker.events.settings_model import Document, Thresholds
from tracker.ids import Ms

__all__ = ["NamePatterns", "checked", "instant_of", "zone_of", "zones"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePatterns:
    """Patterns for channel names, ignoring case.

    Kept apart instead of joined by `|`: groups and flags of one pattern must not change what another one means.
    """

    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, patterns: Iterable[str]) -> NamePatterns | None:
        """Compiled; None if there are none. Raises SettingsError."""
        compiled = tuple(_pattern(pattern, index) for index, pattern in enumerate(patterns))
        return cls(patterns=compiled) if compiled else None

    def search(self, name: str) -> re.Match[str] | None:
        """The first match of the first pattern that has one."""
        for pattern in self.patterns:  # a replay asks this for each channel again and again
            found = pattern.search(name)
            if found is not None:
                return found
        return None


def _pattern(pattern: str, index: int) -> re.Pattern[str]:
    try:
        compiled, slow = _compiled(pattern)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        raise SettingsError(f"voice.ignore.patterns[{index}]", f"{pattern!r} is no pattern: {error}") from None
    if slow is not None:
        raise SettingsError(f"voice.ignore.patterns[{index}]", f"{pattern!r} could take very long to match: {slow}")
    return compiled


@lru_cache(maxsize=1024)  # of each document of settings it is asked anew, and most say the same
def _compiled(pattern: str) -> tuple[re.Pattern[str], str | None]:
    """The pattern, and why it could be slow. Raises what `re.compile` does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # `[[`: means today what it says
        return re.compile(pattern, re.IGNORECASE), why_slow(pattern)


def checked(document: Mapping[Any, Any]) -> Document:
    """The document in its shape. Raises SettingsError naming the first key that is wrong."""
    try:
        model = msgspec.convert(_with_kind(document), Document)
        msgspec.json.encode(dict(document), enc_hook=dict)
    except msgspec.ValidationError as error:
        raise _named(error, document) from None
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise SettingsError("", f"cannot be written as JSON ({error})") from None
    if isinstance(model.levels, Thresholds) and any(a >= b for a, b in pairwise(model.levels.exp)):
        raise SettingsError("levels.exp", "must rise from level to level")
    for index, tier in enumerate(model.tiers.tiers):
        if (tier.min_level is None) == (tier.min_exp is None):
            raise SettingsError(f"tiers.list[{index}]", "needs min_level or min_exp, and not both")
    return model


def _with_kind(document: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Every key is optional; a tagged union's tag is the one that msgspec would insist on."""
    levels = document.get("levels")
    if isinstance(levels, Mapping) and "kind" not in levels:
        return {**document, "levels": {"kind": "linear", **levels}}
    return document


def _named(error: msgspec.ValidationError, document: Mapping[Any, Any]) -> SettingsError:
    """msgspec says "<problem> - at `$.a.b`"; the path is the key a person looks for."""
    problem, _, path = str(error).partition(" - at `")
    of_key = path.startswith("key` in")
    key = path.removeprefix("key` in `").rstrip("`").removeprefix("$").lstrip(".")
    if of_key or "[...]" in key:  # msgspec does not say which entry
        key = _entry(document, key, of_key=of_key)
    found = re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", problem, re.DOTALL)
    if found:
        says = "there is no such key" if found[1] == "contains unknown" else "is missing"
        return SettingsError(f"{key}.{found[2]}".lstrip("."), says)
    if "matching regex" in problem:
        problem = "must be a time such as 09:30" if key.endswith(".at") else "must be an id (a string of digits)"
    return SettingsError(key, problem[:1].lower() + problem[1:])


def _entry(document: Mapping[Any, Any], path: str, *, of_key: bool) -> str:
    """The path with the name of the entry at fault in place of msgspec's `[...]` (or after it, if the name is)."""
    head, _, tail = path.partition("[...]")
    steps = [step for step in head.split(".") if step]
    entries = document
    for step in steps:
        entries = entries[step]
    for name, value in entries.items():
        probe: Any = {name: value}
        for step in reversed(steps):
            probe = {step: probe}
        try:
            msgspec.convert(probe, Document)
        except msgspec.ValidationError as error:
            if ("key` in" in str(error)) is of_key:
                return f"{head}.{name}{tail}".lstrip(".")
    return path


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The names that a guild's time zone may have."""
    # What these two mean is this machine's business, and a replay elsewhere must give the same days.
    return frozenset(available_timezones()) - {"localtime", "Factory"}


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone. Raises SettingsError."""
    if name not in zones():
        raise SettingsError("timezone", f"{name!r} is no IANA time zone (such as Asia/Seoul)")
    return ZoneInfo(name)


def instant_of(value: object, key: str) -> Ms:
    """Text such as 2026-03-07T00:00+09:00, or a datetime, with its offset. Raises SettingsError."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, datetime):
            return to_ms(moment)
    except (ValueError, OverflowError):
        pass
    raise SettingsError(key, "must be an instant with its offset, such as 2026-03-07T00:00+09:00")
