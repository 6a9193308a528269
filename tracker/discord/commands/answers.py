"""What the members' commands have in common: where they may be used, and how what goes wrong is told."""

from __future__ import annotations

import logging
from typing import Final

from tracker.errors import DatabaseError

__all__ = ["INITIAL", "reason"]

_LOG = logging.getLogger("tracker.discord.commands")

INITIAL: Final = -1
"""What lightbulb calls the first answer to an interaction."""


def reason(command: str, error: Exception) -> str:
    """The key of the sentence that says what went wrong. What nobody expected goes to the log."""
    if isinstance(error, DatabaseError):
        return "error.away"
    _LOG.error("/%s failed", command, exc_info=error)
    return "error.other"
