"""The arithmetic of EXP (SEMANTICS §6): whole numbers in, whole numbers out.

The settings' bounds keep every product within 64 bits: 10⁶ EXP × three percentages of at most 10⁴ are 10¹⁸.
"""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from tracker.projections.kernel.layout import (
    CRC, CRC_DIGITS, CRC_PART, CRC_ZEROS, G_PERCENTS_FROM, G_PERCENTS_TO, G_WINDOWS_FROM, G_WINDOWS_TO, L_FROM, L_TO,
    M_ROLES, PERCENT, Q_PERCENT, Q_ROLE, WINDOW, W_END, W_PERCENT, W_START, Heap,
)  # fmt: skip

__all__ = ["award", "awards_in", "crc_of", "draw", "percent_at", "role_percent", "voice_exp"]


def awards_in(carry: int, every: int, length: int) -> tuple[int, int, int]:
    """What `length` ms of eligible time do to a `carry`.

    Gives (number of awards, ms into the time at which the first one falls, the new carry). Each ms adds 1 to the
    carry; where it reaches `every` there is an award and the carry starts again from 0, so a carry that is already
    too long gives one award with the first ms.
    """
    first = max(every - carry, 1)
    if first > length:
        return 0, 0, carry + length
    return 1 + (length - first) // every, first, (length - first) % every


def award(exp: int, channel_percent: int, role_percent: int, timed_percent: int) -> int:
    """`exp × c × r × t ÷ 1 000 000`, rounded down."""
    return exp * channel_percent * role_percent * timed_percent // 1_000_000


def role_percent(m: Heap, guild: int, who: int) -> int:
    """The best percent among the member's roles that have one in the guild (100 if none has)."""
    low, high = m[guild + G_PERCENTS_FROM], m[guild + G_PERCENTS_TO]
    best = -1
    if low < high:
        held = m[who + M_ROLES]
        for at in range(m[held + L_FROM], m[held + L_TO]):
            role = m[at]
            for row in range(low, high, PERCENT):
                if m[row + Q_ROLE] == role and m[row + Q_PERCENT] > best:
                    best = m[row + Q_PERCENT]
    return 100 if best < 0 else best


def percent_at(m: Heap, guild: int, moment: int) -> int:
    """The timed multiplier in force at the instant (100 if none)."""
    for row in range(m[guild + G_WINDOWS_FROM], m[guild + G_WINDOWS_TO], WINDOW):
        if m[row + W_START] <= moment < m[row + W_END]:
            return m[row + W_PERCENT]
    return 100


def voice_exp(
    m: Heap, guild: int, exp: int, channel_percent: int, roles: int, first: int, every: int, count: int
) -> int:
    """The EXP of `count` awards at the instants first, first + every, … under the timed multipliers at each."""
    last = first + (count - 1) * every
    plain = award(exp, channel_percent, roles, 100)
    total = count * plain
    for row in range(m[guild + G_WINDOWS_FROM], m[guild + G_WINDOWS_TO], WINDOW):
        start, end = m[row + W_START], m[row + W_END]
        before = -(-(start - first) // every) if start > first else 0
        until = -(-(end - first) // every) if end <= last else count
        inside = min(until, count) - before
        if inside > 0:
            total += inside * (award(exp, channel_percent, roles, m[row + W_PERCENT]) - plain)
    return total


def draw(m: Heap, message: int, lowest: int, highest: int) -> int:
    """The EXP a message is worth, the same at every replay: `min + crc32(ascii decimal id) mod (max − min + 1)`."""
    if lowest == highest:
        return lowest
    return lowest + crc_of(m, message) % (highest - lowest + 1)


def crc_of(m: Heap, number: int) -> int:
    """The CRC-32 (ISO 3309, as zlib's) of a positive number's decimal digits.

    Digits change it independently of each other: whatever three of them are, they change the same bits of the CRC of
    equally many zeros.
    """
    part, digits, crc = CRC, 1, 0
    while number >= CRC_PART:
        crc ^= m[part + number % CRC_PART]
        number //= CRC_PART
        part += CRC_PART
        digits += CRC_DIGITS
    if number >= 10:
        digits += 2 if number >= 100 else 1
    return crc ^ m[part + number] ^ m[CRC_ZEROS + digits]
