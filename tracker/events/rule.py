"""Facts that change how things are counted: settings, adjustments, seasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tracker.ids import UserId

__all__ = ["ExpAdjusted", "SeasonStarted", "SettingsChanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChanged:
    """The guild's whole settings document (SEMANTICS §8) from now on. `by`: who; None if nobody on Discord did it.

    `retroactive`: it is in force from the guild's first event on, and the changes before it count for nothing; so it
    takes a rebuild of the guild to be true.
    """

    TYPE: ClassVar[str] = "settings.changed"
    VERSION: ClassVar[int] = 1
    settings: Mapping[str, Any]
    by: UserId | None = None
    retroactive: bool = field(default=False, metadata={"sparse": True})  # written only where it is meant


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpAdjusted:
    """Somebody gave (or, negative, took) EXP by hand."""

    TYPE: ClassVar[str] = "exp.adjusted"
    VERSION: ClassVar[int] = 1
    amount: int
    reason: str = ""
    by: UserId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonStarted:
    """Season EXP counts from here."""

    TYPE: ClassVar[str] = "season.started"
    VERSION: ClassVar[int] = 1
    name: str
    by: UserId | None = None
