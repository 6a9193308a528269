"""Read models of another instant, or under other rules, in a scratch database that is thrown away.

The log is folded into a temporary SQLite database with the very same tables, so that every query and report that there
is answers from it unchanged. The database that the log comes from is only read; its bot may be running.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, Final

from store import allocation, state, subjects
from store.engine import Database, open_database
from store.shadow import Fingerprint, Shadow
from store.state import Checkpoint
from tracker.errors import ConfigError
from tracker.ids import GuildId, Ms, Partition, Position, partition_of

__all__ = ["SCRATCH", "Progress", "ends", "fold_into", "scratch"]

Progress = Callable[[int], None]
"""Is told how many more events were folded."""

SCRATCH: Final = "tracker-scratch-"
"""What the names of the folders begin with that scratch databases are in."""

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


def _retired(db: Database, partitions: Iterable[Partition]) -> dict[Partition, list[int]]:
    """The subjects of those who asked to be forgotten, where no flush has unlinked them yet.

    Read before the others are: whom a flush unlinks in between is then unknown anyway.
    """
    with db.read() as connection:
        return {partition: subjects.retired(connection, partition) for partition in partitions}


def fold_into(
    source: Database,
    target: Database,
    *,
    until: Ms | None = None,
    rules: Mapping[GuildId, Mapping[str, Any]] | None = None,
    guilds: Collection[GuildId] | None = None,
    progress: Progress | None = None,
    at: Mapping[Partition, Checkpoint] | None = None,
) -> dict[str, Fingerprint]:
    """Fills the read models of `target` (empty, see `scratch`) with what the log of `source` says.

    `until`: as of this instant, which is the fold of all that occurred up to it, then open sessions advanced to it;
    None, or an instant that nobody has seen yet: as far as the log goes. Who asks to be forgotten is in no such view
    from then on, also of an instant before that, and whether or not a flush has carried it out. `rules`: by guild, the
    settings document that is in force throughout its history, whatever its own changes said. `guilds`: only these;
    None: all. `progress` is told of the events read. `at`: up to these positions and instants (None: `ends`), so that
    two foldings mean the same. Returns the fingerprint of each read model's rows. Raises DatabaseError,
    LogCorruptError; ConfigError if `target` was made with other partitions.
    """
    from store.columns import LogReader  # numpy: not before it is needed
    from store.replay import Preset, Replay
    from store.replay_ahead import read_ahead
    from store.replay_folding import fold_all
    from store.replay_kernel import kernel_for
    from store.replay_sink import Behind

    allocation.give_back()
    if source.partitions != target.partitions:
        raise ConfigError(f"a log of {source.partitions} partitions cannot be folded into {target.partitions}")
    reached = {p: end for p, end in sorted((ends(source) if at is None else at).items()) if end.position}
    presets: dict[int, Preset] = {guild: Preset(document=document) for guild, document in (rules or {}).items()}
    gone = {} if until is None else _retired(source, reached)
    reader = LogReader(source)
    kernel = kernel_for(sum(end.position for end in reached.values()), reader, writes=True)
    jobs = os.cpu_count() or 1
    with Shadow.create(target, target.all_partitions, bulk=kernel is not None) as shadow:
        with Behind(shadow) as sink:

            def last(replay: Replay) -> Ms:
                as_of = reached[replay.partition].as_of
                return as_of if until is None else min(until, as_of)

            several = (
                (
                    Replay(
                        reader,
                        partition,
                        sink,
                        kernel=kernel,
                        guilds=here,
                        presets=presets,
                        until=until,
                        nobody=gone.get(partition, ()),
                        jobs=jobs,
                        folder=shadow.folder,
                    ),
                    reached[partition].position,
                )
                for partition, here in _wanted(source, reached, guilds)
            )
            for _ in fold_all(read_ahead(reader, several, progress, jobs=jobs), last):
                pass
        shadow.finish()
        with target.write() as connection:
            shadow.swap(connection)
            for partition, end in reached.items():
                as_of = end.as_of if until is None else Ms(min(until, end.as_of))
                state.put_checkpoint(connection, partition, Checkpoint(position=end.position, as_of=as_of))
        return shadow.handed_in


def _wanted(
    db: Database, partitions: Iterable[Partition], guilds: Collection[GuildId] | None
) -> Iterator[tuple[Partition, list[GuildId] | None]]:
    """By partition, which guilds of it; None: all. Those of which there is none are left out."""
    for partition in partitions:
        here = None if guilds is None else [g for g in guilds if partition_of(g, db.partitions) == partition]
        if here is None or here:
            yield partition, here
