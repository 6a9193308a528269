"""Rows for the read models out of the kernel's deltas."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tracker.projections.kernel.layout import (
    BOT, CELL, C_ID, DELTAS, D_DAY, D_VALUES, ENDED, EXPIRED, GIVEN, G_ID, HOLD, K_MEMBER, K_SAID, M_GUILD, M_ROLES,
    M_STATE, M_USER, NOT_YET, OPTED_OUT, O_PLACE, PRESENT, P_CARRY, P_CHANNEL, P_MEMBER, REASON, SAID_BOT, SAID_NAME,
    SAID_OPTED_OUT, SAID_PRESENT, SAID_ROLES, SEASON, STAMP, S_CHANGED, S_DAY, S_DAYLESS, S_MEMBER, U_CELLS, U_ENDED,
    U_EXPIRED, U_GIVEN, U_HOLDS, U_KNOWN, U_OWED, U_REASONS, U_SEASONS, U_SESSIONS, U_STAMPS, U_VISITS, VISIT, Heap,
)  # fmt: skip
from tracker.projections.memory import Memory
from tracker.projections.rows import Row

__all__ = ["Drained", "drain", "drained_rows"]

_BITS: Final = ((SAID_BOT, BOT), (SAID_PRESENT, PRESENT), (SAID_OPTED_OUT, OPTED_OUT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """The deltas' `tables`, and what went on changing as it was: open `sessions` as rows of ended ones would be,
    (place, carry) of `carries`, and `known` members.

    `heap` is read only for what never changes: whose and where a row is.
    """

    heap: Heap
    tables: Mapping[int, array[int]]
    sessions: array[int]
    carries: list[tuple[int, int]]
    known: list[Row]
    role_sets: Mapping[int, tuple[int, ...]]


def drain(memory: Memory) -> Drained:
    """Take the deltas away. What goes on changing is noted as it is now; the rest can be made rows of at any time."""
    m = memory.heap
    known = [
        (*_ids(m, m[at + K_MEMBER]), m[at + K_SAID], m[m[at + K_MEMBER] + M_STATE], m[m[at + K_MEMBER] + M_ROLES])
        for at in memory.rows(U_KNOWN)
        if m[at + K_MEMBER] >= 0
    ]
    return Drained(
        heap=m,
        sessions=_changed_sessions(memory),
        carries=[(place, m[place + P_CARRY]) for at in memory.rows(U_OWED) if (place := m[at + O_PLACE]) >= 0],
        known=known,
        role_sets={row: memory.roles_of(row) for row in {roles for *_, roles in known}},
        tables={table: memory.clear(table) for table in DELTAS},
    )


def _changed_sessions(memory: Memory) -> array[int]:
    m, taken = memory.heap, array("q")
    for at in memory.rows(U_SESSIONS):
        if m[at + S_CHANGED] and m[at + S_MEMBER] >= 0:
            m[at + S_CHANGED] = 0
            taken += m[at : at + ENDED]
            m[at + S_DAYLESS] = 0 if m[at + S_DAY] else 1
    return taken


def _ids(m: Heap, who: int) -> tuple[int, int]:
    return m[m[who + M_GUILD] + G_ID], m[who + M_USER]


_Found = dict[str, list[Row]]


def drained_rows(drained: Drained, names: Mapping[tuple[int, int], str]) -> tuple[_Found, _Found]:
    """Rows by table, each key once, and the keys of rows that are to be deleted."""
    who = _Who(drained.heap)
    daily = _cells(drained.tables[U_CELLS], CELL, who)
    awards, expired = _awards(drained.tables[U_GIVEN], drained.tables[U_EXPIRED], who)
    sessions, left = _sessions(drained, who)
    rows: _Found = {
        "daily": daily,
        "unearned": _cells(drained.tables[U_REASONS], REASON, who),
        "sessions": sessions,
        "session_days": list(_visits(drained.tables[U_VISITS], who)),
        "totals": _totals(daily, drained.tables[U_STAMPS], who),
        "season_totals": list(_seasons(drained.tables[U_SEASONS], who)),
        "carries": list(_carries(drained, who)),
        "members": [_member(row, names, drained.role_sets) for row in drained.known if row[1] > 0],
        "role_changes": _holds(drained.tables[U_HOLDS], who),
        "awards": awards,
    }
    return rows, {"awards": expired, "sessions": left}


@dataclass(frozen=True, slots=True)
class _Who:
    """Ids of rows."""

    heap: Heap

    def guild(self, row: int) -> int:
        return self.heap[row + G_ID]

    def channel(self, row: int) -> int:
        return self.heap[row + C_ID]

    def member(self, row: int) -> tuple[int, int]:
        """(guild id, user id); the latter 0 for somebody of whom no row is to be written."""
        heap = self.heap
        user = heap[row + M_USER] if row >= 0 else 0
        return (heap[heap[row + M_GUILD] + G_ID], user) if user > 0 else (0, 0)


def _rows(table: array[int], width: int) -> Iterator[list[int]]:
    numbers = table.tolist()
    return (numbers[at : at + width] for at in range(0, len(numbers), width))


def _cells(table: array[int], width: int, who: _Who) -> list[Row]:
    """(guild, day, user, channel, *values) of cells or reasons."""
    numbers, heap, made = table.tolist(), who.heap, list[Row]()
    for at in range(0, len(numbers), width):
        place = numbers[at]
        if place >= 0:
            member, channel = heap[place + P_MEMBER], heap[place + P_CHANNEL]
            user = heap[member + M_USER]
            if user > 0:
                key = heap[heap[member + M_GUILD] + G_ID], numbers[at + D_DAY], user, heap[channel + C_ID]
                made.append((*key, *numbers[at + D_VALUES : at + width]))
    return made


def _totals(daily: list[Row], stamps: array[int], who: _Who) -> list[Row]:
    """A member's sums are its daily deltas over days and channels: they are not kept twice."""
    sums: dict[tuple[int, int], list[int]] = {}
    for row in daily:
        guild, _, user, _, voice_ms, _, messages, interactions, exp_voice, exp_messages, exp_used, adjusted, at = row
        exp = exp_voice + exp_messages + exp_used + adjusted
        total = sums.get((guild, user))
        if total is None:
            sums[guild, user] = [exp, voice_ms, messages, interactions, at]
            continue
        total[0] += exp
        total[1] += voice_ms
        total[2] += messages
        total[3] += interactions
        if at > total[4]:
            total[4] = at
    began = {
        who.member(member): tuple(0 if at == NOT_YET else at for at in instants)
        for member, *instants in _rows(stamps, STAMP)
    }
    return [(*key, *row, *began.get(key, (0, 0))) for key, row in sums.items()]


