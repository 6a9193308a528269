"""Where the read models' rows are in the kernel's tables: said once, for numpy's way and the compiled one."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tracker.projections.kernel.layout import (
    A_CHANNEL, A_DAY, A_EXP, A_MEMBER, A_MESSAGE, A_SEASON_AT, A_UNTIL, CELL, D_DAY, D_PLACE, D_VALUES, E_CARRY,
    E_CHANNEL, E_DAY, E_ENDED, E_EXP, E_FLAGS, E_MEMBER, E_STARTED, E_VOICE_MS, H_AT, H_HELD, H_MEMBER, H_ROLE, O_PLACE,
    P_CARRY, P_CHANNEL, REASON, S_CARRY, S_CHANNEL, S_DAY, S_EXP, S_FLAGS, S_MEMBER, S_STARTED, S_VOICE_MS, U_AWARDS,
    U_CELLS, U_ENDED, U_HOLDS, U_OWED, U_REASONS, U_SEASONS, U_SESSIONS, U_VISITS, X_EXP, X_MEMBER, X_SEASON_AT, Y_DAY,
    Y_FIRST, Y_MEMBER, Y_STARTED,
)  # fmt: skip

__all__ = ["CHANNEL", "DRAINED", "GUILD", "LEFT", "NULL", "OWN", "PLACES", "PLACES_CHANNEL", "USER", "Source"]

OWN, GUILD, USER, CHANNEL, PLACES, PLACES_CHANNEL, NULL = range(7)
"""What a cell is: a number of the row itself; the id of the guild or of the user whose the row is; the id of the
channel to which one of its numbers leads; a number of the place to which it belongs, or the id of the channel to which
that one leads; null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows of the read model `name` out of a table of the kernel's.

    `of`: the column that says whose a row is: where the member's row is, or, if they are `placed`, that of the member
    in a channel. A row of nobody (-1) does not count, nor one of a member without a name. `cells`: by column of the
    read model, what it is, and the number in the row that is meant.
    """

    name: str
    table: int
    of: int
    placed: bool = False
    cells: tuple[tuple[int, int], ...]


def _deltas(name: str, table: int, width: int) -> Source:
    """Cells of a member in a channel on a day."""
    values = ((OWN, value) for value in range(D_VALUES, width))
    key = ((GUILD, 0), (OWN, D_DAY), (USER, 0), (PLACES_CHANNEL, P_CHANNEL))
    return Source(name=name, table=table, of=D_PLACE, placed=True, cells=(*key, *values))


DRAINED: Final = (
    _deltas("daily", U_CELLS, CELL),
    _deltas("unearned", U_REASONS, REASON),
    Source(
        name="sessions", table=U_ENDED, of=E_MEMBER,
        cells=(
            (GUILD, 0), (OWN, E_DAY), (USER, 0), (OWN, E_STARTED), (CHANNEL, E_CHANNEL), (OWN, E_ENDED),
            (OWN, E_FLAGS), (OWN, E_VOICE_MS), (OWN, E_EXP), (OWN, E_CARRY),
        ),
    ),
    Source(
        name="session_days", table=U_VISITS, of=Y_MEMBER,
        cells=((GUILD, 0), (OWN, Y_DAY), (USER, 0), (OWN, Y_STARTED), (OWN, Y_FIRST)),
    ),
    Source(
        name="role_changes", table=U_HOLDS, of=H_MEMBER,
        cells=((GUILD, 0), (OWN, H_ROLE), (USER, 0), (OWN, H_AT), (OWN, H_HELD)),
    ),
)  # fmt: skip
"""What may be taken away while the log is being folded."""

LEFT: Final = (
    Source(
        name="sessions", table=U_SESSIONS, of=S_MEMBER,
        cells=(
            (GUILD, 0), (OWN, S_DAY), (USER, 0), (OWN, S_STARTED), (CHANNEL, S_CHANNEL), (NULL, 0),
            (OWN, S_FLAGS), (OWN, S_VOICE_MS), (OWN, S_EXP), (OWN, S_CARRY),
        ),
    ),
    Source(
        name="carries", table=U_OWED, of=O_PLACE, placed=True,
        cells=((GUILD, 0), (USER, 0), (PLACES_CHANNEL, P_CHANNEL), (PLACES, P_CARRY)),
    ),
    Source(
        name="season_totals", table=U_SEASONS, of=X_MEMBER,
        cells=((GUILD, 0), (OWN, X_SEASON_AT), (USER, 0), (OWN, X_EXP)),
    ),
    Source(
        name="awards", table=U_AWARDS, of=A_MEMBER,
        cells=(
            (GUILD, 0), (OWN, A_MESSAGE), (USER, 0), (CHANNEL, A_CHANNEL), (OWN, A_DAY), (OWN, A_EXP), (OWN, A_UNTIL),
            (OWN, A_SEASON_AT),
        ),
    ),
)  # fmt: skip
"""What is known only at the end."""
