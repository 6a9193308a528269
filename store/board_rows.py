"""A leaderboard to be kept in memory, made of the read models as one moment has them."""

from __future__ import annotations

from itertools import chain
from typing import Final

import numpy as np

from store.board_here import Here
from store.engine import Database
from tracker.ids import GuildId, Ms
from tracker.reports.boards import BoardPeriod, BoardScope
from tracker.reports.kept import BOT, OPTED_OUT, PRESENT, KeptBoard, Numbers

__all__ = ["read_kept_board"]

_OF_GUILD: Final = "WHERE partition = :partition AND guild_id = :guild"
_FLAGS: Final = (
    f"SELECT user_id, COALESCE(present, 0) * {PRESENT} + COALESCE(bot, 0) * {BOT} "  # noqa: S608
    f"+ COALESCE(opted_out, 0) * {OPTED_OUT} FROM members {_OF_GUILD}"
)
_OF_ALL_TIME: Final = f"SELECT user_id, exp, voice_ms, messages FROM totals {_OF_GUILD}"  # noqa: S608
_OF_SEASON: Final = f"SELECT user_id, exp FROM season_totals {_OF_GUILD} AND season_at = :season"  # noqa: S608
_OF_DAYS: Final = (
    "SELECT user_id, CAST(SUM(exp_voice + exp_messages + exp_interactions + exp_adjusted) AS BIGINT), "  # noqa: S608
    f"CAST(SUM(voice_ms) AS BIGINT), CAST(SUM(messages) AS BIGINT) FROM daily {_OF_GUILD} "
    "AND day BETWEEN :first AND :last GROUP BY user_id"
)


def read_kept_board(db: Database, guild: GuildId, period: BoardPeriod, *, now: Ms) -> KeptBoard:
    """The guild's boards of that period at the instant `now`, true at the checkpoint that is read with them."""
    with db.read() as connection:
        here = Here(connection, db, guild)
        scope = here.scope(period, now)
        statement, about = _sums(scope)
        flags = _read(here, _FLAGS, {})
        sums = _read(here, statement, about) if statement else []
        position, as_of = here.reached()
        return KeptBoard(scope, here.settings(), flags=flags, sums=sums, position=position, as_of=as_of)


def _sums(scope: BoardScope) -> tuple[str, dict[str, int]]:
    if scope.period == "season":
        return ("", {}) if scope.season is None else (_OF_SEASON, {"season": scope.season.at})
    if scope.first_day is None or scope.last_day is None:
        return _OF_ALL_TIME, {}
    return _OF_DAYS, {"first": scope.first_day, "last": scope.last_day}


def _read(here: Here, statement: str, about: dict[str, int]) -> list[Numbers]:
    return [
        np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(len(rows), -1)
        for rows in here.chunks(statement, **about)
    ]
