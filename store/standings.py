"""What members should look like on Discord: derived from the read models in the transaction that writes them.

Desired levels and tier roles are a pure function of the tables and of the rules at `as_of`. Most flushes judge only
those whose EXP changed; a change of the rules, a season, or a local midnight with the basis `rolling` judges a whole
guild, and so does a rebuild. Nothing here talks to Discord: `member_sync` rows that become pending are delivered later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import Connection, text

from store import sync_rows
from store.deliveries import NewDelivery
from store.judging import Findings, Judge, Judged
from tracker.errors import SettingsError
from tracker.events.level_rules import Tier
from tracker.events.settings import DEFAULTS, GuildSettings, parse_settings
from tracker.ids import Partition
from tracker.projections.days import local_day
from tracker.projections.rows import TABLES, Changes
from tracker.projections.standing import (
    Standing,
    StandingRules,
    announces,
    keeps_members,
    standing_of,
)

__all__ = ["Remembered", "derive", "derive_all", "remember"]

_EXP: Final = TABLES["totals"].columns.index("exp")
_NAME, _PRESENT = (TABLES["members"].columns.index(c) for c in ("name", "present"))
_DAILY_EXP: Final = slice(*(TABLES["daily"].columns.index(c) for c in ("exp_voice", "last_at")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """How it was before the flush: guilds' (settings, season_at), and the instants the partitions had come to."""

    guilds: Mapping[int, tuple[str | None, int | None]]
    as_of: Mapping[int, int]


def remember(connection: Connection, changes: Mapping[Partition, Changes]) -> Remembered:
    """What `derive` must know from before the read models are written."""
    keys = [(p, row[0]) for p, c in changes.items() for row in c.rows.get("guilds", ()) if row[0] in c.standing]
    as_of = {}
    if any(r.settings.tiers.basis == "rolling" for c in changes.values() for r in c.standing.values()):
        as_of = {
            row.partition: row.as_of for row in connection.execute(text("SELECT partition, as_of FROM checkpoints"))
        }
    return Remembered(guilds=sync_rows.guild_rows(connection, keys), as_of=as_of)


def derive(
    connection: Connection, changes: Mapping[Partition, Changes], as_of: Mapping[Partition, int], before: Remembered
) -> list[NewDelivery]:
    """Notes what members should look like after these changes, just written; returns the announcements to be owed."""
    findings = Findings()
    some: list[tuple[Partition, int, StandingRules, dict[int, int]]] = []
    for partition, change in changes.items():
        earned = _earned(change)
        for guild, rules in change.standing.items():
            old = before.guilds.get(guild)
            judge = Judge(partition, guild, rules, as_of[partition], earned.get(guild, {}), findings)
            if old is not None and old != (_document(rules), rules.season_at):
                judge.anew(connection, _settings(old[0]))
            elif _midnight_passed(rules, before.as_of.get(partition), as_of[partition]):
                judge.all(connection)
            elif judge.earned and (keeps_members(rules.settings) or announces(rules.settings)):
                some.append((partition, guild, rules, judge.earned))
    _judge_some(connection, some, changes, as_of, findings)
    sync_rows.put_levels(connection, findings.levels)
    sync_rows.owe(connection, findings.owed)
    sync_rows.wake(connection, _appeared(changes, as_of))
    return findings.posts


def derive_all(connection: Connection, partition: Partition, standing: Mapping[int, StandingRules], as_of: int) -> None:
    """Notes what all members of these guilds should look like now. Announces nothing: for a rebuild."""
    findings = Findings()
    for guild, rules in standing.items():
        Judge(partition, guild, rules, as_of, {}, findings).all(connection)
    sync_rows.put_levels(connection, findings.levels)
    sync_rows.owe(connection, findings.owed)


