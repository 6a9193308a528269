"""Which events are to be read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from store.columns_chunk import COLUMNS
from tracker.ids import Partition

__all__ = ["Ask", "UnfitError"]


class UnfitError(Exception):
    """The table cannot be read in this way (any more): read what is missing in another. Not an error of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which events; the arguments of `LogReader.batches`."""

    partition: Partition
    after: int
    upto: int
    guilds: Collection[int] | None
    rows: int

    def sql(self) -> str:
        """The rows of the table `events`, for every driver: the numbers stand in it."""
        return f"SELECT {', '.join(COLUMNS)} FROM events{self.which()}"  # noqa: S608 - names of our own

    def which(self) -> str:
        """What of that says which rows, and in what order."""
        where = f"partition = {int(self.partition)} AND position > {int(self.after)} AND position <= {int(self.upto)}"
        if self.guilds is not None:
            where += f" AND guild_id IN ({', '.join(str(int(g)) for g in sorted(self.guilds)) or 'NULL'})"
        return f" WHERE {where} ORDER BY position"
