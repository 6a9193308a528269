"""Read models of another instant, or under other rules, in a scratch database that is thrown away.

The log is folded into a temporary SQLite database with the very same tables, so that every query and report that there
is answers from it unchanged. The database that the log comes from is only read; its bot may be running.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain, groupby
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, Final

from store import log, state
from store.engine import Database, open_database
from store.state import Checkpoint
from tracker.errors import ConfigError
from tracker.events.envelope import Event, RecordedEvent
from tracker.events.rule import SettingsChanged
from tracker.ids import EventId, GuildId, Ms, Partition, Position, partition_of
from tracker.projections.rows import Changes
from tracker.projections.state import PartitionState

__all__ = ["SCRATCH", "Progress", "ends", "fold_into", "scratch"]

Progress = Callable[[int], None]
"""Is told how many more events were folded."""

SCRATCH: Final = "tracker-scratch-"
"""What the names of the folders begin with that scratch databases are in."""

_STEP: Final = 1_000
_STALE_S: Final = 2 * 86_400


@contextmanager
def scratch(source: Database) -> Iterator[Database]:
    """An empty database to fold `source` into; gone at the end. Raises DatabaseError if there is no room for it.

    It takes about as much of the disk (where TMPDIR says) as the read models of `source` do.
    """
    _sweep()
    with TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True) as folder:
        db = open_database(str(Path(folder) / "scratch.db"), partitions=source.partitions)
        try:
            yield db
        finally:
            db.close()


def _sweep() -> None:
    """Whoever was killed outright left a scratch database behind; none is at work for days."""
    for folder in Path(gettempdir()).glob(f"{SCRATCH}*"):
        with suppress(OSError):
            newest = max((path.stat().st_mtime for path in (folder, *folder.rglob("*"))), default=0.0)
            if newest < time.time() - _STALE_S:
                rmtree(folder, ignore_errors=True)


def ends(db: Database) -> dict[Partition, Checkpoint]:
    """Each partition's last position, and the instant up to which it is known what happened.

    That is the newest of its checkpoint, its ticks and its events. Partitions without events are left out.
    """
    mark = "?" if db.dialect == "sqlite" else "%s"
    found = {}
    with db.read() as connection:
        reached = state.checkpoints_in(connection)
        heads = connection.exec_driver_sql("SELECT partition, position FROM log_head WHERE position > 0").all()
        for partition, position in heads:
            checkpoint = reached[Partition(partition)]
            tail = connection.exec_driver_sql(
                "SELECT COALESCE(MAX(occurred_at), 0) FROM events "  # noqa: S608
                f"WHERE partition = {mark} AND position > {mark} AND position <= {mark}",
                (partition, checkpoint.position, position),
            ).scalar_one()
            as_of = Ms(max(checkpoint.as_of, tail))
            found[Partition(partition)] = Checkpoint(position=Position(position), as_of=as_of)
    return found


def fold_into(
    source: Database,
    target: Database,
    *,
    until: Ms | None = None,
    rules: Mapping[GuildId, Mapping[str, Any]] | None = None,
    guilds: Collection[GuildId] | None = None,
    progress: Progress | None = None,
    at: Mapping[Partition, Checkpoint] | None = None,
) -> None:
    """Fills the read models of `target` (empty, see `scratch`) with what the log of `source` says.

    `until`: as of this instant, which is the fold of all that occurred up to it, then open sessions advanced to it;
    None, or an instant that nobody has seen yet: as far as the log goes. `rules`: by guild, the settings document that
    is in force throughout its history, whatever its own changes said. `guilds`: only these; None: all. `progress` is
    told of the events read. `at`: up to these positions and instants (None: `ends`), so that two foldings mean the
    same. Raises DatabaseError, LogCorruptError; ConfigError if `target` was made with other partitions.
    """
    if source.partitions != target.partitions:
        raise ConfigError(f"a log of {source.partitions} partitions cannot be folded into {target.partitions}")
    for partition, end in (ends(source) if at is None else at).items():
        wanted = None if guilds is None else [g for g in guilds if partition_of(g, source.partitions) == partition]
        if end.position and (wanted is None or wanted):
            as_of = end.as_of if until is None else Ms(min(until, end.as_of))
            history = _counted(log.read_canonical(source, partition, upto=end.position, guilds=wanted), progress)
            with target.write() as connection:
                for guild, part in groupby(history, key=lambda recorded: recorded.event.guild_id):
                    if guild:  # ticks belong to none
                        known = (r.event for r in part if until is None or r.event.occurred_at <= until)
                        changes = _folded(partition, guild, known, as_of, (rules or {}).get(guild))
                        state.write_changes(connection, {partition: changes})
                state.put_checkpoint(connection, partition, Checkpoint(position=end.position, as_of=as_of))


def _folded(
    partition: Partition, guild: GuildId, history: Iterator[Event], as_of: Ms, document: Mapping[str, Any] | None
) -> Changes:
    """One guild from its first event to `as_of`. `document`: in force throughout; None: what its history says."""
    part = PartitionState(partition=partition)
    first = next(history, None)
    if first is None:
        return Changes()
    events: Iterable[Event] = chain([first], history)
    if document is not None:
        given = SettingsChanged(settings=document)
        begins = Event(id=EventId("what-if"), guild_id=guild, occurred_at=first.occurred_at, data=given)
        events = chain([begins], (e for e in events if not isinstance(e.data, SettingsChanged)))
    for event in events:
        part.apply(event)
    part.guild(guild).advance(as_of)
    part.as_of = as_of
    return part.drain()


def _counted(history: Iterable[RecordedEvent], progress: Progress | None) -> Iterator[RecordedEvent]:
    """The same events; `progress` is told of them in steps."""
    pending = 0
    for recorded in history:
        yield recorded
        pending += 1
        if pending == _STEP and progress is not None:
            progress(pending)
            pending = 0
    if pending and progress is not None:
        progress(pending)