def _judge_some(
    connection: Connection,
    some: Sequence[tuple[Partition, int, StandingRules, dict[int, int]]],
    changes: Mapping[Partition, Changes],
    as_of: Mapping[Partition, int],
    findings: Findings,
) -> None:
    """Those whose EXP changed, of all guilds in one statement.

    The basis `rolling` looks at whole days: today's EXP changes nothing, and what was noted stays, unless a day of the
    past changed (an award was revoked).
    """
    keys = [(p, g, user, rules.season_at or 0) for p, g, rules, earned in some for user in earned]
    found = sync_rows.read(connection, keys)
    for partition, guild, rules, earned in some:
        settings = rules.settings
        judge = Judge(partition, guild, rules, as_of[partition], earned, findings)
        rolling = settings.tiers.basis == "rolling"
        if rolling and _past_days_changed(changes[partition], guild, rules, as_of[partition]):
            judge.all(connection)
            continue
        for user in earned:
            row = found.get((partition, guild, user))
            if row is None:
                continue  # forgotten in this very flush
            standing = standing_of(settings, row.exp, _basis(settings, row))
            if rolling and row.tier_roles is not None:
                noted = tuple(int(role) for role in row.tier_roles.split(",") if role)
                standing = Standing(level=standing.level, tier_roles=noted)  # type: ignore[arg-type]
            judge.one(
                Judged(
                    user_id=user,
                    exp=row.exp,
                    standing=standing,
                    level=row.level,
                    tier_roles=row.tier_roles,
                    managed=bool(row.managed),
                )
            )


def _basis(settings: GuildSettings, row: sync_rows.Noted) -> int:
    """The EXP that tiers look at; with the basis `rolling`, that of somebody who is first seen today: no whole day."""
    return {"lifetime": row.exp, "season": row.season_exp, "rolling": 0}[settings.tiers.basis]


def _earned(change: Changes) -> dict[int, dict[int, int]]:
    """By guild and user, by how much EXP changed; of whom it did not only matters where a tier asks for nothing."""
    earned: dict[int, dict[int, int]] = {}
    if change.standing:
        free = {
            g for g, rules in change.standing.items() if any(_asks_for_nothing(t) for t in rules.settings.tiers.tiers)
        }
        for row in change.rows.get("totals", ()):
            if row[0] in change.standing and (row[_EXP] or row[0] in free):
                earned.setdefault(row[0], {})[row[1]] = row[_EXP]
    return earned


def _asks_for_nothing(tier: Tier) -> bool:
    return not (tier.min_level or tier.min_exp)


def _past_days_changed(change: Changes, guild: int, rules: StandingRules, as_of: int) -> bool:
    today = local_day(rules.settings.zone, as_of).day
    return any(row[0] == guild and row[1] < today and any(row[_DAILY_EXP]) for row in change.rows.get("daily", ()))


def _midnight_passed(rules: StandingRules, before: int | None, now: int) -> bool:
    settings = rules.settings
    if settings.tiers.basis != "rolling" or not settings.tiers.tiers or before is None:
        return False
    return local_day(settings.zone, before).day != local_day(settings.zone, now).day


def _appeared(changes: Mapping[Partition, Changes], as_of: Mapping[Partition, int]) -> Iterable[sync_rows.Appeared]:
    """Who (re)joined or is called otherwise, in guilds that keep their members in line."""
    for partition, change in changes.items():
        keeping = {g: r.settings.nickname.enabled for g, r in change.standing.items() if keeps_members(r.settings)}
        if keeping:
            for row in change.rows.get("members", ()):
                named = keeping.get(row[0])
                if named is not None and (row[_PRESENT] or (named and row[_NAME] is not None)):
                    name = row[_NAME] if named else None
                    yield sync_rows.Appeared(
                        partition, row[0], row[1], int(bool(row[_PRESENT])), name, as_of[partition]
                    )


def _document(rules: StandingRules) -> str | None:
    document = rules.settings.document
    return msgspec.json.encode(document).decode() if document else None


def _settings(document: str | None) -> GuildSettings | None:
    if document is None:
        return DEFAULTS
    try:
        return parse_settings(msgspec.json.decode(document))
    except SettingsError:  # written by another version of the tracker
        return None
