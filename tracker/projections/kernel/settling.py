"""The passing of time: what it credits open sessions with, and why not."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from tracker.projections.kernel.exp import awards_in, role_percent, voice_exp
from tracker.projections.kernel.layout import (
    AFK_MS, ALONE_MS, C_AFK, C_COUNT, C_EVERY, C_EXP, C_GUILD, C_PERCENT, C_SESSIONS, C_TRACKED, DEAF_MS, EXP_VOICE,
    FREE_SESSION_DAY, G_BARRED, G_DAY, G_DAY_END, G_DAY_START, G_MIN_MEMBERS, G_SEASON_AT, G_SEEN_UNTIL, G_SESSIONS,
    IGNORED_MS, LAST_AT, MUTED_MS, N_DAY, N_NEXT, SESSIONS, SESSION_DAY, S_CARRY, S_CHANGED, S_CHANNEL, S_DAY, S_DAYS,
    S_EXP, S_FLAGS, S_MEMBER, S_NEXT, S_NEXT_IN_GUILD, S_PLACE, S_SINCE, S_STARTED, S_VOICE_MS, S_WHY, UNRULED_MS,
    U_SESSION_DAYS, U_VISITS, VISIT, VOICE_MS, Y_DAY, Y_FIRST, Y_MEMBER, Y_STARTED, Heap,
)  # fmt: skip
from tracker.projections.kernel.rows import add_to_season, cell_of, new_row, reason_of, room, see_day

__all__ = ["settle", "settle_all", "settle_channel", "visit", "weigh_channel", "why_not"]

DEAFENED = 2 | 8  # SELF_DEAF, DEAF of tracker.events.voice


def why_not(m: Heap, guild: int, channel: int, flags: int) -> int:
    """Why a member's time with these flags does not count for EXP in the channel, with those who are in it now.

    A value of an unearned row, the first reason that applies; -1: the time is eligible. It is without a rule too: a
    rule that comes later finds the carry.
    """
    if not m[channel + C_TRACKED]:
        return AFK_MS if m[channel + C_AFK] else IGNORED_MS
    if m[channel + C_COUNT] < m[guild + G_MIN_MEMBERS]:
        return ALONE_MS
    barred = flags & m[guild + G_BARRED]
    if barred:
        return DEAF_MS if barred & DEAFENED else MUTED_MS
    return -1


def weigh_channel(m: Heap, channel: int) -> None:
    """See anew, after a change of the crowd, the flags or the rules, whether those in the channel earn anything."""
    guild, session = m[channel + C_GUILD], m[channel + C_SESSIONS]
    while session >= 0:
        m[session + S_WHY] = why_not(m, guild, channel, m[session + S_FLAGS])
        session = m[session + S_NEXT]


# -- time --------------------------------------------------------------------------------------------------------------


def settle(m: Heap, guild: int, session: int, now: int) -> bool:
    """Credit the session's time up to `now` under what has been in force since it was last settled.

    Additive: settling at T1 and then at T2 is settling at T2. Time is split at the guild's local midnights. Nothing is
    credited beyond the instant since when the tracker has not seen the guild. Whoever calls has asked for room for one
    day; for more it is asked here.
    """
    at, end = m[session + S_SINCE], m[guild + G_SEEN_UNTIL]
    if end > now:
        end = now
    if end <= at:
        return True
    channel, why = m[session + S_CHANNEL], m[session + S_WHY]
    tracked = m[channel + C_TRACKED]
    if tracked:
        m[session + S_CHANGED] = 1
    while at < end:
        part = m[guild + G_DAY_END]
        if at >= part or at < m[guild + G_DAY_START]:
            if not room(m, 1) or not see_day(m, guild, at):
                return False
            part = m[guild + G_DAY_END]
        if part > end:
            part = end
        if tracked:
            credit(m, guild, session, channel, why, m[guild + G_DAY], at, part)
        elif why >= 0:
            m[reason_of(m, m[session + S_PLACE], m[guild + G_DAY]) + why] += part - at
        m[session + S_SINCE] = at = part
    return True


def credit(m: Heap, guild: int, session: int, channel: int, why: int, day: int, start: int, end: int) -> None:
    """Credit tracked time [start, end) that lies within one local day."""
    length = end - start
    place = m[session + S_PLACE]
    cell = cell_of(m, place, day)
    m[cell + VOICE_MS] += length
    m[session + S_VOICE_MS] += length
    if end > m[cell + LAST_AT]:
        m[cell + LAST_AT] = end
    if m[session + S_DAY] != day and visit(m, session, day):
        m[cell + SESSIONS] += 1
    if why >= 0:
        m[reason_of(m, place, day) + why] += length
        return
    every, exp = m[channel + C_EVERY], m[channel + C_EXP]
    if every == 0 or exp == 0:
        m[reason_of(m, place, day) + UNRULED_MS] += length
    carry = m[session + S_CARRY]
    if every == 0 or carry + length < every:
        m[session + S_CARRY] = carry + length
        return
    count, first, carry = awards_in(carry, every, length)
    m[session + S_CARRY] = carry
    if exp > 0:
        who = m[session + S_MEMBER]
        roles = role_percent(m, guild, who)
        given = voice_exp(m, guild, exp, m[channel + C_PERCENT], roles, start + first, every, count)
        m[cell + EXP_VOICE] += given
        m[session + S_EXP] += given
        add_to_season(m, who, m[guild + G_SEASON_AT], given)


def visit(m: Heap, session: int, day: int) -> bool:
    """Note that the session had tracked time on the day; False if that was known."""
    first = m[session + S_DAY]
    if first == day:
        return False
    if first == 0:
        m[session + S_DAY] = day
        return True
    if not visit_more(m, session, day):
        return False
    row = new_row(m, U_VISITS, VISIT)
    m[row + Y_MEMBER], m[row + Y_DAY] = m[session + S_MEMBER], day
    m[row + Y_STARTED], m[row + Y_FIRST] = m[session + S_STARTED], first
    return True


def visit_more(m: Heap, session: int, day: int) -> bool:
    """As `visit`, of a day that is not the session's first one."""
    first = m[session + S_DAYS]
    node = first
    while node >= 0:
        if m[node + N_DAY] == day:
            return False
        node = m[node + N_NEXT]
    node = m[FREE_SESSION_DAY]
    if node >= 0:
        m[FREE_SESSION_DAY] = m[node + N_NEXT]
    else:
        node = new_row(m, U_SESSION_DAYS, SESSION_DAY)
    m[node + N_DAY], m[node + N_NEXT] = day, first
    m[session + S_DAYS] = node
    return True


def settle_channel(m: Heap, channel: int, now: int) -> bool:
    """Credit everybody in the channel up to `now`."""
    guild, session = m[channel + C_GUILD], m[channel + C_SESSIONS]
    while session >= 0:
        if not room(m, 1) or not settle(m, guild, session, now):
            return False
        session = m[session + S_NEXT]
    return True


def settle_all(m: Heap, guild: int, now: int) -> bool:
    """Credit every open session of the guild up to `now`."""
    session = m[guild + G_SESSIONS]
    while session >= 0:
        if not room(m, 1) or not settle(m, guild, session, now):
            return False
        session = m[session + S_NEXT_IN_GUILD]
    return True
