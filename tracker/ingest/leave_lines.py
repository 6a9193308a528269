"""A log line for each voice session that ended: who, where, for how long, and the EXP that was committed for it.

The figures are those of the rows that a flush has committed, never what was about to be written: a line that is there
is true of the database.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Final

from store.state import FlushBatch
from tracker.ids import ChannelId, GuildId
from tracker.ingest.sight import FoldSight
from tracker.projections.rows import TABLES, Row

__all__ = ["LeaveLines", "clock_text", "one_line"]

_LOG = logging.getLogger("tracker.voice")
_MOST: Final = 50
_COLUMNS: Final = TABLES["sessions"].columns
_GUILD, _USER, _STARTED, _CHANNEL, _ENDED, _EXP = map(
    _COLUMNS.index, ("guild_id", "user_id", "started_at", "channel_id", "ended_at", "exp")
)


class LeaveLines:
    """Is told of each committed flush, on the writer's thread. `sight`: for the channels' names."""

    def __init__(self, sight: FoldSight) -> None:
        self._sight = sight

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """Log the sessions that ended in it, by the instant of their end: at most 50, and how many others there are."""
        ended = sorted(_ended(batches), key=lambda row: (row[_ENDED], row[_GUILD], row[_USER]))
        for row in ended[:_MOST]:
            _LOG.info(
                "left: user %d after %s in %s: %d EXP committed",
                row[_USER], clock_text(row[_ENDED] - row[_STARTED]), self._channel(row), row[_EXP],
            )  # fmt: skip
        rest = ended[_MOST:]
        if rest:
            _LOG.info("… and %d more left: %d EXP committed for them", len(rest), sum(row[_EXP] for row in rest))

    def _channel(self, row: Row) -> str:
        described = self._sight.channel(GuildId(row[_GUILD]), ChannelId(row[_CHANNEL]))
        return f"channel {row[_CHANNEL]}" if described is None else one_line(described.name)


def _ended(batches: Sequence[FlushBatch]) -> Iterator[Row]:
    for batch in batches:
        yield from (row for row in batch.changes.rows.get("sessions", ()) if row[_ENDED] is not None)


def one_line(name: str) -> str:
    """A name that people chose, as a part of a log line: nothing in it can begin another line."""
    return "".join(char if char.isprintable() else " " for char in name)


def clock_text(ms: int) -> str:
    """A duration as `00:25:10`; beyond 99 hours the first part grows."""
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"
