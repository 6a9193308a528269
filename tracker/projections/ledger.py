"""Where a fold notes what it changed, until a flush drains it into rows."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final

from tracker.projections.rows import TABLES, Changes, Row
from tracker.projections.sessions import VoiceSession
from tracker.projections.standing import StandingRules
from tracker.projections.unearned import NO_REASONS

__all__ = [
    "EXP_ADJUSTED", "EXP_INTERACTIONS", "EXP_MESSAGES", "EXP_VOICE", "INTERACTIONS", "LAST_AT", "MESSAGES", "SESSIONS",
    "VOICE_MS", "Deltas", "Ledger",
]  # fmt: skip

# Cells of a daily row, in the order of TABLES["daily"] after its key.
(
    VOICE_MS, SESSIONS, MESSAGES, INTERACTIONS,
    EXP_VOICE, EXP_MESSAGES, EXP_INTERACTIONS, EXP_ADJUSTED, LAST_AT,
) = range(9)  # fmt: skip

_NOTHING_DAILY = [0] * 9
_KNOWN: Final = TABLES["members"].known


@dataclass(slots=True)
class Ledger:
    """Deltas by table and key. Rows of pseudonyms (negative user ids) are dropped when drained."""

    daily: dict[tuple[int, int, int, int], list[int]] = field(default_factory=dict)
    sessions: dict[tuple[int, int, int], VoiceSession] = field(default_factory=dict)
    session_days: dict[tuple[int, int, int, int], None] = field(default_factory=dict)
    message_awards_at: dict[tuple[int, int], int] = field(default_factory=dict)
    interaction_awards_at: dict[tuple[int, int], int] = field(default_factory=dict)
    members: dict[tuple[int, int], list[Any]] = field(default_factory=dict)
    season_totals: dict[tuple[int, int, int], int] = field(default_factory=dict)
    unearned: dict[tuple[int, int, int, int], list[int]] = field(default_factory=dict)
    simple: dict[str, dict[Row, Row]] = field(default_factory=dict)
    expired: dict[str, dict[Row, None]] = field(default_factory=dict)
    forgotten: dict[tuple[int, int], None] = field(default_factory=dict)

    def day_cell(self, guild: int, day: int, user: int, channel: int) -> list[int]:
        """The daily row's deltas, to be added to in place."""
        key = (guild, day, user, channel)
        cell = self.daily.get(key)
        if cell is None:
            cell = self.daily[key] = _NOTHING_DAILY[:]
        return cell

    def reasons(self, guild: int, day: int, user: int, channel: int) -> list[int]:
        """The unearned row's deltas, to be added to in place. Ask only if there is something to add."""
        key = (guild, day, user, channel)
        cell = self.unearned.get(key)
        if cell is None:
            cell = self.unearned[key] = list(NO_REASONS)
        return cell

    def add_to_season(self, guild: int, season_at: int, user: int, exp: int) -> None:
        """EXP given or taken counts in the season that began at `season_at`; nothing happens if that is 0: in none."""
        if season_at and exp:
            key = (guild, season_at, user)
            self.season_totals[key] = self.season_totals.get(key, 0) + exp

    def put(self, table: str, key: Row, *values: Any) -> None:
        """The row `key` of a table that is only ever set is `values` from now on."""
        self.simple.setdefault(table, {})[key] = values
        gone = self.expired.get(table)
        if gone:
            gone.pop(key, None)

    def expire(self, table: str, key: Row) -> None:
        """The row `key` is no longer needed."""
        self.simple.get(table, {}).pop(key, None)
        self.expired.setdefault(table, {})[key] = None

    def member(self, guild: int, user: int, **known: Any) -> None:
        """What is now known of a member."""
        row = self.members.setdefault((guild, user), [None] * len(_KNOWN))
        for name, value in known.items():
            row[_KNOWN.index(name)] = value

    def forget(self, guild: int, user: int) -> None:
        """Drop all that is pending for the member and have what is stored deleted."""
        self.forgotten[guild, user] = None
        for table, keyed in self._tables_with_a_user():
            at = TABLES[table].key.index("user_id")
            for key in [k for k in keyed if k[0] == guild and k[at] == user]:
                del keyed[key]
        awards = self.simple.get("awards", {})
        for key in [k for k, v in awards.items() if k[0] == guild and v[0] == user]:
            del awards[key]

    def drop(self, guild: int) -> None:
        """Drop all that is pending for the guild."""
        everything = [keyed for _, keyed in self._tables_with_a_user()]
        everything += [*self.simple.values(), *self.expired.values(), self.forgotten]
        for keyed in everything:
            for key in [k for k in keyed if k[0] == guild]:
                del keyed[key]

    def _tables_with_a_user(self) -> list[tuple[str, dict[Any, Any]]]:
        named: list[tuple[str, dict[Any, Any]]] = [
            ("daily", self.daily),
            ("sessions", self.sessions),
            ("session_days", self.session_days),
            ("totals", self.message_awards_at),
            ("totals", self.interaction_awards_at),
            ("members", self.members),
            ("season_totals", self.season_totals),
            ("unearned", self.unearned),
        ]
        return named + [(t, keyed) for t, keyed in self.simple.items() if "user_id" in TABLES[t].key]

    def take(self, standing: dict[int, StandingRules]) -> Deltas:
        """All deltas, apart from the fold that goes on; the ledger is empty afterwards.

        `standing`: by guild, the rules by which members are judged now.

        Sessions are noted as they are now; making rows of all the rest is left to `Deltas`, on any thread.
        """
        sessions = [session.row(key) for key, session in self.sessions.items()]
        taken = Deltas(ledger=copy(self), sessions=sessions, standing=standing)
        self.__init__()  # type: ignore[misc]  # empty again, field by field as declared
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Deltas:
    """What a ledger held when it was taken. Nothing changes it any more."""

    ledger: Ledger
    sessions: list[Row]
    standing: dict[int, StandingRules]

    def changes(self) -> Changes:
        """As rows."""
        ledger = self.ledger
        rows: dict[str, list[Row]] = {
            "daily": [(*key, *cell) for key, cell in ledger.daily.items()],
            "sessions": self.sessions,
            "session_days": list(ledger.session_days),
            "totals": _totals(ledger),
            "members": [(*key, *known) for key, known in ledger.members.items()],
            "season_totals": [(*key, exp) for key, exp in ledger.season_totals.items()],
            "unearned": [(*key, *cell) for key, cell in ledger.unearned.items()],
        }
        for table, keyed in ledger.simple.items():
            rows[table] = [key + values for key, values in keyed.items()]
        return Changes(
            rows={table: kept for table in TABLES if (kept := _without_pseudonyms(table, rows.get(table, [])))},
            expired={table: list(keys) for table, keys in ledger.expired.items() if keys},
            forgotten=[key for key in ledger.forgotten if key[1] > 0],
            standing=self.standing,
        )


