"""The open-session fold: what voice facts and the passing of time do to sessions, daily rows and carries."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from tracker.projections.kernel.exp import awards_in, role_percent, voice_exp
from tracker.projections.kernel.layout import (
    AFK_MS, ALONE_MS, C_AFK, C_COUNT, C_EVERY, C_EXP, C_GUILD, C_PERCENT, C_SESSIONS, C_TRACKED, DEAF_MS, EXP_VOICE,
    E_CARRY, E_CHANNEL, E_ENDED, E_EXP, E_FLAGS, E_MEMBER, E_STARTED, E_VOICE_MS, FREE_SESSION, FREE_SESSION_DAY,
    G_BARRED, G_DAY, G_DAY_END, G_MIN_MEMBERS, G_OPEN, G_SEASON_AT, G_SEEN_UNTIL, G_SESSIONS, IGNORED_MS, LAST_AT,
    MUTED_MS, M_GUILD, M_SESSION, N_DAY, N_NEXT, O_PLACE, P_CARRY, P_OWED, SESSIONS, S_CARRY, S_CHANGED, S_CHANNEL,
    S_DAYS, S_EXP, S_FLAGS, S_MEMBER, S_NEXT, S_NEXT_IN_GUILD, S_PLACE, S_PREVIOUS, S_PREVIOUS_IN_GUILD, S_SINCE,
    S_STARTED, S_VOICE_MS, S_WHY, UNRULED_MS, U_ENDED, U_OWED, U_SESSIONS, U_SESSION_DAYS, U_VISITS, VOICE_MS, Y_DAY,
    Y_MEMBER, Y_STARTED, Heap,
)  # fmt: skip
from tracker.projections.kernel.rows import add_to_season, cell_of, new_row, place_of, reason_of, room, see_day

__all__ = ["enter", "leave", "reflag", "settle", "settle_all", "settle_channel", "weigh_channel", "why_not"]

DEAFENED = 2 | 8  # SELF_DEAF, DEAF of tracker.events.voice


def why_not(m: Heap, channel: int, flags: int) -> int:
    """Why a member's time with these flags does not count for EXP in the channel, with those who are in it now.

    A value of an unearned row, the first reason that applies; -1: the time is eligible. It is without a rule too: a
    rule that comes later finds the carry.
    """
    guild = m[channel + C_GUILD]
    if not m[channel + C_TRACKED]:
        return AFK_MS if m[channel + C_AFK] else IGNORED_MS
    if m[channel + C_COUNT] < m[guild + G_MIN_MEMBERS]:
        return ALONE_MS
    barred = flags & m[guild + G_BARRED]
    if barred:
        return DEAF_MS if barred & DEAFENED else MUTED_MS
    return -1


# -- time --------------------------------------------------------------------------------------------------------------


def settle(m: Heap, session: int, now: int) -> bool:
    """Credit the session's time up to `now` under what has been in force since it was last settled.

    Additive: settling at T1 and then at T2 is settling at T2. Time is split at the guild's local midnights. Nothing is
    credited beyond the instant since when the tracker has not seen the guild.
    """
    guild = m[m[session + S_MEMBER] + M_GUILD]
    at, end = m[session + S_SINCE], m[guild + G_SEEN_UNTIL]
    if end > now:
        end = now
    if end <= at:
        return True
    tracked, why = m[m[session + S_CHANNEL] + C_TRACKED], m[session + S_WHY]
    if tracked:
        m[session + S_CHANGED] = 1
    while at < end:
        if not room(m, 1) or not see_day(m, guild, at):
            return False
        day, part = m[guild + G_DAY], min(m[guild + G_DAY_END], end)
        if tracked:
            credit(m, guild, session, day, at, part)
        elif why >= 0:
            m[reason_of(m, m[session + S_PLACE], day) + why] += part - at
        m[session + S_SINCE] = at = part
    return True


def credit(m: Heap, guild: int, session: int, day: int, start: int, end: int) -> None:
    """Credit tracked time [start, end) that lies within one local day."""
    length = end - start
    place = m[session + S_PLACE]
    cell = cell_of(m, place, day)
    m[cell + VOICE_MS] += length
    m[session + S_VOICE_MS] += length
    if end > m[cell + LAST_AT]:
        m[cell + LAST_AT] = end
    if visit(m, session, day):
        m[cell + SESSIONS] += 1
    why = m[session + S_WHY]
    if why >= 0:
        m[reason_of(m, place, day) + why] += length
        return
    channel = m[session + S_CHANNEL]
    every, exp = m[channel + C_EVERY], m[channel + C_EXP]
    if every == 0 or exp == 0:
        m[reason_of(m, place, day) + UNRULED_MS] += length
    if every == 0:
        m[session + S_CARRY] += length
        return
    count, first, carry = awards_in(m[session + S_CARRY], every, length)
    m[session + S_CARRY] = carry
    if count > 0 and exp > 0:
        who = m[session + S_MEMBER]
        roles = role_percent(m, guild, who)
        given = voice_exp(m, guild, exp, m[channel + C_PERCENT], roles, start + first, every, count)
        m[cell + EXP_VOICE] += given
        m[session + S_EXP] += given
        add_to_season(m, who, m[guild + G_SEASON_AT], given)


def visit(m: Heap, session: int, day: int) -> bool:
    """Note that the session had tracked time on the day; False if that was known."""
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
        node = new_row(m, U_SESSION_DAYS)
    m[node + N_DAY], m[node + N_NEXT] = day, first
    m[session + S_DAYS] = node
    row = new_row(m, U_VISITS)
    m[row + Y_MEMBER], m[row + Y_DAY] = m[session + S_MEMBER], day
    m[row + Y_STARTED] = m[session + S_STARTED]
    return True


def settle_channel(m: Heap, channel: int, now: int) -> bool:
    """Credit everybody in the channel up to `now`."""
    session = m[channel + C_SESSIONS]
    while session >= 0:
        if not settle(m, session, now):
            return False
        session = m[session + S_NEXT]
    return True


def settle_all(m: Heap, guild: int, now: int) -> bool:
    """Credit every open session of the guild up to `now`."""
    session = m[guild + G_SESSIONS]
    while session >= 0:
        if not settle(m, session, now):
            return False
        session = m[session + S_NEXT_IN_GUILD]
    return True


# -- coming and going --------------------------------------------------------------------------------------------------


def enter(m: Heap, who: int, channel: int, flags: int, now: int) -> bool:
    """The member is in the channel now, wherever they were before."""
    session = m[who + M_SESSION]
    if session >= 0:
        if m[session + S_CHANNEL] == channel:
            return reflag(m, who, flags, now)
        if not leave(m, who, now):
            return False
    if crowd_crosses(m, channel, m[channel + C_COUNT] + 1) and not settle_channel(m, channel, now):
        return False
    session = open_session(m, who, channel, flags, now)
    if m[channel + C_COUNT] == m[m[channel + C_GUILD] + G_MIN_MEMBERS]:
        weigh_channel(m, channel)
    else:
        m[session + S_WHY] = why_not(m, channel, flags)
    return True


def open_session(m: Heap, who: int, channel: int, flags: int, now: int) -> int:
    """A new session, in the lists of its channel and its guild; not weighed yet."""
    session = m[FREE_SESSION]
    if session >= 0:
        m[FREE_SESSION] = m[session + S_NEXT]
    else:
        session = new_row(m, U_SESSIONS)
    place, guild = place_of(m, who, channel), m[who + M_GUILD]
    m[session + S_MEMBER], m[session + S_PLACE], m[session + S_CHANNEL] = who, place, channel
    m[session + S_STARTED] = m[session + S_SINCE] = now
    m[session + S_FLAGS], m[session + S_CARRY] = flags, m[place + P_CARRY]
    m[session + S_WHY] = m[session + S_DAYS] = -1
    m[session + S_VOICE_MS] = m[session + S_EXP] = 0
    m[session + S_CHANGED] = 1
    there, here = m[channel + C_SESSIONS], m[guild + G_SESSIONS]
    m[session + S_NEXT], m[session + S_PREVIOUS] = there, -1
    m[session + S_NEXT_IN_GUILD], m[session + S_PREVIOUS_IN_GUILD] = here, -1
    if there >= 0:
        m[there + S_PREVIOUS] = session
    if here >= 0:
        m[here + S_PREVIOUS_IN_GUILD] = session
    m[channel + C_SESSIONS] = m[guild + G_SESSIONS] = m[who + M_SESSION] = session
    m[channel + C_COUNT] += 1
    m[guild + G_OPEN] += 1
    return session


def leave(m: Heap, who: int, now: int) -> bool:
    """The member is in no channel from now on. Nothing happens if they were in none."""
    session = m[who + M_SESSION]
    if session < 0:
        return True
    channel = m[session + S_CHANNEL]
    if not settle(m, session, now):
        return False
    if crowd_crosses(m, channel, m[channel + C_COUNT] - 1) and not settle_channel(m, channel, now):
        return False
    place, carry = m[session + S_PLACE], m[session + S_CARRY]
    write_ended(m, session, now)
    close_session(m, session)
    if abs(m[channel + C_COUNT] - m[m[channel + C_GUILD] + G_MIN_MEMBERS]) <= 1:
        weigh_channel(m, channel)
    if carry != m[place + P_CARRY]:
        m[place + P_CARRY] = carry
        owe_carry(m, place)
    return True


def write_ended(m: Heap, session: int, now: int) -> None:
    """The session's row for the read model: it ended now."""
    row = new_row(m, U_ENDED)
    m[row + E_MEMBER], m[row + E_CHANNEL] = m[session + S_MEMBER], m[session + S_CHANNEL]
    m[row + E_STARTED], m[row + E_ENDED] = m[session + S_STARTED], now
    m[row + E_FLAGS], m[row + E_VOICE_MS] = m[session + S_FLAGS], m[session + S_VOICE_MS]
    m[row + E_EXP], m[row + E_CARRY] = m[session + S_EXP], m[session + S_CARRY]


