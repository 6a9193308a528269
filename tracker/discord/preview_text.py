"""What other rules would do, in words."""

from __future__ import annotations

from typing import Final

from tracker.discord.rules_text import tier_text
from tracker.events.settings import GuildSettings
from tracker.reports.catalogue import Translate
from tracker.reports.preview import Preview

__all__ = ["preview_lines"]

_TIERS: Final = 8
"""So many tiers, each with a name of 32 characters to escape, fit into a message beside the rest."""


def preview_lines(found: Preview, old: GuildSettings, new: GuildSettings, t: Translate) -> list[str]:
    """How many members would rise, fall, gain and lose roles; and each tier, now and then."""
    lines = [t("preview.members", n=found.members)]
    if old.curve != new.curve:
        lines.append(t("preview.levels", rise=found.rise, fall=found.fall))
    lines.append(t("preview.roles", gain=found.gain, lose=found.lose))
    shown = found.tiers[-_TIERS:]
    lines += [
        t("preview.tier", tier=tier_text(count.tier, t), held=count.held, wanted=count.wanted)
        for count in reversed(shown)
    ]
    if len(found.tiers) > _TIERS:
        lines.append(t("preview.more", n=len(found.tiers) - _TIERS))
    return lines
