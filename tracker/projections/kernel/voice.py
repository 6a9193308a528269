"""The open-session fold: what voice facts do to sessions, channels and carries."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from tracker.projections.kernel.layout import (
    C_COUNT, C_SESSIONS, ENDED, E_CARRY, E_CHANNEL, E_DAY, E_DAYLESS, E_ENDED, E_EXP, E_FLAGS, E_MEMBER, E_STARTED,
    E_VOICE_MS, FREE_SESSION, FREE_SESSION_DAY, G_MIN_MEMBERS, G_OPEN, G_SESSIONS, M_GUILD, M_SESSION, N_NEXT, OWED,
    O_PLACE, P_CARRY, P_OWED, SESSION, S_CARRY, S_CHANGED, S_CHANNEL, S_DAY, S_DAYLESS, S_DAYS, S_EXP, S_FLAGS,
    S_MEMBER, S_NEXT, S_NEXT_IN_GUILD, S_PLACE, S_PREVIOUS, S_PREVIOUS_IN_GUILD, S_SINCE, S_STARTED, S_VOICE_MS, S_WHY,
    U_ENDED, U_OWED, U_SESSIONS, Heap,
)  # fmt: skip
from tracker.projections.kernel.rows import new_row, place_of
from tracker.projections.kernel.settling import settle, settle_channel, weigh_channel, why_not

__all__ = ["enter", "leave", "open_session", "reflag"]


def enter(m: Heap, who: int, channel: int, flags: int, now: int) -> bool:
    """The member is in the channel now, wherever they were before."""
    guild, session = m[who + M_GUILD], m[who + M_SESSION]
    if session >= 0:
        if m[session + S_CHANNEL] == channel:
            return reflag(m, who, flags, now)
        if not settle_leaving(m, guild, session, now):
            return False
    if m[channel + C_COUNT] + 1 == m[guild + G_MIN_MEMBERS] and not settle_channel(m, channel, now):
        return False
    if session >= 0:
        end_session(m, guild, session, now)
        begin_session(m, guild, session, channel, flags, now)
    else:
        open_session(m, who, channel, flags, now)
    return True


def leave(m: Heap, who: int, now: int) -> bool:
    """The member is in no channel from now on. Nothing happens if they were in none."""
    session = m[who + M_SESSION]
    if session < 0:
        return True
    guild = m[who + M_GUILD]
    if not settle_leaving(m, guild, session, now):
        return False
    end_session(m, guild, session, now)
    before, after = m[session + S_PREVIOUS_IN_GUILD], m[session + S_NEXT_IN_GUILD]
    if before >= 0:
        m[before + S_NEXT_IN_GUILD] = after
    else:
        m[guild + G_SESSIONS] = after
    if after >= 0:
        m[after + S_PREVIOUS_IN_GUILD] = before
    m[guild + G_OPEN] -= 1
    m[who + M_SESSION] = -1
    m[session + S_MEMBER] = -1
    m[session + S_NEXT] = m[FREE_SESSION]
    m[FREE_SESSION] = session
    return True


def settle_leaving(m: Heap, guild: int, session: int, now: int) -> bool:
    """Credit the session up to `now`, and those for whom it makes a difference that it ends."""
    if not settle(m, guild, session, now):
        return False
    channel = m[session + S_CHANNEL]
    return m[channel + C_COUNT] != m[guild + G_MIN_MEMBERS] or settle_channel(m, channel, now)


def open_session(m: Heap, who: int, channel: int, flags: int, now: int) -> int:
    """A new session of somebody who is in no channel."""
    session, guild = m[FREE_SESSION], m[who + M_GUILD]
    if session >= 0:
        m[FREE_SESSION] = m[session + S_NEXT]
    else:
        session = new_row(m, U_SESSIONS, SESSION)
        m[session + S_DAYS] = -1
    m[session + S_MEMBER] = who
    following = m[guild + G_SESSIONS]
    m[session + S_NEXT_IN_GUILD], m[session + S_PREVIOUS_IN_GUILD] = following, -1
    if following >= 0:
        m[following + S_PREVIOUS_IN_GUILD] = session
    m[guild + G_SESSIONS] = m[who + M_SESSION] = session
    m[guild + G_OPEN] += 1
    begin_session(m, guild, session, channel, flags, now)
    return session


def begin_session(m: Heap, guild: int, session: int, channel: int, flags: int, now: int) -> None:
    """The session begins in the channel."""
    place = place_of(m, m[session + S_MEMBER], channel)
    m[session + S_CHANNEL], m[session + S_PLACE] = channel, place
    m[session + S_STARTED] = m[session + S_SINCE] = now
    m[session + S_FLAGS], m[session + S_CARRY] = flags, m[place + P_CARRY]
    m[session + S_VOICE_MS] = m[session + S_EXP] = m[session + S_DAY] = 0
    m[session + S_DAYLESS], m[session + S_CHANGED] = 0, 1
    following, count = m[channel + C_SESSIONS], m[channel + C_COUNT] + 1
    m[session + S_NEXT], m[session + S_PREVIOUS] = following, -1
    if following >= 0:
        m[following + S_PREVIOUS] = session
    m[channel + C_SESSIONS], m[channel + C_COUNT] = session, count
    if count == m[guild + G_MIN_MEMBERS]:
        weigh_channel(m, channel)
    else:
        m[session + S_WHY] = why_not(m, guild, channel, flags)


def end_session(m: Heap, guild: int, session: int, now: int) -> None:
    """The session ends: it is no more in its channel. It has no row in the read model if it had no tracked time; so no
    two that have one began at the same instant.
    """
    channel, place = m[session + S_CHANNEL], m[session + S_PLACE]
    if m[session + S_DAY] or m[session + S_DAYLESS]:
        row = new_row(m, U_ENDED, ENDED)
        m[row + E_MEMBER], m[row + E_CHANNEL] = m[session + S_MEMBER], channel
        m[row + E_STARTED], m[row + E_ENDED] = m[session + S_STARTED], now
        m[row + E_FLAGS], m[row + E_VOICE_MS] = m[session + S_FLAGS], m[session + S_VOICE_MS]
        m[row + E_EXP], m[row + E_CARRY] = m[session + S_EXP], m[session + S_CARRY]
        m[row + E_DAY], m[row + E_DAYLESS] = m[session + S_DAY], m[session + S_DAYLESS]
    before, after = m[session + S_PREVIOUS], m[session + S_NEXT]
    if before >= 0:
        m[before + S_NEXT] = after
    else:
        m[channel + C_SESSIONS] = after
    if after >= 0:
        m[after + S_PREVIOUS] = before
    if m[session + S_DAYS] >= 0:
        forget_days(m, session)
    count = m[channel + C_COUNT]
    m[channel + C_COUNT] = count - 1
    if count == m[guild + G_MIN_MEMBERS]:
        weigh_channel(m, channel)
    carry = m[session + S_CARRY]
    if carry != m[place + P_CARRY]:
        m[place + P_CARRY] = carry
        owe_carry(m, place)


def forget_days(m: Heap, session: int) -> None:
    """Give the rows of the session's days back."""
    node = m[session + S_DAYS]
    while node >= 0:
        after = m[node + N_NEXT]
        m[node + N_NEXT] = m[FREE_SESSION_DAY]
        m[FREE_SESSION_DAY] = node
        node = after
    m[session + S_DAYS] = -1


def owe_carry(m: Heap, place: int) -> None:
    """The place's carry is to be written."""
    row = m[place + P_OWED]
    if row < 0 or m[row + O_PLACE] != place:
        row = new_row(m, U_OWED, OWED)
        m[row + O_PLACE] = place
        m[place + P_OWED] = row


def reflag(m: Heap, who: int, flags: int, now: int) -> bool:
    """The member's voice flags are these from now on."""
    session = m[who + M_SESSION]
    if session < 0 or m[session + S_FLAGS] == flags:
        return True
    guild = m[who + M_GUILD]
    if not settle(m, guild, session, now):
        return False
    m[session + S_FLAGS] = flags
    m[session + S_WHY] = why_not(m, guild, m[session + S_CHANNEL], flags)
    m[session + S_CHANGED] = 1
    return True
