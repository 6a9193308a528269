"""Channels: what is said of them, and what the settings make of that."""

from __future__ import annotations

from dataclasses import dataclass

from tracker.events.settings import GuildSettings
from tracker.projections.kernel.layout import C_AFK, C_EVERY, C_EXP, C_PERCENT, C_QUIET, C_TRACKED
from tracker.projections.kernel.settling import weigh_channel
from tracker.projections.memory import Memory

__all__ = ["Channel", "weigh"]


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    """`row`: where the kernel keeps it. `described` is False for a channel that was only ever heard of, `weighed` for
    one of which nobody has heard yet: the first event that names it describes it.
    """

    id: int
    row: int
    memory: Memory
    name: str = ""
    kind: str = ""
    parent_id: int | None = None
    afk: bool = False
    described: bool = False
    weighed: bool = True

    @property
    def tracked(self) -> bool:
        """Whether voice in it counts (SEMANTICS §5)."""
        return bool(self.memory.heap[self.row + C_TRACKED])


def weigh(channel: Channel, settings: GuildSettings) -> None:
    """Work out anew what these settings say of the channel (SEMANTICS §5, §6), and of each session in it."""
    pattern, parent = settings.ignore_pattern, channel.parent_id
    rule = settings.voice_channels.get(channel.id)
    if rule is None and parent is not None:
        rule = settings.voice_categories.get(parent)
    if rule is None:
        rule = settings.voice_default
    ignored = (
        channel.afk
        or channel.id in settings.ignore_channels
        or (parent is not None and parent in settings.ignore_categories)
        or (pattern is not None and pattern.search(channel.name) is not None)
    )
    heap, row = channel.memory.heap, channel.row
    heap[row + C_TRACKED] = 0 if ignored else 1
    heap[row + C_AFK] = int(channel.afk)
    heap[row + C_EVERY] = 0 if rule is None else rule.every_ms
    heap[row + C_EXP] = 0 if rule is None else rule.exp
    heap[row + C_PERCENT] = settings.channel_percent.get(channel.id, 100)
    heap[row + C_QUIET] = int(channel.id in settings.message_ignore_channels)
    weigh_channel(heap, row)