def close_session(m: Heap, session: int) -> None:
    """Take the session out of its lists and give its rows back."""
    channel, who = m[session + S_CHANNEL], m[session + S_MEMBER]
    guild = m[who + M_GUILD]
    before, after = m[session + S_PREVIOUS], m[session + S_NEXT]
    if before >= 0:
        m[before + S_NEXT] = after
    else:
        m[channel + C_SESSIONS] = after
    if after >= 0:
        m[after + S_PREVIOUS] = before
    before, after = m[session + S_PREVIOUS_IN_GUILD], m[session + S_NEXT_IN_GUILD]
    if before >= 0:
        m[before + S_NEXT_IN_GUILD] = after
    else:
        m[guild + G_SESSIONS] = after
    if after >= 0:
        m[after + S_PREVIOUS_IN_GUILD] = before
    node = m[session + S_DAYS]
    while node >= 0:
        after = m[node + N_NEXT]
        m[node + N_NEXT] = m[FREE_SESSION_DAY]
        m[FREE_SESSION_DAY] = node
        node = after
    m[channel + C_COUNT] -= 1
    m[guild + G_OPEN] -= 1
    m[who + M_SESSION] = m[session + S_MEMBER] = -1
    m[session + S_NEXT] = m[FREE_SESSION]
    m[FREE_SESSION] = session


