"""Changing a guild's rules while the bot runs: each change is one event that says who made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracker.clock import Clock
from tracker.events.envelope import Data, Event
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.settings import parse_settings
from tracker.ids import GuildId, Ms, UserId, mint_event_id
from tracker.ingest.ingest import Ingest

__all__ = ["Rules"]


class Rules:
    """What admins may change. Nothing is half-done: a document is checked as a whole before it becomes a fact."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    @property
    def clock(self) -> Clock:
        """Where the instants of changes come from."""
        return self._ingest.clock

    def document(self, guild: GuildId) -> Mapping[str, Any]:
        """The settings document in force as it was given; empty if none ever was."""
        return self._ingest.sight.settings(guild).document

    def change(self, guild: GuildId, document: Mapping[str, Any], by: UserId) -> None:
        """Put a whole document in force from now on. Raises SettingsError naming the key; then nothing has changed."""
        parse_settings(document)
        self._accept(guild, None, SettingsChanged(settings=document, by=by))

    def adjust(self, guild: GuildId, user: UserId, amount: int, reason: str, by: UserId) -> None:
        """Give (or, negative, take) EXP."""
        self._accept(guild, user, ExpAdjusted(amount=amount, reason=reason, by=by))

    def season(self, guild: GuildId) -> tuple[str, Ms] | None:
        """The name of the running season and since when it runs; None if none was ever started."""
        return self._ingest.sight.season(guild)

    def start_season(self, guild: GuildId, name: str, by: UserId) -> None:
        """Count season EXP from here; the season before ends."""
        self._accept(guild, None, SeasonStarted(name=name, by=by))

    def _accept(self, guild: GuildId, user: UserId | None, data: Data) -> None:
        now = self._ingest.clock.now()
        self._ingest.accept(
            Event(id=mint_event_id(now), guild_id=guild, user_id=user, occurred_at=now, data=data),
        )
