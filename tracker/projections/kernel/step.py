"""One event after the other: what each kind of event does."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from typing import Any

from tracker.events.kinds import (
    ADJUSTED, FIRST_RARE, INTERACTION_USED, MEMBER_JOINED, MEMBER_LEFT, MESSAGE_DELETED, MESSAGE_SENT, OPTED_IN,
    OPTED_OUT, RENAMED, ROLES_CHANGED, TICKED, VOICE_FLAGS, VOICE_JOINED, VOICE_LEFT,
)  # fmt: skip
from tracker.projections.kernel.activity import adjusted, deleted, drop_oldest_awards, expire_awards, sent, used
from tracker.projections.kernel.layout import (
    FOR_OTHERS, GUILD, G_DISORDERED, G_LAST_AT, G_SEEN_UNTIL, M_NAME, M_STATE, NEVER, SAID_NAME, SILENT, SPARE,
    STOPPED_FOR, TOP, Heap,
)  # fmt: skip
from tracker.projections.kernel.members import member_joined, member_left, opted_in, opted_out, roles_changed
from tracker.projections.kernel.rows import room, said
from tracker.projections.kernel.settling import settle_all
from tracker.projections.kernel.voice import enter, leave, reflag

__all__ = ["advance", "run", "step"]


def step(m: Heap, kind: int, guild: int, who: int, channel: int, at: int, arg: int) -> bool:
    """Fold one event of the guild; `who` and `channel` are rows, -1: none. `arg` depends on the kind (events.kinds).

    False: nothing is lost, but the call must be repeated once the caller has seen to what it stopped for. An event
    that lacks its member or channel changes nothing, nor does what bots do and members who opted out.
    """
    if m[TOP] + m[SPARE] + GUILD > len(m):  # for all that one event adds, but for what is asked for further down
        return room(m, 1)
    if at >= m[guild + G_LAST_AT]:
        m[guild + G_LAST_AT] = at
    else:
        m[guild + G_DISORDERED] = 1
    if kind == VOICE_LEFT:
        return who < 0 or leave(m, who, at)
    if kind == VOICE_FLAGS:
        return who < 0 or reflag(m, who, arg, at)
    if kind == MESSAGE_DELETED:
        return deleted(m, guild, arg, at)
    if not VOICE_JOINED <= kind <= INTERACTION_USED:
        return who < 0 or about_member(m, kind, who, channel, at, arg)
    if who < 0 or channel < 0 or m[who + M_STATE] & SILENT:
        return True
    if kind == MESSAGE_SENT:
        return sent(m, who, channel, arg, at)
    if kind == INTERACTION_USED:
        return used(m, who, channel, at)
    return enter(m, who, channel, arg, at)  # joined or moved


def about_member(m: Heap, kind: int, who: int, channel: int, at: int, arg: int) -> bool:
    """The facts about members, and those that come by hand."""
    if kind == MEMBER_JOINED:
        return member_joined(m, who, arg, at)
    if kind == MEMBER_LEFT:
        return member_left(m, who, at)
    if kind == ROLES_CHANGED:
        return roles_changed(m, who, arg, at)
    if kind == RENAMED:
        said(m, who, SAID_NAME)
        return True
    if kind == OPTED_OUT:
        return opted_out(m, who, at)
    if kind == OPTED_IN:
        return opted_in(m, who)
    if kind == ADJUSTED:
        return adjusted(m, who, channel, arg, at)
    m[STOPPED_FOR] = FOR_OTHERS
    return False


def advance(m: Heap, guild: int, as_of: int) -> bool:
    """Time has come to `as_of`. A guild that the tracker does not see stays where it was lost."""
    if m[guild + G_SEEN_UNTIL] != NEVER:
        return True
    return settle_all(m, guild, as_of) and expire_awards(m, guild, as_of)


def run(
    m: Heap,
    kinds: Any,
    guilds: Any,
    members: Any,
    channels: Any,
    ats: Any,
    arguments: Any,
    first: int,
    names_from: int,
) -> int:
    """Fold events in columns from the one at `first` on; returns how many are behind it when it stops.

    It stops at the end, for lack of something (STOPPED_FOR says what), and at events that others must fold. Of a name
    it notes where it was said: `names_from` + the event's place in the columns. Ticks are passed over: what a replay
    gives does not depend on them. Awards that a tick would have dropped go with the next messages, lest they pile up.
    """
    for i in range(first, len(kinds)):
        kind, who = kinds[i], members[i]
        if kind == TICKED:
            continue
        if kind >= FIRST_RARE:
            m[STOPPED_FOR] = FOR_OTHERS
            return i
        if not step(m, kind, guilds[i], who, channels[i], ats[i], arguments[i]):
            return i
        if kind == MESSAGE_SENT:
            drop_oldest_awards(m, guilds[i], ats[i])
        if kind in (MEMBER_JOINED, RENAMED) and who >= 0:
            m[who + M_NAME] = names_from + i
    return len(kinds)
