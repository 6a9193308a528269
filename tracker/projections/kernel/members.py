"""What is known of members, and which roles they hold since when."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from tracker.projections.kernel.layout import (
    BOT, G_ID, HOLD, H_AT, H_HELD, H_MEMBER, H_ROLE, L_FROM, L_TO, M_GUILD, M_ROLES, M_SESSION, M_STATE, NO_ROLES,
    OPTED_OUT, PRESENT, SAID_BOT, SAID_NAME, SAID_OPTED_OUT, SAID_PRESENT, SAID_ROLES, U_HOLDS, Heap,
)  # fmt: skip
from tracker.projections.kernel.rows import new_row, room, said
from tracker.projections.kernel.settling import settle
from tracker.projections.kernel.voice import leave

__all__ = ["member_joined", "member_left", "opted_in", "opted_out", "roles_changed"]


def member_joined(m: Heap, who: int, bot: int, now: int) -> bool:
    """Somebody is a member of the guild."""
    if bot and not leave(m, who, now):
        return False
    state = m[who + M_STATE]
    if not state & PRESENT:
        hold(m, who, m[m[who + M_GUILD] + G_ID], now, 1)
    m[who + M_STATE] = (state | PRESENT | BOT) if bot else (state | PRESENT) & ~BOT
    said(m, who, SAID_NAME | SAID_BOT | SAID_PRESENT)
    return True


def member_left(m: Heap, who: int, now: int) -> bool:
    """A member left the guild, and holds no role of it any more."""
    if not leave(m, who, now) or not set_roles(m, who, NO_ROLES, now):
        return False
    if m[who + M_STATE] & PRESENT:
        hold(m, who, m[m[who + M_GUILD] + G_ID], now, 0)
    m[who + M_STATE] &= ~PRESENT
    said(m, who, SAID_PRESENT)
    return True


def roles_changed(m: Heap, who: int, roles: int, now: int) -> bool:
    """The member's whole set of roles is this one from now on. Who holds roles is a member."""
    if not m[who + M_STATE] & PRESENT:  # history that begins in the middle
        m[who + M_STATE] |= PRESENT
        said(m, who, SAID_PRESENT)
        hold(m, who, m[m[who + M_GUILD] + G_ID], now, 1)
    return set_roles(m, who, roles, now)


def set_roles(m: Heap, who: int, roles: int, now: int) -> bool:
    """Equal sets have the same row."""
    before = m[who + M_ROLES]
    if before == roles:
        return True
    session = m[who + M_SESSION]
    if session >= 0 and not settle(m, m[who + M_GUILD], session, now):
        return False
    old_from, old_to = m[before + L_FROM], m[before + L_TO]
    new_from, new_to = m[roles + L_FROM], m[roles + L_TO]
    if not room(m, old_to - old_from + new_to - new_from):
        return False
    for at in range(old_from, old_to):
        if not among(m, m[at], new_from, new_to):
            hold(m, who, m[at], now, 0)
    for at in range(new_from, new_to):
        if not among(m, m[at], old_from, old_to):
            hold(m, who, m[at], now, 1)
    m[who + M_ROLES] = roles
    said(m, who, SAID_ROLES)
    return True


def among(m: Heap, role: int, low: int, high: int) -> bool:
    """Whether the role is one of those in m[low:high]."""
    for at in range(low, high):  # noqa: SIM110  (numba compiles no generator within any())
        if m[at] == role:
            return True
    return False


def hold(m: Heap, who: int, role: int, now: int, held: int) -> None:
    """From now on the member holds the role, or holds it no longer."""
    row = new_row(m, U_HOLDS, HOLD)
    m[row + H_ROLE], m[row + H_MEMBER], m[row + H_AT], m[row + H_HELD] = role, who, now, held


def opted_out(m: Heap, who: int, now: int) -> bool:
    """The member asked not to be tracked."""
    if not leave(m, who, now):
        return False
    m[who + M_STATE] |= OPTED_OUT
    said(m, who, SAID_OPTED_OUT)
    return True


def opted_in(m: Heap, who: int) -> bool:
    """The member asked to be tracked again."""
    m[who + M_STATE] &= ~OPTED_OUT
    said(m, who, SAID_OPTED_OUT)
    return True
