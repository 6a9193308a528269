"""Appending a fact to the log of a database whose bot is not running, as the bot's own ingest would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from store import log, rebuild
from store import state as states
from store.state import FlushBatch
from tracker.clock import SystemClock
from tracker.events.envelope import Event
from tracker.events.rule import SettingsChanged
from tracker.events.ticks import TrackerLost, tick
from tracker.ids import GuildId, Ms, mint_event_id, partition_of

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease
    from tracker.projections.state import PartitionState

__all__ = ["append_settings", "losses"]


def append_settings(
    db: Database, lease: Lease, guild_id: GuildId, document: Mapping[str, Any], *, retroactive: bool = False
) -> Mapping[str, Any]:
    """Append `settings.changed` and bring the read models up to it. Returns the document that was in force before.

    Nothing is appended if it is the same document. `retroactive`: it is in force from the guild's first event on, and
    is appended even so; the guild is marked first, and only a rebuild, here or at the bot's next start, makes its read
    models true. Raises DatabaseError, LeaseLostError.
    """
    partition = partition_of(guild_id, db.partitions)
    state, _ = states.recover(db, partition)
    known = state.guilds.get(guild_id)
    before: Mapping[str, Any] = {} if known is None else known.voice.settings.document
    if before == document and not retroactive:
        return before
    now = SystemClock().now()
    events = losses(state)
    for event in events:
        state.apply(event)
    guild = state.guild(guild_id)
    # Nobody watched those who were in voice since the guild was lost: new rules must not credit that time to them.
    moment = Ms(guild.last_at if guild.voice.open else max(now, guild.last_at))
    data = SettingsChanged(settings=document, retroactive=retroactive)
    changed = Event(id=mint_event_id(now), guild_id=guild_id, occurred_at=moment, data=data)
    end = tick(partition, Ms(max(now, state.as_of + 1, *(g.last_at for g in state.guilds.values()), moment)))
    for event in (changed, end):
        state.apply(event)
    if retroactive:
        rebuild.mark_for_rebuild(db, [guild_id])
    result = log.append(db, [*events, changed, end], recorded_at=now, lease=lease)
    batch = FlushBatch(partition=partition, position=result.last[partition], as_of=state.as_of, changes=state.drain())
    states.flush(db, [batch], lease)
    return before


def losses(state: PartitionState) -> list[Event]:
    """That nobody watches the guilds now, for each of which the log does not say so yet; none is appended.

    Without it the next tick would credit unseen time to those in voice.
    """
    return [
        Event(id=mint_event_id(moment), guild_id=GuildId(guild_id), occurred_at=moment, data=TrackerLost())
        for guild_id, guild in state.guilds.items()
        if guild.lost_at is None
        for moment in [Ms(max(guild.last_at, state.as_of))]
    ]
