"""What a fold changed and a flush has yet to write: the kernel's deltas, and the texts beside them."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tracker.projections.drained import Drained, drain, drained_rows
from tracker.projections.kernel.layout import (
    EXP_ADJUSTED, EXP_INTERACTIONS, EXP_MESSAGES, EXP_VOICE, E_MEMBER, G_SESSIONS, H_MEMBER, INTERACTIONS, I_MEMBER,
    K_MEMBER, LAST_AT, MESSAGES, M_GUILD, P_MEMBER, SESSIONS, S_CHANGED, S_NEXT_IN_GUILD, T_MEMBER, U_CELLS, U_ENDED,
    U_EXPIRED, U_GIVEN, U_HOLDS, U_KNOWN, U_OWED, U_REASONS, U_SEASONS, U_STAMPS, U_VISITS, VOICE_MS, V_GUILD, X_MEMBER,
    Y_MEMBER,
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


class Ledger:
    """Deltas that are not numbers, by table and key, and the way to those that are.

    `memories`: those of the guilds whose ledger it is. `names`: what members are called, by (guild id, user id).
    """

    __slots__ = ("forgotten", "memories", "names", "simple")

    def __init__(self, memory: Memory) -> None:
        self.memories = [memory]
        self.names: dict[tuple[int, int], str] = {}
        self.simple: dict[str, dict[Row, Row]] = {}
        self.forgotten: dict[tuple[int, int], None] = {}

    def put(self, table: str, key: Row, *values: Any) -> None:
        """The row `key` of a table that is only ever set is `values` from now on."""
        self.simple.setdefault(table, {})[key] = values

    def forget(self, guild: int, user: int, memory: Memory, who: int) -> None:
        """Drop all that is pending for the member and have what is stored deleted."""
        self.forgotten[guild, user] = None
        self.names.pop((guild, user), None)
        _strike(memory, lambda member: member == who)

    def drop(self, guild: int, memory: Memory, row: int) -> None:
        """Drop all that is pending for the guild; `row` is the kernel's."""
        everything: list[dict[Any, Any]] = [self.names, self.forgotten, *self.simple.values()]
        for keyed in everything:
            for key in [k for k in keyed if k[0] == guild]:
                del keyed[key]
        heap = memory.heap
        _strike(memory, lambda member: heap[member + M_GUILD] == row)
        for at in memory.rows(U_EXPIRED):
            if heap[at + V_GUILD] == row:
                heap[at + V_GUILD] = -1
        session = heap[row + G_SESSIONS]
        while session >= 0:
            heap[session + S_CHANGED] = 0
            session = heap[session + S_NEXT_IN_GUILD]

    def take(self, standing: dict[int, StandingRules]) -> Deltas:
        """All deltas, apart from the fold that goes on; the ledger is empty afterwards.

        `standing`: by guild, the rules by which members are judged now.

        What goes on changing is noted as it is now; making rows of all the rest is left to `Deltas`, on any thread.
        """
        taken = Deltas(
            drained=[drain(memory) for memory in self.memories],
            names=self.names,
            simple=self.simple,
            forgotten=list(self.forgotten),
            standing=standing,
        )
        self.names, self.simple, self.forgotten = {}, {}, {}
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Deltas:
    """What a ledger held when it was taken. Nothing changes it any more."""

    drained: list[Drained]
    names: dict[tuple[int, int], str]
    simple: dict[str, dict[Row, Row]]
    forgotten: list[tuple[int, int]]
    standing: dict[int, StandingRules]

    def changes(self) -> Changes:
        """As rows; none of pseudonyms (negative user ids)."""
        rows: dict[str, list[Row]] = {}
        expired: dict[str, list[Row]] = {}
        for drained in self.drained:
            for gathered, found in zip((rows, expired), drained_rows(drained, self.names), strict=True):
                for table, more in found.items():
                    gathered[table] = gathered[table] + more if table in gathered else more
        for table, keyed in self.simple.items():
            rows[table] = [key + values for key, values in keyed.items()]
        return Changes(
            rows={table: rows[table] for table in TABLES if rows.get(table)},
            expired={table: keys for table, keys in expired.items() if keys},
            forgotten=[key for key in self.forgotten if key[1] > 0],
            standing=self.standing,
        )


def _strike(memory: Memory, concerns: Callable[[int], bool]) -> None:
    """Have deltas of these members belong to nobody."""
    heap = memory.heap
    for table, column in _WHOSE.items():
        for at in memory.rows(table):
            if heap[at + column] >= 0 and concerns(heap[at + column]):
                heap[at + column] = -1
    for table in (U_CELLS, U_REASONS, U_OWED):  # of a place, which is their first number
        for at in memory.rows(table):
            if heap[at] >= 0 and concerns(heap[heap[at] + P_MEMBER]):
                heap[at] = -1
