"""What `tracker replay` finds, as tables in a terminal. Names are never read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from tracker.cli.tables import console, new_table
from tracker.clock import from_ms
from tracker.ids import GuildId, Ms, RoleId
from tracker.projections.days import date_of, local_day
from tracker.reports import text
from tracker.reports.what_if import MemberChange, WhatIf, by_size

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from store.comparing import Difference
    from store.totals import MemberTotals
    from tracker.events.settings import GuildSettings

__all__ = ["show_differences", "show_totals", "show_what_if"]

_PLAIN = ("guild_id", "user_id", "day")


def show_differences(found: Iterable[tuple[Difference, ZoneInfo]]) -> None:
    """Print where the live tables and the log disagree; each with the zone of its guild."""
    table = new_table("", ["Table", "Guild", "Member", "Day", "Row", "Column"], ["Live", "Replayed"])
    for each, zone in found:
        where = each.where
        rest = " ".join(f"{name}={value}" for name, value in where.items() if name not in _PLAIN)
        cells = [
            each.table,
            str(each.guild_id),
            "–" if each.user_id is None else str(each.user_id),
            _day(where, zone),
            rest or "–",
            each.column or "the whole row",
        ]
        table.add_row(*(Text(cell) for cell in (*cells, _value(each, each.live), _value(each, each.replayed))))
    console().print(table)


def _day(where: dict[str, int], zone: ZoneInfo) -> str:
    """The local day that a row is about, by its day or the instant in its key."""
    moment = next((where[name] for name in ("started_at", "from_at", "season_at", "at") if name in where), None)
    day = where.get("day") or (None if moment is None else local_day(zone, moment).day)
    return "–" if day is None else date_of(day).isoformat()


def _value(difference: Difference, value: object) -> str:
    if value is None:
        return "null" if difference.column else "no such row"
    return str(value) if difference.column else "there"


def show_totals(guild: GuildId, rules: GuildSettings, moment: Ms, members: Sequence[MemberTotals], of_all: int) -> None:
    """Print what these members had come to, the first of so many, at an instant."""
    locale = rules.locale
    t = text.translate(locale)
    title = t("totals.title", guild=str(guild), when=_local(moment, rules.zone), shown=len(members), members=of_all)
    names = [t("column.rank"), t("column.member"), t("column.tier")]
    figures = [t(f"column.{name}") for name in ("level", "exp", "voice", "messages", "interactions")]
    table = new_table(title, names, figures)
    for rank, member in enumerate(members, 1):
        table.add_row(
            str(rank),
            Text(member.name or str(member.user_id)),
            Text(_tiers(rules, member.standing.tier_roles)),
            text.number(member.standing.level, locale),
            text.number(member.exp, locale),
            text.duration(member.voice_ms, locale),
            text.number(member.messages, locale),
            text.number(member.interactions, locale),
        )
    console().print(table)


def _local(moment: Ms, zone: ZoneInfo) -> str:
    return from_ms(moment).astimezone(zone).isoformat(timespec="seconds")


def _tiers(rules: GuildSettings, roles: Iterable[RoleId]) -> str:
    named = {tier.role_id: tier.name for tier in rules.tiers.tiers}
    return ", ".join(named.get(role, str(role)) for role in roles)


def show_what_if(found: WhatIf, most: int) -> None:
    """Print the sums of the difference, and the members for whom most would change."""
    out = console()
    when = _local(found.as_of, found.rules_before.zone)
    out.print(Text(f"Server {found.guild_id} under other rules, as of {when}", style="bold"))
    out.print(_sums(found))
    changed = by_size(found.changed)
    if changed:
        out.print(_members(found, changed[:most]))
    if len(changed) > most:
        out.print(Text(f"… and {len(changed) - most:,} more members; --csv FILE has them all"))
    if not changed:
        out.print(Text("Nothing would be different for anybody."))


def _sums(found: WhatIf) -> Table:
    table = new_table("", [""], ["Now", "Then", "Change"])
    table.add_row("EXP of all members", *_row(found.exp_before, found.exp_after))
    for tier in found.tiers():
        table.add_row(Text(f"Members with tier {tier.name}"), *_row(tier.before, tier.after))
    for label, count in (
        ("Members whose level rises", found.rise),
        ("Members whose level falls", found.fall),
        ("Members who gain a tier role", found.gain),
        ("Members who lose a tier role", found.lose),
    ):
        table.add_row(label, "", "", text.number(count, "en"))
    return table


def _row(before: int, after: int) -> tuple[str, str, str]:
    return text.number(before, "en"), text.number(after, "en"), text.change(after - before, "en")


def _members(found: WhatIf, members: Iterable[MemberChange]) -> Table:
    table = new_table("", ["Member"], ["EXP now", "EXP then", "Change", "Level", "Roles gained", "Roles lost"])
    for member in members:
        before, after = member.before.level, member.after.level
        gained, lost = (
            ", ".join(found.tier_name(role) for role in roles) for roles in (found.gained(member), found.lost(member))
        )
        present = member.present
        table.add_row(
            Text(member.name or str(member.user_id)),
            *_row(member.exp_before, member.exp_after),
            str(before) if before == after else f"{before} → {after}",
            Text(gained if present else "(has left)"),
            Text(lost if present else ""),
        )
    return table
