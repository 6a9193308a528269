"""The read models' rows, as columns, out of the kernel's tables: what a replay hands to the shadow tables."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from store.columns_chunk import Ints
from store.replay_feed import Feed, view
from tracker.projections.kernel.layout import (
    A_CHANNEL, A_DAY, A_EXP, A_MEMBER, A_MESSAGE, A_SEASON_AT, A_UNTIL, BOT, C_ID, D_DAY, D_PLACE, D_VALUES,
    EXP_ADJUSTED, EXP_INTERACTIONS, EXP_MESSAGES, EXP_VOICE, E_CARRY, E_CHANNEL, E_ENDED, E_EXP, E_FLAGS, E_MEMBER,
    E_STARTED, E_VOICE_MS, G_ID, H_AT, H_HELD, H_MEMBER, H_ROLE, INTERACTIONS, K_MEMBER, K_SAID, LAST_AT, MESSAGES,
    M_GUILD, M_INTERACTION_AT, M_MESSAGE_AT, M_ROLES, M_STATE, M_USER, NOT_YET, OPTED_OUT, O_PLACE, PRESENT, P_CARRY,
    P_CHANNEL, P_MEMBER, SAID_BOT, SAID_NAME, SAID_OPTED_OUT, SAID_PRESENT, SAID_ROLES, S_CARRY, S_CHANNEL, S_EXP,
    S_FLAGS, S_MEMBER, S_STARTED, S_VOICE_MS, U_AWARDS, U_CELLS, U_ENDED, U_EXPIRED, U_GIVEN, U_HOLDS, U_KNOWN, U_OWED,
    U_REASONS, U_SEASONS, U_SESSIONS, U_VISITS, VOICE_MS, WIDTHS, X_EXP, X_MEMBER, X_SEASON_AT, Y_DAY, Y_MEMBER,
    Y_STARTED,
)  # fmt: skip

__all__ = ["Harvest", "Rows"]

_DRAINED: Final = (U_CELLS, U_REASONS, U_ENDED, U_VISITS, U_HOLDS, U_GIVEN, U_EXPIRED)
_FIGURES: Final = [VOICE_MS, MESSAGES, INTERACTIONS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a read model as columns, in the order of TABLES[name].columns. `nulls`: by column, where it is null."""

    name: str
    columns: Sequence[Any]
    nulls: Mapping[str, np.ndarray[Any, Any]]
    fresh: bool


