"""What a fold changed and a flush has yet to write: the kernel's deltas, and the texts beside them."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tracker.projections.drained import Drained, drained_rows
from tracker.projections.kernel.layout import (
    C_ID, DELTAS, EXP_ADJUSTED, EXP_INTERACTIONS, EXP_MESSAGES, EXP_VOICE, E_MEMBER, G_ID, H_MEMBER, INTERACTIONS,
    I_MEMBER, K_MEMBER, K_SAID, LAST_AT, MESSAGES, M_GUILD, M_ROLES, M_STATE, M_USER, O_PLACE, P_CARRY, P_CHANNEL,
    P_MEMBER, SESSIONS, S_CARRY, S_CHANGED, S_CHANNEL, S_EXP, S_FLAGS, S_MEMBER, S_STARTED, S_VOICE_MS, T_MEMBER,
    U_CELLS, U_ENDED, U_EXPIRED, U_GIVEN, U_HOLDS, U_KNOWN, U_OWED, U_REASONS, U_SEASONS, U_SESSIONS, U_STAMPS,
    U_VISITS, VOICE_MS, V_GUILD, X_MEMBER, Y_MEMBER,
)  # fmt: skip
from tracker.projections.memory import Memory
from tracker.projections.rows import TABLES, Changes, Row
from tracker.projections.standing import StandingRules

__all__ = [
    "EXP_ADJUSTED", "EXP_INTERACTIONS", "EXP_MESSAGES", "EXP_VOICE", "INTERACTIONS", "LAST_AT", "MESSAGES", "SESSIONS",
    "VOICE_MS", "Deltas", "Ledger",
]  # fmt: skip

_WHOSE: Final = {
    U_STAMPS: T_MEMBER, U_SEASONS: X_MEMBER, U_KNOWN: K_MEMBER, U_GIVEN: I_MEMBER, U_ENDED: E_MEMBER,
    U_VISITS: Y_MEMBER, U_HOLDS: H_MEMBER,
}  # fmt: skip


@dataclass(slots=True)
class Ledger:
    """Deltas that are not numbers, by table and key, and the way to those that are.

    `names`: what members are called, by (guild id, user id).
    """

    memory: Memory
    names: dict[tuple[int, int], str] = field(default_factory=dict)
    simple: dict[str, dict[Row, Row]] = field(default_factory=dict)
    forgotten: dict[tuple[int, int], None] = field(default_factory=dict)

    def put(self, table: str, key: Row, *values: Any) -> None:
        """The row `key` of a table that is only ever set is `values` from now on."""
        self.simple.setdefault(table, {})[key] = values

    def forget(self, guild: int, user: int, who: int) -> None:
        """Drop all that is pending for the member and have what is stored deleted."""
        self.forgotten[guild, user] = None
        self.names.pop((guild, user), None)
        self._strike(lambda member: member == who)

    def drop(self, guild: int, row: int) -> None:
        """Drop all that is pending for the guild; `row` is the kernel's."""
        everything: list[dict[Any, Any]] = [self.names, self.forgotten, *self.simple.values()]
        for keyed in everything:
            for key in [k for k in keyed if k[0] == guild]:
                del keyed[key]
        heap = self.memory.heap
        self._strike(lambda member: heap[member + M_GUILD] == row)
        for at in self.memory.rows(U_EXPIRED):
            if heap[at + V_GUILD] == row:
                heap[at + V_GUILD] = -1

    def _strike(self, concerns: Callable[[int], bool]) -> None:
        """Have deltas of these members belong to nobody."""
        heap = self.memory.heap
        for table, column in _WHOSE.items():
            for at in self.memory.rows(table):
                if heap[at + column] >= 0 and concerns(heap[at + column]):
                    heap[at + column] = -1
        for table in (U_CELLS, U_REASONS, U_OWED):  # of a place, which is their first number
            for at in self.memory.rows(table):
                if heap[at] >= 0 and concerns(heap[heap[at] + P_MEMBER]):
                    heap[at] = -1

    def take(self, standing: dict[int, StandingRules]) -> Deltas:
        """All deltas, apart from the fold that goes on; the ledger is empty afterwards.

        `standing`: by guild, the rules by which members are judged now.

        What goes on changing is noted as it is now; making rows of all the rest is left to `Deltas`, on any thread.
        """
        memory = self.memory
        noted = {
            "sessions": self._open_sessions(),
            "carries": self._carries(),
            "known": self._known(),
        }
        taken = Deltas(
            drained=Drained(heap=memory.heap, tables={table: memory.clear(table) for table in DELTAS}, **noted),
            names=self.names,
            simple=self.simple,
            forgotten=list(self.forgotten),
            standing=standing,
            role_sets={row: roles for roles, row in memory.role_sets.items()} if noted["known"] else {},
        )
        self.names, self.simple, self.forgotten = {}, {}, {}
        return taken

    def _open_sessions(self) -> list[Row]:
        """(guild, user, started_at, channel, ended_at, …) of the open sessions that changed."""
        m, rows = self.memory.heap, []
        for at in self.memory.rows(U_SESSIONS):
            if m[at + S_MEMBER] >= 0 and m[at + S_CHANGED]:
                m[at + S_CHANGED] = 0
                place = (*self._member(m[at + S_MEMBER]), m[at + S_STARTED], m[m[at + S_CHANNEL] + C_ID])
                rows.append((*place, None, m[at + S_FLAGS], m[at + S_VOICE_MS], m[at + S_EXP], m[at + S_CARRY]))
        return rows

    def _carries(self) -> list[Row]:
        m, rows = self.memory.heap, []
        for at in self.memory.rows(U_OWED):
            place = m[at + O_PLACE]
            if place >= 0:
                channel = m[m[place + P_CHANNEL] + C_ID]
                rows.append((*self._member(m[place + P_MEMBER]), channel, m[place + P_CARRY]))
        return rows

    def _known(self) -> list[Row]:
        """(guild, user, what was said, state, row of the set of roles)."""
        m, rows = self.memory.heap, []
        for at in self.memory.rows(U_KNOWN):
            who = m[at + K_MEMBER]
            if who >= 0:
                rows.append((*self._member(who), m[at + K_SAID], m[who + M_STATE], m[who + M_ROLES]))
        return rows

    def _member(self, who: int) -> tuple[int, int]:
        m = self.memory.heap
        return m[m[who + M_GUILD] + G_ID], m[who + M_USER]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deltas:
    """What a ledger held when it was taken. Nothing changes it any more."""

    drained: Drained
    names: dict[tuple[int, int], str]
    simple: dict[str, dict[Row, Row]]
    forgotten: list[tuple[int, int]]
    standing: dict[int, StandingRules]
    role_sets: dict[int, tuple[int, ...]]

    def changes(self) -> Changes:
        """As rows; none of pseudonyms (negative user ids)."""
        rows, expired = drained_rows(self.drained, self.names, self.role_sets)
        for table, keyed in self.simple.items():
            rows[table] = [key + values for key, values in keyed.items()]
        return Changes(
            rows={table: rows[table] for table in TABLES if rows.get(table)},
            expired={"awards": expired} if expired else {},
            forgotten=[key for key in self.forgotten if key[1] > 0],
            standing=self.standing,
        )
