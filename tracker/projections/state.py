"""The fold state of one partition: the one code path of live, replayed and recovered state."""

from __future__ import annotations

from collections.abc import Container, Iterable

from tracker.events.envelope import Event
from tracker.events.ticks import TrackerTicked
from tracker.ids import Ms, Partition
from tracker.projections.guild import GuildState
from tracker.projections.ledger import Deltas, Ledger
from tracker.projections.memory import Memory
from tracker.projections.rows import Changes, Row
from tracker.projections.standing import StandingRules, announces, keeps_members

__all__ = ["PartitionState"]


class PartitionState:
    """All guilds of one partition, and what has changed since the last drain.

    `as_of`: the newest tick (0: none yet). `memory`: an empty one (None: a new one).
    The state changes in place, and only by `apply`.
    """

    __slots__ = ("as_of", "guilds", "ledger", "memory", "partition")

    def __init__(self, *, partition: Partition, memory: Memory | None = None) -> None:
        self.partition = partition
        self.as_of = Ms(0)
        self.guilds: dict[int, GuildState] = {}
        self.memory = memory or Memory()
        self.ledger = Ledger(self.memory)

    def guild(self, guild_id: int) -> GuildState:
        """The guild's state, made at first sight."""
        state = self.guilds.get(guild_id)
        if state is None:
            state = self.guilds[guild_id] = GuildState(guild_id, self.memory, self.ledger)
            state.put_row()
        return state

    def apply(self, event: Event) -> None:
        """Fold one event. Deterministic: reads no clock, no database, no Discord."""
        if event.guild_id:
            self.guild(event.guild_id).apply(event)
        elif isinstance(event.data, TrackerTicked):
            for _ in self.advancing(event.data.as_of):
                pass

    def advancing(self, as_of: Ms) -> Iterable[GuildState]:
        """A tick in steps, one guild at a time, for a caller that has other work to do in between.

        Nothing else may be applied until it is exhausted.
        """
        for guild in self.guilds.values():
            guild.advance(as_of)
            yield guild
        self.as_of = max(self.as_of, as_of)

    def drop(self, guild_id: int) -> None:
        """Know nothing of the guild any more, nor what is pending for it: somebody else has written its rows."""
        guild = self.guilds.pop(guild_id, None)
        if guild is not None:
            self.ledger.drop(guild_id, guild.memory, guild.row)

    def adopt(self, other: PartitionState, guild_id: int) -> GuildState | None:
        """Take the guild's state over from another one, which has nothing pending; None: it does not know the guild.

        What was known of the guild here is dropped. The guild keeps the memory that it was made in.
        """
        self.drop(guild_id)
        guild = other.guilds.pop(guild_id, None)
        if guild is not None:
            guild.ledger = self.ledger
            self.guilds[guild_id] = guild
        lived_in = {id(g.memory): g.memory for g in self.guilds.values()} | {id(self.memory): self.memory}
        self.ledger.memories = list(lived_in.values())
        return guild

    def take(self) -> Deltas:
        """The deltas since they were last taken; as rows only when asked for, which another thread may do."""
        return self.ledger.take(self.rules())

    def rules(self) -> dict[int, StandingRules]:
        """What members are judged by, in the guilds where it is seen or has changed since deltas were last taken."""
        changed = self.ledger.simple.get("guilds", {})
        return {g: rules for g, guild in self.guilds.items() if (rules := _rules(guild, changed)) is not None}

    def drain(self) -> Changes:
        """The deltas since they were last taken, as rows."""
        return self.take().changes()

    @property
    def open_sessions(self) -> int:
        """How many members are in voice."""
        return sum(len(guild.voice.open) for guild in self.guilds.values())


def _rules(guild: GuildState, changed: Container[Row]) -> StandingRules | None:
    """What the guild's members are judged by; None if nobody would see it."""
    settings, season = guild.settings, guild.season
    if not (keeps_members(settings) or announces(settings) or (guild.guild_id,) in changed):
        return None
    return StandingRules(settings=settings, season_at=None if season is None else Ms(season[1]))
