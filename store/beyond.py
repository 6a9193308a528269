"""What the log holds of some members beyond the tables: deltas that a look told of and the next flush will write.

Whoever reads the tables adds it, and so sees what they will be.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
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
        columns = TABLES[table].columns
        found = self.rows.get(user, _NONE).get(table, {}).values()
        return [dict(zip(columns, row, strict=True)) for row in found]

    def sums(self, table: str, user: UserId, *columns: str, days: Collection[int] | None = None) -> tuple[int, ...]:
        """What is to be added to these columns; `days`: of these days only."""
        found = [row for row in self.of(table, user) if days is None or row["day"] in days]
        return tuple(sum(row[column] for row in found) for column in columns)

    def heard(self, user: UserId, before: Heard = UNHEARD_OF) -> Heard:
        """What is known of a member of whom the tables have `before`."""
        news = next(iter(self.of("members", user)), {})
        known = {f.name: getattr(before, f.name) if (new := news.get(f.name)) is None else new for f in fields(Heard)}
        return Heard(**known)


NOTHING: Final = Beyond()
"""The tables alone."""
