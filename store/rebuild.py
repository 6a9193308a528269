"""Making the read models anew from the log. (Whether they say what the log says: `store.comparing`.)

A rebuild folds each guild's events in canonical order, (occurred_at, position), so that history which was added later
counts as if it had come live. Ticks belong to no guild; time comes to the partition's `as_of` once, at the end.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, select

from store import allocation, appending, log, marks, standings, state, subjects
from store.asof import Progress
from store.comparing import Difference, verify
from store.engine import Database
from store.gathered import Gathered
from store.lease import Lease
from store.marks import mark_for_rebuild, marked, unmark
from store.own_process import Spare
from store.planning import measure
from store.schema import READ_MODELS, member_sync
from store.shadow import Shadow
from store.state import Checkpoint
from store.subjects import Member
from tracker.events.envelope import Event
from tracker.ids import GuildId, Ms, Partition, partition_of
from tracker.projections.rows import Changes
from tracker.projections.standing import StandingRules, keeps_members
from tracker.projections.state import PartitionState

__all__ = ["Difference", "Progress", "append_history", "mark_for_rebuild", "marked", "rebuild", "unmark", "verify"]

_SPARING: Final = 20_000_000
"""Of more events nobody is kept who has read them: that takes 100 MB while others fold, and saves half a second."""


def append_history(
    db: Database, events: Sequence[Event], *, recorded_at: Ms, newest: dict[GuildId, Ms], lease: Lease | None = None
) -> log.AppendResult:
    """Appends events that may be older than what is there, beside a running bot too.

    The guilds of those that are new are marked in the same transaction, also where they are newer than all that is
    there: a bot that runs beside it does not fold what another process appends, and moves its checkpoint past it. A
    mark and its events are never apart, so whoever holds the log's lock and has counted all that is in it may take the
    mark away (see `store.recounting`).

    `newest`: what `log.newest` said before the first append; kept up to date here. Raises DatabaseError,
    LeaseLostError.
    """
    for event in events:
        newest[event.guild_id] = max(newest.get(event.guild_id, event.occurred_at), event.occurred_at)
    newest.pop(GuildId(0), None)
    return log.append(db, events, recorded_at=recorded_at, lease=lease, mark=True)


def rebuild(
    db: Database,
    *,
    guilds: Collection[GuildId] | None = None,
    progress: Progress | None = None,
    lease: Lease | None = None,
    jobs: int | None = None,
) -> None:
    """Replaces the read models of `guilds` (None: all) by what the log says, in one transaction.

    All: into shadow tables, which are read back before they take the live ones' places. Some: a partition at a time,
    and the other guilds of those partitions are brought up to the log's end as well. Nobody may append meanwhile: hold
    the lease. `progress` is told of the events folded, by several threads. `jobs`: how many groups of guilds are folded
    at once (None: as many as there are cores). Raises DatabaseError, LeaseLostError, LogCorruptError.
    """
    if guilds is None:
        allocation.give_back()
        with allocation.no_circles():
            _rebuild_all(db, progress, lease, jobs or os.cpu_count() or 1)
    else:
        wanted = frozenset(guilds)
        for partition in sorted({partition_of(guild, db.partitions) for guild in wanted}):
            _rebuild_some(db, partition, wanted, progress, lease)
        if wanted:
            measure(db, [table.name for table in READ_MODELS.values()])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folded:
    """A partition is folded: up to where, by which rules its members are judged, and who was forgotten on the way."""

    partition: Partition
    end: Checkpoint
    rules: dict[int, StandingRules]
    forgotten: list[Member]


def _rebuild_all(db: Database, progress: Progress | None, lease: Lease | None, jobs: int) -> None:
    from store.columns import LogReader  # numpy is not for a bot that only asks which guilds are marked
    from store.replay import Replay
    from store.replay_ahead import read_ahead
    from store.replay_folding import fold_all
    from store.replay_kernel import kernel_for
    from store.replay_sink import Behind

    heads = {p: position for p, position in sorted(log.head(db).items()) if position}
    if not heads:
        return
    before, spare, events = state.checkpoints(db), Spare(), sum(heads.values())
    reader = LogReader(db, spare=spare if events <= _SPARING else None)
    kernel = kernel_for(events, reader, writes=True)
    with spare, Shadow.create(db, db.all_partitions, bulk=kernel is not None, spare=spare) as shadow:
        with Behind(shadow) as sink:
            parts = []

            def replay_of(partition: Partition) -> Replay:
                return Replay(reader, partition, sink, kernel=kernel, jobs=jobs, folder=shadow.folder)

            several = ((replay_of(partition), head) for partition, head in heads.items())

            def until(replay: Replay) -> Ms:
                return Ms(max(before[replay.partition].as_of, replay.newest))

            for replay, rules in fold_all(read_ahead(reader, several, progress, jobs=jobs), until):
                partition, as_of = replay.partition, until(replay)
                gone: list[Member] = [(partition, guild, user) for guild, user in replay.forgotten]
                end = Checkpoint(position=heads[partition], as_of=as_of)
                parts.append(_Folded(partition=partition, end=end, rules=rules, forgotten=gone))
        ends = {part.partition: part.end for part in parts}
        judged = {part.partition: part.rules for part in parts}
        forgotten = [member for part in parts for member in part.forgotten]
        shadow.finish()
        shadow.check()
        with db.write() as connection:
            in_place = shadow.swap(connection)
            appending.lock(connection, db.all_partitions, None if lease is None else lease.epochs)
            subjects.forget(connection, forgotten)
            for partition in db.all_partitions:
                marks.counted(connection, partition, heads.get(partition, log.START))
            _judge(connection, judged, ends)
            for partition, end in ends.items():
                state.put_checkpoint(connection, partition, end)
    db.subjects.drop(forgotten)
    if not in_place:
        measure(db, [table.name for table in READ_MODELS.values()])


def _judge(
    connection: Connection, rules: Mapping[Partition, Mapping[int, StandingRules]], ends: Mapping[Partition, Checkpoint]
) -> None:
    """Notes what members should look like, wherever anybody ever should look like anything."""
    noted = {(p, g) for p, g in connection.execute(select(member_sync.c.partition, member_sync.c.guild_id).distinct())}
    for partition, by_guild in rules.items():
        kept = {
            guild: rule
            for guild, rule in by_guild.items()
            if keeps_members(rule.settings) or (partition, guild) in noted
        }
        standings.derive_all(connection, partition, kept, ends[partition].as_of)


def _rebuild_some(
    db: Database, partition: Partition, wanted: frozenset[GuildId], progress: Progress | None, lease: Lease | None
) -> None:
    from store.columns import LogReader
    from store.replay import Replay

    head = log.head(db)[partition]
    before = state.checkpoints(db)[partition]
    others = _recovered_without(db, partition, wanted)
    here = [guild for guild in wanted if partition_of(guild, db.partitions) == partition]
    gathered = Gathered()
    with Replay(LogReader(db), partition, gathered, kernel=None, guilds=here) as replay:
        replay.read(head, progress)
        # The tables can hold one instant a partition, so it is the newest of all that its guilds have seen.
        newest = max([before.as_of, others.as_of, replay.newest, *(guild.last_at for guild in others.guilds.values())])
        as_of = Ms(newest)
        for guild in others.guilds.values():
            guild.advance(as_of)
        others.as_of = as_of
        rules = replay.finish(as_of)
    changed = others.drain()
    forgotten: list[Member] = [(partition, guild, user) for guild, user in (*replay.forgotten, *changed.forgotten)]
    with db.write() as connection:
        appending.lock(connection, [partition], None if lease is None else lease.epochs)
        _clear(connection, partition, wanted)
        marks.counted(connection, partition, head, wanted)
        subjects.forget(connection, forgotten)
        state.write_changes(connection, {partition: changed})
        state.write_changes(connection, {partition: Changes(rows=gathered.rows())})
        standings.derive_all(connection, partition, {**changed.standing, **rules}, as_of)
        state.put_checkpoint(connection, partition, Checkpoint(position=head, as_of=as_of))
    db.subjects.drop(forgotten)


def _recovered_without(db: Database, partition: Partition, wanted: frozenset[GuildId]) -> PartitionState:
    """The partition's state at the end of the log as if it had no `wanted` guilds."""
    recovered, position = state.load(db, partition)
    for guild in wanted:
        recovered.drop(guild)
    for recorded in log.read(db, partition, position):
        if recorded.event.guild_id not in wanted:
            recovered.apply(recorded.event)
    return recovered


def _clear(connection: Connection, partition: Partition, wanted: frozenset[GuildId]) -> None:
    for table in READ_MODELS.values():
        doomed = delete(table).where(table.c.partition == partition)
        connection.execute(doomed.where(table.c.guild_id.in_(sorted(wanted))))