class Harvest:
    """Takes what a Feed has come to, part by part, and the rest at the end; nothing of pseudonyms."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._memory = feed.state.memory
        self._earners = np.zeros(0, np.int64)
        self._totals = np.zeros((0, 5), np.int64)

    @property
    def waiting(self) -> int:
        """How many numbers are in the tables that `deltas` empties."""
        return sum(end - start for table in _DRAINED for start, end in self._memory.parts(table))

    def deltas(self) -> Iterator[Rows]:
        """Days, sessions that ended, roles taken and given up since the last call; they are gone from the memory."""
        yield from self._pending()
        for table in _DRAINED:
            self._memory.clear(table)

    def all(self) -> Iterator[Rows]:
        """All that has not been taken yet. Nothing more comes after it."""
        yield from self._pending()
        yield from self._rest()

    def _pending(self) -> Iterator[Rows]:
        self._add_up()
        yield self._cells("daily", U_CELLS)
        yield self._cells("unearned", U_REASONS)
        ended, who = self._of_known(U_ENDED, E_MEMBER)
        yield _rows(
            "sessions",
            who.guilds, who.users, ended[:, E_STARTED], self._channels(ended[:, E_CHANNEL]), ended[:, E_ENDED],
            ended[:, E_FLAGS], ended[:, E_VOICE_MS], ended[:, E_EXP], ended[:, E_CARRY],
        )  # fmt: skip
        visits, who = self._of_known(U_VISITS, Y_MEMBER)
        yield _rows("session_days", who.guilds, visits[:, Y_DAY], who.users, visits[:, Y_STARTED])
        holds, who = self._of_known(U_HOLDS, H_MEMBER)
        yield _rows("role_changes", who.guilds, holds[:, H_ROLE], who.users, holds[:, H_AT], holds[:, H_HELD])

    def _rest(self) -> Iterator[Rows]:
        """All that is known only at the end."""
        yield from (self._open_sessions(), self._totals_rows(), self._carries(), self._seasons(), self._awards())
        yield self._members()
        for name, keyed in self._feed.state.ledger.simple.items():
            rows = [key + values for key, values in keyed.items()]
            if rows:
                yield _rows(name, *(list(column) for column in zip(*rows, strict=True)))

    # -- rows and whose they are -----------------------------------------------------------------------------------

    def _table(self, table: int) -> Ints:
        """A table of the kernel's as a matrix, copied."""
        heap = view(self._memory.heap)
        parts = [heap[start:end] for start, end in self._memory.parts(table)]
        rows: Ints = np.concatenate([*parts, heap[:0]]).reshape(-1, WIDTHS[table])
        return rows

    def _whose(self, members: Ints) -> _Whose:
        heap = view(self._memory.heap)
        guilds, users = heap[heap[members + M_GUILD] + G_ID], heap[members + M_USER]
        return _Whose(guilds=guilds, users=users)

    def _of_known(self, table: int, column: int) -> tuple[Ints, _Whose]:
        """The rows of a table that belong to somebody who has a name, and to whom."""
        rows = self._table(table)
        rows = rows[rows[:, column] >= 0]
        users = self._whose(rows[:, column]).users
        rows = rows[users > 0]
        return rows, self._whose(rows[:, column])

    def _channels(self, rows: Ints) -> Ints:
        found: Ints = view(self._memory.heap)[rows + C_ID]
        return found

    def _places(self, rows: Ints) -> tuple[Ints, Ints]:
        """(members, channel ids) of places."""
        heap = view(self._memory.heap)
        return heap[rows + P_MEMBER], self._channels(heap[rows + P_CHANNEL])

    # -- the tables ------------------------------------------------------------------------------------------------

    def _cells(self, name: str, table: int) -> Rows:
        cells = self._table(table)
        cells = cells[cells[:, D_PLACE] >= 0]
        members, channels = self._places(cells[:, D_PLACE])
        who = self._whose(members)
        kept = who.users > 0
        values = (cells[kept, column] for column in range(D_VALUES, WIDTHS[table]))
        return _rows(name, who.guilds[kept], cells[kept, D_DAY], who.users[kept], channels[kept], *values)

    def _add_up(self) -> None:
        """A member's sums are its daily deltas over days and channels."""
        cells = self._table(U_CELLS)
        cells = cells[cells[:, D_PLACE] >= 0]
        values = cells[:, D_VALUES:]
        if not len(cells):
            return
        exp = values[:, [EXP_VOICE, EXP_MESSAGES, EXP_INTERACTIONS, EXP_ADJUSTED]].sum(axis=1)
        members, which = np.unique(self._places(cells[:, D_PLACE])[0], return_inverse=True)
        sums = np.zeros((len(members), 5), np.int64)
        for column, added in enumerate([exp, *(values[:, figure] for figure in _FIGURES)]):
            np.add.at(sums[:, column], which, added)
        np.maximum.at(sums[:, 4], which, values[:, LAST_AT])
        self._earners, self._totals = _united(self._earners, self._totals, members, sums)

    def _totals_rows(self) -> Rows:
        known = self._whose(self._earners).users > 0
        members, sums = self._earners[known], self._totals[known]
        who, heap = self._whose(members), view(self._memory.heap)
        began = (heap[members + column] for column in (M_MESSAGE_AT, M_INTERACTION_AT))
        stamps = [np.where(at == NOT_YET, 0, at) for at in began]
        return _rows("totals", who.guilds, who.users, *(sums[:, i] for i in range(5)), *stamps)

    def _open_sessions(self) -> Rows:
        rows, who = self._of_known(U_SESSIONS, S_MEMBER)
        columns = (rows[:, column] for column in (S_FLAGS, S_VOICE_MS, S_EXP, S_CARRY))
        ended = np.zeros(len(rows), np.int64)
        return _rows(
            "sessions",
            who.guilds, who.users, rows[:, S_STARTED], self._channels(rows[:, S_CHANNEL]), ended, *columns,
            nulls={"ended_at": np.ones(len(rows), bool)},
        )  # fmt: skip

    def _carries(self) -> Rows:
        places = self._table(U_OWED)[:, O_PLACE]
        places = places[places >= 0]
        members, channels = self._places(places)
        who = self._whose(members)
        kept = who.users > 0
        carries = view(self._memory.heap)[places[kept] + P_CARRY]
        return _rows("carries", who.guilds[kept], who.users[kept], channels[kept], carries)

    def _seasons(self) -> Rows:
        rows, who = self._of_known(U_SEASONS, X_MEMBER)
        return _rows("season_totals", who.guilds, rows[:, X_SEASON_AT], who.users, rows[:, X_EXP])

    def _awards(self) -> Rows:
        rows, who = self._of_known(U_AWARDS, A_MEMBER)
        columns = (rows[:, column] for column in (A_DAY, A_EXP, A_UNTIL, A_SEASON_AT))
        return _rows("awards", who.guilds, rows[:, A_MESSAGE], who.users, self._channels(rows[:, A_CHANNEL]), *columns)

    def _members(self) -> Rows:
        rows, who = self._of_known(U_KNOWN, K_MEMBER)
        heap = view(self._memory.heap)
        said, state = rows[:, K_SAID], heap[rows[:, K_MEMBER] + M_STATE]
        names: list[str | None] = [
            self._feed.names[member] if is_said else None
            for member, is_said in zip(rows[:, K_MEMBER].tolist(), (said & SAID_NAME).tolist(), strict=True)
        ]
        texts = {row: ",".join(map(str, roles)) for roles, row in self._memory.role_sets.items()}
        roles: list[str | None] = [
            texts[row] if is_said else None
            for row, is_said in zip(
                heap[rows[:, K_MEMBER] + M_ROLES].tolist(), (said & SAID_ROLES).tolist(), strict=True
            )
        ]
        bits = {
            column: ((state & bit > 0).astype(np.int64), said & told == 0)
            for column, told, bit in (
                ("bot", SAID_BOT, BOT), ("present", SAID_PRESENT, PRESENT), ("opted_out", SAID_OPTED_OUT, OPTED_OUT),
            )
        }  # fmt: skip
        columns = (who.guilds, who.users, names, *(values for values, _ in bits.values()), roles)
        return _rows("members", *columns, nulls={column: absent for column, (_, absent) in bits.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whose:
    guilds: Ints
    users: Ints


def _united(members: Ints, sums: Ints, more: Ints, added: Ints) -> tuple[Ints, Ints]:
    """Sums by member, both ascending, as one: what is of the same member is added up, of the last column the larger."""
    every = np.union1d(members, more)
    united = np.zeros((len(every), 5), np.int64)
    united[np.searchsorted(every, members)] = sums
    at = np.searchsorted(every, more)
    united[at, :4] += added[:, :4]
    united[at, 4] = np.maximum(united[at, 4], added[:, 4])
    return every, united


def _rows(name: str, *columns: Any, nulls: Mapping[str, np.ndarray[Any, Any]] | None = None) -> Rows:
    return Rows(name=name, columns=columns, nulls=nulls or {}, fresh=False)
