"""The fold of messages, interactions and adjustments."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from tracker.projections.kernel.exp import award, draw, percent_at, role_percent
from tracker.projections.kernel.layout import (
    AT_ONCE, AWARD, A_CHANNEL, A_DAY, A_EXP, A_GUILD, A_IN_BUCKET, A_MEMBER, A_MESSAGE, A_NEXT, A_PREVIOUS, A_SEASON_AT,
    A_UNTIL, BUCKET, BUCKETS, CLOCK, COOLDOWN_INTERACTIONS, COOLDOWN_MESSAGES, C_PERCENT, C_QUIET, EXPIRED,
    EXP_ADJUSTED, EXP_INTERACTIONS, EXP_MESSAGES, FREE_AWARD, GIVEN, G_AWARDS, G_DAY, G_INTERACTION_COOLDOWN,
    G_INTERACTION_EXP, G_JUMBLED, G_LATEST, G_MESSAGE_COOLDOWN, G_MESSAGE_MAX, G_MESSAGE_MIN, G_MESSAGE_REVOKE,
    G_NEWEST_AWARD, G_SEASON_AT, G_SEEN_UNTIL, IGNORED_MESSAGES, INTERACTIONS, I_CHANNEL, I_CLOCK, I_DAY, I_EXP,
    I_GUILD, I_MEMBER, I_MESSAGE, I_SEASON_AT, I_UNTIL, LAST_AT, MESSAGES, M_GUILD, M_INTERACTION_AT, M_MESSAGE_AT,
    NEVER, REVOKED_MESSAGES, T_INTERACTION_AT, T_MESSAGE_AT, U_AWARDS, U_EXPIRED, U_GIVEN, V_CLOCK, V_GUILD,
    V_MESSAGE, Heap,
)  # fmt: skip
from tracker.projections.kernel.rows import (
    add_to_season,
    cell_of,
    new_row,
    place_of,
    reason_of,
    room,
    see_day,
    stamp_of,
)

__all__ = ["adjusted", "deleted", "drop_oldest_awards", "expire_awards", "remember", "sent", "take_out", "used"]


def sent(m: Heap, who: int, channel: int, message: int, now: int) -> bool:
    """A member wrote a message. One in an ignored channel neither counts nor earns."""
    guild = m[who + M_GUILD]
    if not see_day(m, guild, now):
        return False
    day, place = m[guild + G_DAY], place_of(m, who, channel)
    if m[channel + C_QUIET]:
        m[reason_of(m, place, day) + IGNORED_MESSAGES] += 1
        return True
    cell = cell_of(m, place, day)
    m[cell + MESSAGES] += 1
    if now > m[cell + LAST_AT]:
        m[cell + LAST_AT] = now
    highest = m[guild + G_MESSAGE_MAX]
    if highest == 0:
        return True
    if now < m[who + M_MESSAGE_AT] + m[guild + G_MESSAGE_COOLDOWN]:
        m[reason_of(m, place, day) + COOLDOWN_MESSAGES] += 1
        return True
    m[who + M_MESSAGE_AT] = m[stamp_of(m, who) + T_MESSAGE_AT] = now
    exp = worth(m, guild, who, channel, draw(m, message, m[guild + G_MESSAGE_MIN], highest), now)
    m[cell + EXP_MESSAGES] += exp
    season, revocable = m[guild + G_SEASON_AT], m[guild + G_MESSAGE_REVOKE]
    add_to_season(m, who, season, exp)
    if revocable > 0:
        until = now + revocable
        remember(m, guild, message, who, channel, day, exp, until, season)
        if m[AT_ONCE]:
            return True
        row = new_row(m, U_GIVEN, GIVEN)
        m[row + I_GUILD], m[row + I_MESSAGE], m[row + I_MEMBER] = guild, message, who
        m[row + I_CHANNEL], m[row + I_DAY], m[row + I_EXP] = channel, day, exp
        m[CLOCK] += 1
        m[row + I_UNTIL], m[row + I_SEASON_AT], m[row + I_CLOCK] = until, season, m[CLOCK]
    return True


def used(m: Heap, who: int, channel: int, now: int) -> bool:
    """A member used a command or component."""
    guild = m[who + M_GUILD]
    if not see_day(m, guild, now):
        return False
    day, place = m[guild + G_DAY], place_of(m, who, channel)
    cell = cell_of(m, place, day)
    m[cell + INTERACTIONS] += 1
    if now > m[cell + LAST_AT]:
        m[cell + LAST_AT] = now
    if m[guild + G_INTERACTION_EXP] == 0:
        return True
    if now < m[who + M_INTERACTION_AT] + m[guild + G_INTERACTION_COOLDOWN]:
        m[reason_of(m, place, day) + COOLDOWN_INTERACTIONS] += 1
        return True
    m[who + M_INTERACTION_AT] = m[stamp_of(m, who) + T_INTERACTION_AT] = now
    exp = worth(m, guild, who, channel, m[guild + G_INTERACTION_EXP], now)
    m[cell + EXP_INTERACTIONS] += exp
    add_to_season(m, who, m[guild + G_SEASON_AT], exp)
    return True


def adjusted(m: Heap, who: int, nowhere: int, amount: int, now: int) -> bool:
    """Somebody gave or took EXP by hand, in no channel: in the one whose id is 0."""
    guild = m[who + M_GUILD]
    if not see_day(m, guild, now):
        return False
    m[cell_of(m, place_of(m, who, nowhere), m[guild + G_DAY]) + EXP_ADJUSTED] += amount
    add_to_season(m, who, m[guild + G_SEASON_AT], amount)
    return True


def worth(m: Heap, guild: int, who: int, channel: int, exp: int, now: int) -> int:
    """An award with its multipliers."""
    return award(exp, m[channel + C_PERCENT], role_percent(m, guild, who), percent_at(m, guild, now))


# -- awards that may be revoked ----------------------------------------------------------------------------------------


def remember(
    m: Heap, guild: int, message: int, who: int, channel: int, day: int, exp: int, until: int, season_at: int
) -> None:
    """Keep an award for as long as it may be revoked: up to and including `until`.

    `until` follows from the settings at the award's own instant, so that no later change of them, and no tick, can
    alter what an award was.
    """
    before = found(m, guild, message)
    if before >= 0:
        take_out(m, before)
    given = m[FREE_AWARD]
    if given >= 0:
        m[FREE_AWARD] = m[given + A_NEXT]
    else:
        given = new_row(m, U_AWARDS, AWARD)
    bucket, newest = bucket_of(message), m[guild + G_NEWEST_AWARD]
    m[given + A_MESSAGE], m[given + A_GUILD], m[given + A_UNTIL] = message, guild, until
    m[given + A_IN_BUCKET] = m[bucket]
    m[bucket] = given
    m[given + A_PREVIOUS], m[given + A_NEXT] = newest, -1
    if newest >= 0:
        m[newest + A_NEXT] = given
    else:
        m[guild + G_AWARDS] = given
    m[guild + G_NEWEST_AWARD] = given
    if until < m[guild + G_LATEST]:
        m[guild + G_JUMBLED] = m[guild + G_LATEST]
    else:
        m[guild + G_LATEST] = until
    m[given + A_MEMBER], m[given + A_CHANNEL], m[given + A_DAY] = who, channel, day
    m[given + A_EXP], m[given + A_SEASON_AT] = exp, season_at


def bucket_of(message: int) -> int:
    """Where awards of such messages are linked. The low bits of Discord's ids are nearly always the same."""
    return BUCKET + (message ^ message >> 22) % BUCKETS


