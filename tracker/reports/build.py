"""From the rows of a window to its Report: who counts, the sums, the order of the members. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.reports.model import Activity, Member, MemberEntry, Report, Sums
from tracker.reports.window import Window

__all__ = ["LOW_COUNT", "TOP_COUNT", "build_report", "full_list", "member_entry", "sum_up"]

TOP_COUNT: Final = 10
LOW_COUNT: Final = 5


def build_report(
    *,
    guild_id: GuildId,
    role_id: RoleId | None,
    role_name: str | None,
    window: Window,
    as_of: Ms,
    members: Iterable[Member],
    activity: Mapping[UserId, Activity],
    before: Sums,
    percent_before: int | None = None,
    away_ms: int,
    hours: Sequence[int] = (),
) -> Report:
    """The report of `members` (who hold the role at the window's end, no bots).

    `activity` may hold members who are not in `members`, and need not hold those who did nothing. `before`: `sum_up` of
    the window before; `percent_before`: how many percent were active in it (None: not counted). `away_ms` and `hours`
    (voice time by the hour on the clock) are of this window.
    """
    ranked = _ranked(members, activity)
    entries = [member_entry(rank, did, member) for rank, (did, member) in enumerate(ranked, start=1)]
    sums = sum_up(did for did, _ in ranked)
    return Report(
        guild_id=guild_id,
        role_id=role_id,
        role_name=role_name,
        window=window,
        as_of=as_of,
        members=len(ranked),
        active=sum(did.active for did, _ in ranked),
        sums=sums,
        change=sums.minus(before),
        percent_before=percent_before,
        top=tuple(e for e in entries if e.voice_ms > 0 or e.exp > 0 or e.messages > 0)[:TOP_COUNT],
        low=tuple(entries[-LOW_COUNT:]),
        away_ms=away_ms,
        hours=tuple(hours),
    )


def full_list(members: Iterable[Member], activity: Mapping[UserId, Activity]) -> list[MemberEntry]:
    """All of a report's members, the first one first; those who did nothing are there too."""
    return [member_entry(rank, did, member) for rank, (did, member) in enumerate(_ranked(members, activity), start=1)]


def sum_up(rows: Iterable[Activity | MemberEntry]) -> Sums:
    """The sums of these rows."""
    rows = list(rows)
    return Sums(
        voice_ms=sum(r.voice_ms for r in rows),
        sessions=sum(r.sessions for r in rows),
        messages=sum(r.messages for r in rows),
        interactions=sum(r.interactions for r in rows),
        exp=sum(r.exp for r in rows),
    )


def _ranked(members: Iterable[Member], activity: Mapping[UserId, Activity]) -> list[tuple[Activity, Member]]:
    return sorted(
        ((activity.get(m.user_id) or Activity(user_id=m.user_id), m) for m in members),
        key=lambda pair: _order(pair[0]),
    )


def _order(did: Activity) -> tuple[int, int, int, int]:
    """By voice time, then EXP, then messages, the most first; then the lower user id."""
    return (-did.voice_ms, -did.exp, -did.messages, did.user_id)


def member_entry(rank: int, did: Activity, member: Member) -> MemberEntry:
    """One member's line."""
    return MemberEntry(
        rank=rank,
        user_id=member.user_id,
        name=member.name,
        voice_ms=did.voice_ms,
        sessions=did.sessions,
        average_session_ms=did.voice_ms // did.sessions if did.sessions else 0,
        messages=did.messages,
        interactions=did.interactions,
        exp=did.exp,
        last_seen=did.last_seen,
    )
