"""What the log holds of some members beyond the tables: deltas that a look told of and the next flush will write.

Whoever reads the tables adds it, and so sees what they will be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Final

from tracker.ids import Ms, Position, UserId
from tracker.projections.rows import TABLES, Row

__all__ = ["NOTHING", "UNHEARD_OF", "Beyond", "Heard"]

_NONE: Final[Mapping[str, Mapping[Row, Row]]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What `members` has of somebody; None: that was never heard."""

    name: str | None = None
    bot: int | None = None
    present: int | None = None
    opted_out: int | None = None
    role_ids: str | None = None

    @property
    def on_board(self) -> bool:
        """Whether boards show them: as `store.board_here.ON_BOARD` says."""
        return self.present == 1 and not self.bot and not self.opted_out


UNHEARD_OF: Final = Heard()
_HEARD: Final = tuple(f.name for f in fields(Heard))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """Of the members that were asked for, by member and table: one row for each key, as a flush would write it.

    `position`, `as_of`: what the tables and these come to together; None: what the tables say themselves.
    """

    position: Position | None = None
    as_of: Ms | None = None
    rows: Mapping[UserId, Mapping[str, Mapping[Row, Row]]] = field(default_factory=dict)

    def of(self, table: str, user: UserId) -> list[dict[str, Any]]:
        """A member's rows, by column."""
        found = self.rows.get(user, _NONE).get(table)
        if not found:
            return []
        columns = TABLES[table].columns
        return [dict(zip(columns, row, strict=True)) for row in found.values()]

    def sums(self, table: str, user: UserId, *columns: str, days: Collection[int] | None = None) -> tuple[int, ...]:
        """What is to be added to these columns; `days`: of these days only."""
        found: Iterable[Row] = self.rows.get(user, _NONE).get(table, {}).values()
        if days is not None:
            (day,) = _places(table, "day")
            found = [row for row in found if row[day] in days]
        return tuple(sum(row[at] for row in found) for at in _places(table, *columns))

    def heard(self, user: UserId, before: Heard = UNHEARD_OF) -> Heard:
        """What is known of a member of whom the tables have `before`."""
        for news in self.of("members", user):
            known = {name: told for name in _HEARD if (told := news[name]) is not None}
            return replace(before, **known)
        return before


@lru_cache(maxsize=64)
def _places(table: str, *columns: str) -> tuple[int, ...]:
    return tuple(map(TABLES[table].columns.index, columns))


NOTHING: Final = Beyond()
"""The tables alone."""