def found(m: Heap, guild: int, message: int) -> int:
    """The row of the message's award, -1 if there is none."""
    given = m[bucket_of(message)]
    while given >= 0 and (m[given + A_MESSAGE] != message or m[given + A_GUILD] != guild):
        given = m[given + A_IN_BUCKET]
    return given


def take_out(m: Heap, given: int) -> None:
    """Forget the award: it is no more to be revoked."""
    guild, bucket = m[given + A_GUILD], bucket_of(m[given + A_MESSAGE])
    if m[bucket] == given:
        m[bucket] = m[given + A_IN_BUCKET]
    else:
        other = m[bucket]
        while m[other + A_IN_BUCKET] != given:
            other = m[other + A_IN_BUCKET]
        m[other + A_IN_BUCKET] = m[given + A_IN_BUCKET]
    before, after = m[given + A_PREVIOUS], m[given + A_NEXT]
    if before >= 0:
        m[before + A_NEXT] = after
    else:
        m[guild + G_AWARDS] = after
    if after >= 0:
        m[after + A_PREVIOUS] = before
    else:
        m[guild + G_NEWEST_AWARD] = before
    message = m[given + A_MESSAGE]
    m[given + A_MEMBER], m[given + A_NEXT] = -1, m[FREE_AWARD]
    m[FREE_AWARD] = given
    if m[AT_ONCE]:
        return
    row = new_row(m, U_EXPIRED, EXPIRED)
    m[CLOCK] += 1
    m[row + V_GUILD], m[row + V_MESSAGE], m[row + V_CLOCK] = guild, message, m[CLOCK]


def deleted(m: Heap, guild: int, message: int, now: int) -> bool:
    """A message is gone: within `revoke_s` its award goes too, on the day and in the season it was given."""
    given = found(m, guild, message)
    if given < 0:
        return True
    if now <= m[given + A_UNTIL]:
        who, day, exp = m[given + A_MEMBER], m[given + A_DAY], m[given + A_EXP]
        place = place_of(m, who, m[given + A_CHANNEL])
        m[cell_of(m, place, day) + EXP_MESSAGES] -= exp
        m[reason_of(m, place, day) + REVOKED_MESSAGES] += 1
        add_to_season(m, who, m[given + A_SEASON_AT], -exp)
    take_out(m, given)
    return True


def expire_awards(m: Heap, guild: int, as_of: int) -> bool:
    """Drop the awards that can no longer be revoked at `as_of`. Part of each tick: what is stored depends on it.

    They stand in the order in which they were given. Up to the instant G_JUMBLED some of them run out before others
    that were given earlier, under settings that allowed for longer.
    """
    given = m[guild + G_AWARDS]
    while given >= 0:
        after = m[given + A_NEXT]
        if m[given + A_UNTIL] < as_of:
            if not room(m, 1):
                return False
            take_out(m, given)
        elif as_of > m[guild + G_JUMBLED]:
            break
        given = after
    return True


def drop_oldest_awards(m: Heap, guild: int, now: int) -> None:
    """Drop the guild's oldest awards as long as they cannot be revoked at `now`, and later events neither.

    A few at a time, and others may be left: `expire_awards` sees to those. Without, a replay would come to look for
    each award among all that were ever given.
    """
    given = m[guild + G_AWARDS]
    while given >= 0 and m[given + A_UNTIL] < now and m[guild + G_SEEN_UNTIL] == NEVER and room(m, 1):
        take_out(m, given)
        given = m[guild + G_AWARDS]
