"""Which events of the log an export holds, and where it is written."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from store import log, queries
from store import state as states
from tracker.errors import ConfigError
from tracker.events.envelope import NO_GUILD, Event, RecordedEvent
from tracker.events.member import MemberForgotten
from tracker.ids import GuildId, Partition, Position, partition_of
from tracker.projections.days import local_day

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["exported", "written_to"]

_LEVEL: Final = 6
"""As gzip itself packs if nothing is said."""
_CHUNK: Final = 1 << 16


def exported(
    db: Database, guild: GuildId | None, first_day: int | None, last_day: int | None, read: Callable[[int], None]
) -> Iterator[Event]:
    """The events in position order, partition by partition; `read` is told of each event of the log that was read.

    `guild` None: all of them. `first_day` / `last_day` (yyyymmdd, included, each guild's own local days) None: from the
    beginning / to the end. Ticks go with a whole log only. Members who were forgotten are left out.
    """

    @cache
    def zone_of(guild_id: GuildId) -> object:
        return queries.settings_of(db, guild_id).zone

    def is_wanted(event: Event) -> bool:
        if first_day is None and last_day is None:
            return True
        if event.guild_id == NO_GUILD:
            return False
        day = local_day(zone_of(event.guild_id), event.occurred_at).day  # type: ignore[arg-type]
        return (first_day is None or first_day <= day) and (last_day is None or day <= last_day)

    partitions = db.all_partitions if guild is None else (partition_of(guild, db.partitions),)
    for partition in partitions:
        leaving = _leaving(db, partition)
        for recorded in log.read(db, partition, guild=guild):
            read(1)
            if not _is_forgotten(recorded, leaving) and is_wanted(recorded.event):
                yield recorded.event


def _leaving(db: Database, partition: Partition) -> dict[tuple[int, int], Position]:
    """Who was forgotten, and where in the log, by events that the erasure has not reached yet."""
    checkpoint = states.checkpoints(db)[partition].position
    return {
        (recorded.event.guild_id, recorded.event.user_id): recorded.position
        for recorded in log.read(db, partition, checkpoint)
        if isinstance(recorded.event.data, MemberForgotten) and recorded.event.user_id is not None
    }


def _is_forgotten(recorded: RecordedEvent, leaving: dict[tuple[int, int], Position]) -> bool:
    user = recorded.event.user_id
    if user is None:
        return False
    return user < 0 or recorded.position <= leaving.get((recorded.event.guild_id, user), 0)


@contextmanager
def written_to(path: Path | None) -> Iterator[BinaryIO]:
    """A file to write to (None: stdout); one that is called .gz is packed as that says.

    The file appears whole, at the end, or not at all. Raises ConfigError.
    """
    if path is None or str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            if path.suffix == ".gz":
                # Without name and time: the same events are the same file.
                with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed, io.BufferedWriter(packed, _CHUNK) as out:
                    yield out
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