def _sessions(drained: Drained, who: _Who) -> tuple[list[Row], list[Row]]:
    """The rows, and the keys that some leave because they have a day now, or ended without any tracked time."""
    kept: list[Row] = []
    left: list[Row] = []
    for ended_there, table in ((True, drained.tables[U_ENDED]), (False, drained.sessions)):
        for member, channel, started, ended, *rest, day, dayless in _rows(table, ENDED):
            guild, user = who.member(member)
            if user:
                if day or not ended_there:
                    ended_at = ended if ended_there else None
                    kept.append((guild, day, user, started, who.channel(channel), ended_at, *rest))
                if dayless and (day or ended_there):
                    left.append((guild, 0, user, started))
    return kept, left


def _awards(given: array[int], expired: array[int], who: _Who) -> tuple[list[Row], list[Row]]:
    """The awards that may still be revoked, and the keys of those that no longer may."""
    gone = {(who.guild(guild), message): clock for guild, message, clock in _rows(expired, EXPIRED) if guild >= 0}
    kept: dict[Row, Row] = {}
    for guild, message, member, channel, *rest, clock in _rows(given, GIVEN):
        key = (who.guild(guild), message)
        _, user = who.member(member)
        if user and clock > gone.get(key, 0):
            kept[key] = (user, who.channel(channel), *rest)
    return [key + row for key, row in kept.items()], [key for key in gone if key not in kept]


def _carries(drained: Drained, who: _Who) -> Iterator[Row]:
    for place, carry in drained.carries:
        guild, user = who.member(who.heap[place + P_MEMBER])
        if user:
            yield guild, user, who.channel(who.heap[place + P_CHANNEL]), carry


def _visits(table: array[int], who: _Who) -> Iterator[Row]:
    for member, day, started, first in _rows(table, VISIT):
        guild, user = who.member(member)
        if user:
            yield guild, day, user, started, first


def _seasons(table: array[int], who: _Who) -> Iterator[Row]:
    for member, season_at, exp, _ in _rows(table, SEASON):
        guild, user = who.member(member)
        if user:
            yield guild, season_at, user, exp


def _holds(table: array[int], who: _Who) -> list[Row]:
    """What happens last at an instant stands."""
    kept: dict[Row, Row] = {}
    for role, member, at, held in _rows(table, HOLD):
        guild, user = who.member(member)
        if user:
            kept[guild, role, user, at] = (bool(held),)
    return [key + row for key, row in kept.items()]


def _member(row: Row, names: Mapping[tuple[int, int], str], role_sets: Mapping[int, tuple[int, ...]]) -> Row:
    guild, user, said, state, roles = row
    bits = (bool(state & bit) if said & told else None for told, bit in _BITS)
    name = names.get((guild, user)) if said & SAID_NAME else None
    return (guild, user, name, *bits, ",".join(map(str, role_sets[roles])) if said & SAID_ROLES else None)
