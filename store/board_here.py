"""A guild as one read transaction sees it: what the boards' questions have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, TextClause, bindparam, text

from store.engine import Database
from tracker.events.settings import DEFAULTS, GuildSettings, parse_settings
from tracker.ids import GuildId, Ms, Position, partition_of
from tracker.reports.boards import BoardPeriod, BoardScope, Season, scope_of

__all__ = ["ON_BOARD", "Here", "settings_in"]

ON_BOARD: Final = "m.present = 1 AND (m.bot IS NULL OR m.bot = 0) AND (m.opted_out IS NULL OR m.opted_out = 0)"
"""Of a row `m` of members: whether boards show them.

In words that PostgreSQL has statistics for: of COALESCE it believes that hardly anybody remains, and then compares each
of 50,000 who did something with each of 100,000 members, for a minute.
"""

_CHUNK: Final = 5_000


@lru_cache(maxsize=256)
def settings_in(document: str | None) -> GuildSettings:
    """The settings that a guild's document says; the defaults if it has none. Kept: reading one takes a while."""
    return DEFAULTS if document is None else parse_settings(msgspec.json.decode(document))


@lru_cache(maxsize=256)
def _said(statement: str, lists: tuple[str, ...]) -> TextClause:
    """The statement, made once: looking for its arguments takes longer than some answers."""
    return text(statement).bindparams(*(bindparam(name, expanding=True) for name in lists))


class Here:
    """A guild in an open transaction. Statements may name `:partition` and `:guild`."""

    def __init__(self, connection: Connection, db: Database, guild: GuildId) -> None:
        self._connection = connection
        self._place = {"partition": partition_of(guild, db.partitions), "guild": guild}

    @cached_property
    def _guild(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT settings, season_name, season_at FROM guilds WHERE partition = :partition AND guild_id = :guild"
        )

    def rows(self, statement: str, **arguments: int | Sequence[int]) -> list[tuple[Any, ...]]:
        """All rows. An argument that is a sequence is for `IN :name`."""
        lists = tuple(name for name, given in arguments.items() if not isinstance(given, int))
        found = self._connection.execute(_said(statement, lists), {**self._place, **arguments})
        return [tuple(row) for row in found.all()]  # at once: row by row takes twice as long

    def chunks(self, statement: str, **arguments: int) -> Iterable[Sequence[Any]]:
        """The rows in parts, so that many of them do not keep other threads waiting."""
        streaming = self._connection.execution_options(stream_results=True, yield_per=_CHUNK)
        yield from streaming.execute(text(statement), {**self._place, **arguments}).partitions(_CHUNK)

    def settings(self) -> GuildSettings:
        """The settings in force."""
        return settings_in(self._guild[0][0] if self._guild else None)

    def season(self) -> Season | None:
        """The running season; None if none was ever started."""
        if not self._guild or self._guild[0][2] is None:
            return None
        return Season(name=self._guild[0][1] or "", at=Ms(self._guild[0][2]))

    def scope(self, period: BoardPeriod, now: int) -> BoardScope:
        """What a board of that period is about at the instant `now`."""
        return scope_of(period, now, self.settings().zone, self.season())

    def reached(self) -> tuple[Position, Ms]:
        """Up to which position, and as of when, the read models are true."""
        ((position, as_of),) = self.rows("SELECT position, as_of FROM checkpoints WHERE partition = :partition")
        return Position(position), Ms(as_of)
