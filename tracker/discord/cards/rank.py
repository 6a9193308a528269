"""The card that goes with `/rank`: level, progress, and a row of figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tracker.discord.cards.canvas import DRAWING, MUTED, TEXT, Canvas, accent_of
from tracker.discord.cards.lettering import shown, width

__all__ = ["RankFacts", "rank_card"]

_WIDE: Final = 900
_FLOOR: Final = 208
_HIGH: Final = 308
_LEFT: Final = 232
_EDGE: Final = 44


@dataclass(frozen=True, slots=True, kw_only=True)
class RankFacts:
    """What stands on the card; texts are in the reader's language already.

    `name` is as the member wrote it (nothing escaped), `otherwise` stands for one of which nothing can be drawn. `into`
    of `span` EXP of the level are done (None: it is the highest), which `progress` says in words. `figures`: label and
    value, at most four. `tier` None: none; `colour`: 0xRRGGBB, None or 0 for the default.
    """

    name: str
    otherwise: str
    level_label: str
    level: int
    into: int
    span: int | None
    progress: str
    figures: tuple[tuple[str, str], ...]
    tier: str | None = None
    colour: int | None = None


def rank_card(facts: RankFacts) -> bytes:
    """A PNG of 900 × 308 pixels, 208 if there are no figures. Takes some ms; any thread may call it."""
    with DRAWING:
        accent = accent_of(facts.colour)
        canvas = Canvas((_WIDE, _HIGH), floor=_FLOOR) if facts.figures else Canvas((_WIDE, _FLOOR))
        canvas.badge((124, _FLOOR // 2), 80, accent, facts.level_label, f"{facts.level:,}")
        right = _WIDE - _EDGE
        room = right - _LEFT
        name, tier_room = shown(facts.name, otherwise=facts.otherwise), 0
        tier = shown(facts.tier, otherwise="") if facts.tier else ""
        if tier:
            tier_room = min(width(tier, 24) + 48, room // 3)
        size = 46 if width(name, 46) <= room - tier_room else 38
        taken = canvas.text((_LEFT, 84), name, size, TEXT, room=room - tier_room - 16)
        if tier:
            canvas.pill((_LEFT + taken + 18, 48), tier, 24, accent, room=tier_room)
        canvas.text((_LEFT, 130), facts.progress, 26, MUTED, room=room)
        part, whole = (facts.into, facts.span) if facts.span else (1, 1)
        canvas.bar((_LEFT, 148, right, 172), accent, part=part, whole=whole)
        _row(canvas, facts.figures)
        return canvas.png()


def _row(canvas: Canvas, figures: tuple[tuple[str, str], ...]) -> None:
    """The figures side by side, each with its label above it."""
    each = (_WIDE - 2 * _EDGE) // max(len(figures), 3)
    for number, (label, value) in enumerate(figures):
        x = _EDGE + number * each
        canvas.text((x, _FLOOR + 42), label, 22, MUTED, room=each - 12)
        canvas.text((x, _FLOOR + 82), value, 30, TEXT, room=each - 12)
