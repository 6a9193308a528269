"""Facts about slash commands, buttons and the like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tracker.ids import EventId

__all__ = ["InteractionUsed", "interaction_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionUsed:
    """A member used a command or a component of this bot. `kind`: slash, user, message, button, select, modal."""

    TYPE: ClassVar[str] = "interaction.used"
    VERSION: ClassVar[int] = 1
    command: str
    kind: str = "slash"


def interaction_id(interaction: int) -> EventId:
    """The event id of an interaction: the same one can be appended once only."""
    return EventId(f"interaction:{interaction}")
