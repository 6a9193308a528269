"""The card that goes with an announcement: who, and from which level to which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tracker.discord.cards.canvas import DRAWING, MUTED, TEXT, Canvas, accent_of
from tracker.discord.cards.lettering import shown, width

__all__ = ["LevelFacts", "level_card"]

_WIDE: Final = 900
_HIGH: Final = 220
_LEFT: Final = 232
_EDGE: Final = 44


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFacts:
    """What stands on the card; texts are in the guild's language already.

    `name` is as the member wrote it (nothing escaped), `otherwise` stands for one of which nothing can be drawn.
    `headline` says what happened, `way` from where to where. `tier` None: none; `colour`: 0xRRGGBB, None or 0 for the
    default.
    """

    name: str
    otherwise: str
    headline: str
    level_label: str
    level: int
    way: str
    tier: str | None = None
    colour: int | None = None


def level_card(facts: LevelFacts) -> bytes:
    """A PNG of 900 × 220 pixels. Takes some ms; any thread may call it."""
    with DRAWING:
        accent = accent_of(facts.colour)
        canvas = Canvas((_WIDE, _HIGH))
        canvas.badge((124, _HIGH // 2), 80, accent, facts.level_label, f"{facts.level:,}")
        room = _WIDE - _EDGE - _LEFT
        canvas.text((_LEFT, 66), facts.headline, 26, accent, room=room)
        name = shown(facts.name, otherwise=facts.otherwise)
        size = 50 if width(name, 50) <= room else 40
        canvas.text((_LEFT, 126), name, size, TEXT, room=room)
        taken = canvas.text((_LEFT, 176), facts.way, 28, MUTED, room=room)
        tier = shown(facts.tier, otherwise="") if facts.tier else ""
        if tier:
            canvas.pill((_LEFT + taken + 20, 146), tier, 24, accent, room=room - taken - 20)
        return canvas.png()