def _totals(ledger: Ledger) -> list[Row]:
    """A member's sums are its daily deltas over days and channels: they are not kept twice."""
    sums: dict[tuple[int, int], list[int]] = {}
    for (guild, _, user, _), cell in ledger.daily.items():
        row = sums.get((guild, user))
        if row is None:
            row = sums[guild, user] = [0, 0, 0, 0, 0]
        row[0] += cell[EXP_VOICE] + cell[EXP_MESSAGES] + cell[EXP_INTERACTIONS] + cell[EXP_ADJUSTED]
        row[1] += cell[VOICE_MS]
        row[2] += cell[MESSAGES]
        row[3] += cell[INTERACTIONS]
        if cell[LAST_AT] > row[4]:
            row[4] = cell[LAST_AT]
    message, interaction = ledger.message_awards_at.get, ledger.interaction_awards_at.get
    return [(*key, *row, message(key, 0), interaction(key, 0)) for key, row in sums.items()]


def _user_column() -> Callable[[str], int | None]:
    places = {name: t.columns.index("user_id") for name, t in TABLES.items() if "user_id" in t.columns}
    return places.get


_user_at = _user_column()


def _without_pseudonyms(table: str, rows: list[Row]) -> list[Row]:
    at = _user_at(table)
    if at is None or all(row[at] > 0 for row in rows):
        return rows
    return [row for row in rows if row[at] > 0]
