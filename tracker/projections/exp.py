"""The arithmetic of EXP (SEMANTICS §6): whole numbers in, whole numbers out."""

from __future__ import annotations

from zlib import crc32

from tracker.events.settings import GuildSettings

__all__ = ["award", "awards_in", "draw", "voice_exp"]


def awards_in(carry: int, every: int, length: int) -> tuple[int, int, int]:
    """What `length` ms of eligible time do to a `carry`.

    Gives (number of awards, ms into the time at which the first one falls, the new carry). Each ms adds 1 to the
    carry; where it reaches `every` there is an award and the carry starts again from 0, so a carry that is already
    too long gives one award with the first ms.
    """
    first = max(every - carry, 1)
    if first > length:
        return 0, 0, carry + length
    more, rest = divmod(length - first, every)
    return 1 + more, first, rest


def award(exp: int, channel_percent: int, role_percent: int, timed_percent: int) -> int:
    """`exp × c × r × t ÷ 1 000 000`, rounded down."""
    return exp * channel_percent * role_percent * timed_percent // 1_000_000


def voice_exp(
    settings: GuildSettings, exp: int, channel_percent: int, role_percent: int, *, first: int, every: int, count: int
) -> int:
    """The EXP of `count` awards at the instants first, first + every, … under the timed multipliers at each."""
    last = first + (count - 1) * every
    total = count * award(exp, channel_percent, role_percent, 100)
    for window in settings.windows:
        before = -(-(window.start - first) // every) if window.start > first else 0
        until = -(-(window.end - first) // every) if window.end <= last else count
        inside = max(min(until, count) - before, 0)
        if inside:
            plain = award(exp, channel_percent, role_percent, 100)
            total += inside * (award(exp, channel_percent, role_percent, window.percent) - plain)
    return total


def draw(message_id: int, lowest: int, highest: int) -> int:
    """The EXP a message is worth, the same at every replay: `min + crc32(ascii decimal id) mod (max − min + 1)`."""
    return lowest + crc32(b"%d" % message_id) % (highest - lowest + 1)