def owe_carry(m: Heap, place: int) -> None:
    """The place's carry is to be written."""
    row = m[place + P_OWED]
    if row < 0 or m[row + O_PLACE] != place:
        row = new_row(m, U_OWED)
        m[row + O_PLACE] = place
        m[place + P_OWED] = row


def reflag(m: Heap, who: int, flags: int, now: int) -> bool:
    """The member's voice flags are these from now on."""
    session = m[who + M_SESSION]
    if session < 0 or m[session + S_FLAGS] == flags:
        return True
    if not settle(m, session, now):
        return False
    m[session + S_FLAGS] = flags
    m[session + S_WHY] = why_not(m, m[session + S_CHANNEL], flags)
    m[session + S_CHANGED] = 1
    return True


def crowd_crosses(m: Heap, channel: int, size: int) -> bool:
    """Whether with so many in the channel `min_members` is met and now it is not, or the other way round."""
    wanted = m[m[channel + C_GUILD] + G_MIN_MEMBERS]
    return (size >= wanted) != (m[channel + C_COUNT] >= wanted)


def weigh_channel(m: Heap, channel: int) -> None:
    """See anew, after a change of the crowd, the flags or the rules, whether those in the channel earn anything."""
    session = m[channel + C_SESSIONS]
    while session >= 0:
        m[session + S_WHY] = why_not(m, channel, m[session + S_FLAGS])
        session = m[session + S_NEXT]
