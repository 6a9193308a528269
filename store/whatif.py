"""What other rules would have made of a guild's whole history, worked out beside the live tables; nothing changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from store import asof, queries
from store.engine import Database
from store.totals import MemberTotals, read_totals
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import GuildId, UserId
from tracker.projections.standing import standing_of
from tracker.reports.what_if import MemberChange, WhatIf

__all__ = ["what_if"]


def what_if(
    db: Database, guild: GuildId, document: Mapping[str, Any], *, progress: asof.Progress | None = None
) -> WhatIf:
    """The difference if `document` had been in force from the guild's first event on, as of the end of the log.

    Both sides are folded from the log, up to the same position: what is compared is the rules and nothing else.
    `progress` is told of the events read, each of them twice. Raises SettingsError naming the key that is wrong,
    DatabaseError, LogCorruptError.
    """
    rules = parse_settings(document)
    end = asof.ends(db)
    with asof.scratch(db) as now:
        asof.fold_into(db, now, guilds=[guild], progress=progress, at=end)
        in_force, as_of = queries.settings_of(now, guild), queries.as_of(now, guild)
        before = read_totals(now, guild, in_force, now=as_of)
    with asof.scratch(db) as other:
        asof.fold_into(db, other, guilds=[guild], rules={guild: document}, progress=progress, at=end)
        after = read_totals(other, guild, rules, now=as_of)
    return WhatIf(
        guild_id=guild,
        as_of=as_of,
        rules_before=in_force,
        rules_after=rules,
        members=_joined(before, after, in_force, rules),
    )


def _joined(
    before: Collection[MemberTotals], after: Collection[MemberTotals], was: GuildSettings, becomes: GuildSettings
) -> list[MemberChange]:
    """By user id. Who earned nothing and is described by nobody may be known on one side only."""
    old, new = ({member.user_id: member for member in side} for side in (before, after))
    return [
        _change(user, old.get(user) or _nobody(user, was), new.get(user) or _nobody(user, becomes))
        for user in sorted(old.keys() | new.keys())
    ]


def _nobody(user: UserId, rules: GuildSettings) -> MemberTotals:
    return MemberTotals(
        user_id=user, name="", present=False, exp=0, voice_ms=0, messages=0, interactions=0,
        standing=standing_of(rules, 0, 0),
    )  # fmt: skip


def _change(user: UserId, old: MemberTotals, new: MemberTotals) -> MemberChange:
    return MemberChange(
        user_id=user,
        name=old.name or new.name,
        present=old.present or new.present,
        exp_before=old.exp,
        exp_after=new.exp,
        before=old.standing,
        after=new.standing,
    )
