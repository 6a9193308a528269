"""What a schedule owes: entries with the windows of theirs that came due."""

from __future__ import annotations

from dataclasses import dataclass

from tracker.events.settings import GuildSettings
from tracker.ids import GuildId
from tracker.reports.due import Due
from tracker.reports.entry_life import EntryLife

__all__ = ["OwedEntry", "OwedWindow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedWindow:
    """`late`: it came due long before anybody looked."""

    due: Due
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedEntry:
    """An entry of a guild with these settings, and the windows that came due, oldest first.

    `most_late`: how many of those that are late are posted; the newest ones.
    """

    guild_id: GuildId
    life: EntryLife
    settings: GuildSettings
    windows: tuple[OwedWindow, ...]
    most_late: int
