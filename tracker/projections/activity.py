"""The fold of messages, interactions and adjustments."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush

from tracker.projections.exp import award, draw
from tracker.projections.ledger import EXP_ADJUSTED, EXP_INTERACTIONS, EXP_MESSAGES, INTERACTIONS, LAST_AT, MESSAGES
from tracker.projections.unearned import COOLDOWN_INTERACTIONS, COOLDOWN_MESSAGES, IGNORED_MESSAGES, REVOKED_MESSAGES
from tracker.projections.voice import VoiceFold

__all__ = ["LONGEST_COOLDOWN_MS", "ActivityFold", "RevocableAward"]

LONGEST_COOLDOWN_MS = 86_400_000
"""No settings document allows a longer one, so older awards need not be remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocableAward:
    """A message's award that its deletion may still take back, up to and including the instant `until`.

    `until` follows from the settings at the award's own instant, so that no later change of them, and no tick, can
    alter what an award was. `season_at`: since when the season ran in which it was given, 0 if none did.
    """

    user_id: int
    channel_id: int
    day: int
    exp: int
    until: int
    season_at: int


@dataclass(slots=True)
class ActivityFold:
    """One guild's messages and interactions. It shares settings, days and roster with the guild's voice fold."""

    voice: VoiceFold
    message_award_at: dict[int, int] = field(default_factory=dict)
    interaction_award_at: dict[int, int] = field(default_factory=dict)
    awards: dict[int, RevocableAward] = field(default_factory=dict)
    _expiries: list[tuple[int, int]] = field(default_factory=list)

    def sent(self, user: int, channel_id: int, message_id: int, now: int) -> None:
        """A member wrote a message. One in an ignored channel neither counts nor earns."""
        voice, settings = self.voice, self.voice.settings
        day = voice.day_at(now).day
        if channel_id in settings.message_ignore_channels:
            voice.ledger.reasons(voice.guild_id, day, user, channel_id)[IGNORED_MESSAGES] += 1
            return
        cell = voice.ledger.day_cell(voice.guild_id, day, user, channel_id)
        cell[MESSAGES] += 1
        cell[LAST_AT] = max(cell[LAST_AT], now)
        last = self.message_award_at.get(user)
        if settings.message_exp_max == 0:
            return
        if last is not None and now < last + settings.message_cooldown_ms:
            voice.ledger.reasons(voice.guild_id, day, user, channel_id)[COOLDOWN_MESSAGES] += 1
            return
        self.message_award_at[user] = voice.ledger.message_awards_at[voice.guild_id, user] = now
        exp = self._worth(draw(message_id, settings.message_exp_min, settings.message_exp_max), user, channel_id, now)
        cell[EXP_MESSAGES] += exp
        season = voice.season_at
        voice.ledger.add_to_season(voice.guild_id, season, user, exp)
        if settings.message_revoke_ms:
            until = now + settings.message_revoke_ms
            given = RevocableAward(user_id=user, channel_id=channel_id, day=day, exp=exp, until=until, season_at=season)
            self.remember(message_id, given)
            voice.ledger.put("awards", (voice.guild_id, message_id), user, channel_id, day, exp, until, season)

    def remember(self, message_id: int, given: RevocableAward) -> None:
        """Keep an award for as long as it may be revoked."""
        self.awards[message_id] = given
        heappush(self._expiries, (given.until, message_id))

    def deleted(self, message_id: int, now: int) -> None:
        """A message is gone: within `revoke_s` its award goes too, on the day and in the season it was given."""
        given = self.awards.pop(message_id, None)
        if given is None:
            return
        voice = self.voice
        voice.ledger.expire("awards", (voice.guild_id, message_id))
        if now <= given.until:
            guild, day, user, channel_id = voice.guild_id, given.day, given.user_id, given.channel_id
            voice.ledger.day_cell(guild, day, user, channel_id)[EXP_MESSAGES] -= given.exp
            voice.ledger.reasons(guild, day, user, channel_id)[REVOKED_MESSAGES] += 1
            voice.ledger.add_to_season(guild, given.season_at, user, -given.exp)

    def used(self, user: int, channel_id: int, now: int) -> None:
        """A member used a command or component."""
        voice, settings = self.voice, self.voice.settings
        day = voice.day_at(now).day
        cell = voice.ledger.day_cell(voice.guild_id, day, user, channel_id)
        cell[INTERACTIONS] += 1
        cell[LAST_AT] = max(cell[LAST_AT], now)
        last = self.interaction_award_at.get(user)
        if settings.interaction_exp == 0:
            return
        if last is not None and now < last + settings.interaction_cooldown_ms:
            voice.ledger.reasons(voice.guild_id, day, user, channel_id)[COOLDOWN_INTERACTIONS] += 1
            return
        self.interaction_award_at[user] = voice.ledger.interaction_awards_at[voice.guild_id, user] = now
        exp = self._worth(settings.interaction_exp, user, channel_id, now)
        cell[EXP_INTERACTIONS] += exp
        voice.ledger.add_to_season(voice.guild_id, voice.season_at, user, exp)

    def adjusted(self, user: int, amount: int, now: int) -> None:
        """Somebody gave or took EXP by hand."""
        voice = self.voice
        voice.ledger.day_cell(voice.guild_id, voice.day_at(now).day, user, 0)[EXP_ADJUSTED] += amount
        voice.ledger.add_to_season(voice.guild_id, voice.season_at, user, amount)

    def _worth(self, exp: int, user: int, channel_id: int, now: int) -> int:
        settings = self.voice.settings
        return award(
            exp,
            settings.channel_percent.get(channel_id, 100),
            settings.role_multiplier(self.voice.roster.roles(user)),
            settings.percent_at(now),
        )

    def expire_awards(self, as_of: int) -> None:
        """Drop the awards that can no longer be revoked at `as_of`. Part of each tick: what is stored depends on it."""
        while self._expiries and self._expiries[0][0] < as_of:
            _, message_id = heappop(self._expiries)
            if self.awards.pop(message_id, None) is not None:
                self.voice.ledger.expire("awards", (self.voice.guild_id, message_id))

    def forget_cooldowns(self, now: int) -> None:
        """Drop cooldowns that are over under any settings. Saves memory; no result depends on it."""
        for awarded in (self.message_award_at, self.interaction_award_at):
            for user in [u for u, at in awarded.items() if at + LONGEST_COOLDOWN_MS <= now]:
                del awarded[user]

    def forget(self, user: int) -> None:
        """Know nothing of the member any more."""
        self.message_award_at.pop(user, None)
        self.interaction_award_at.pop(user, None)
        for message_id in [m for m, given in self.awards.items() if given.user_id == user]:
            del self.awards[message_id]
            self.voice.ledger.expire("awards", (self.voice.guild_id, message_id))
