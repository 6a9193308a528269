"""Counting guilds anew beside the running bot: a scratch file is made next to it, and exchanged in one of its flushes.

A guild is marked (`rebuild_marks`) when history was added to it that the bot's fold has not seen, or not in its order.

1. **Fold** (`fold_marked`, in a process of its own): the log up to the checkpoint C, whose tick came to the instant A,
   in canonical order, into a scratch SQLite file. The live tables and the bot know nothing of it.
2. **Catch up** (`Exchange.catch_up`, on a thread of the bot): the scratch rows are loaded as a recovery loads them, and
   the guild's events beyond C are folded on top, up to the tick T of the flush that is going on.
3. **Exchange** (`Exchange.write`, in that flush's transaction): the guild's rows go, the scratch rows and what came
   beyond C are written in their place, desired roles are derived (nothing is announced), the mark goes, the checkpoint
   moves. The state that was caught up becomes the bot's.

Killed anywhere, the database is as before 3 or as after it, and before it the mark is there: the next start begins
anew.

**Why the mark may go.** It can be set again at any time, for history that comes while 1 to 3 are going on. So marks and
events are never apart: `append_history` appends the events and sets the mark in one transaction, under the lock that
orders all appends. The exchange holds that lock. What the log holds at that moment is either

* at or before C: folded in canonical order;
* between C and T: folded on top, if each of these events is nowhere older than what was folded before it, nor than A
  (while the guild is seen). Then the order of the log is the canonical order. Otherwise the guild is *overtaken*: it
  is not exchanged, the flush goes on as usual, and a later recount finds a later C;
* beyond T: appended by another process since the tick. Then the rows are exchanged and the mark stays.

So a mark that goes leaves nothing uncounted, and whoever appends afterwards sets it anew. A mark needs no generation.

A guild that the log says is lost, while it has history from after that, is exchanged and stays marked: its sessions
would still be ended at the instant of the loss, before that history. What is appended then (see
`tracker.ingest.recount_adoption`) makes the loss the newest of its history, and it is counted once more.

What else waits for a later try: history from the future (newer than A: time of the whole partition would have to jump);
a member who was forgotten, or rules that changed for the past, after C.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import bindparam, text

from store import asof, bulk, subjects
from store.engine import Database, open_database
from store.state import Checkpoint
from tracker.errors import DatabaseError, LogCorruptError
from tracker.ids import GuildId, Ms, Partition, Position
from tracker.projections.rows import TABLES

__all__ = [
    "STAGED", "Counted", "counted_from", "counted_text", "fold_marked", "forget_retired", "remove", "sweep",
]  # fmt: skip

STAGED: Final = "{}__recount"
"""PostgreSQL: the table beside a read model in which the rows of a recount wait."""


_NEWEST: Final = text(
    "SELECT guild_id, MAX(occurred_at) FROM events WHERE partition = :partition AND position <= :upto "
    "AND guild_id IN :guilds GROUP BY guild_id UNION ALL "
    "SELECT guild_id, newest_at FROM archive_guilds WHERE partition = :partition AND guild_id IN :guilds"
).bindparams(bindparam("guilds", expanding=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a fold left in a scratch file: the rows of guilds of one partition, true at `checkpoint`.

    `newest`: by guild, the instant of its newest event (0: it has none). `rows`: by guild, how many rows it has.
    `failed`: guilds whose history cannot be read, and why; they are not in the file.
    """

    partition: Partition
    checkpoint: Checkpoint
    newest: Mapping[GuildId, Ms]
    rows: Mapping[GuildId, int]
    failed: Mapping[GuildId, str]


def forget_retired(db: Database, partition: Partition, guilds: Collection[GuildId]) -> None:
    """Unlinks those of the guilds' members who asked to be forgotten, if no flush has done so: another process said it.

    What this process appended about them since it did not know of; it is nobody's now. Raises DatabaseError.
    """
    statement = text(
        "SELECT guild_id, user_id FROM subjects WHERE partition = :partition AND guild_id IN :guilds AND retired <> 0"
    ).bindparams(bindparam("guilds", expanding=True))
    with db.write() as connection:
        found = connection.execute(statement, {"partition": partition, "guilds": list(guilds)})
        gone = [(int(partition), int(guild), int(user)) for guild, user in found]
        bulk.delete_members(connection, gone)
        subjects.forget(connection, gone)
    db.subjects.drop(gone)


def fold_marked(
    db: Database, partition: Partition, guilds: Collection[GuildId], checkpoint: Checkpoint, path: Path
) -> Counted:
    """Folds the guilds' history up to `checkpoint` into a new SQLite file at `path`, and stages the rows.

    A history that cannot be read fails alone. Raises DatabaseError.
    """
    failed: dict[GuildId, str] = {}
    try:
        _fold(db, partition, guilds, checkpoint, path)
    except LogCorruptError:
        remove(path)
        for guild in guilds:
            try:
                _fold(db, partition, [guild], checkpoint, path)
            except LogCorruptError as error:
                failed[guild] = str(error)
            finally:
                remove(path)
        guilds = [guild for guild in guilds if guild not in failed]
        _fold(db, partition, guilds, checkpoint, path)
    with closing(open_database(str(path), create=False)) as scratch:
        rows = _rows_by_guild(scratch, guilds)
        if db.dialect == "postgresql":
            _stage(db, scratch, partition)
    newest = _newest(db, partition, guilds, checkpoint)
    return Counted(partition=partition, checkpoint=checkpoint, newest=newest, rows=rows, failed=failed)


def _fold(db: Database, partition: Partition, guilds: Collection[GuildId], checkpoint: Checkpoint, path: Path) -> None:
    with closing(open_database(str(path), partitions=db.partitions)) as scratch:
        asof.fold_into(db, scratch, guilds=guilds, at={partition: checkpoint})


def _rows_by_guild(scratch: Database, guilds: Collection[GuildId]) -> dict[GuildId, int]:
    rows = dict.fromkeys(guilds, 0)
    with scratch.read() as connection:
        for name in TABLES:
            counts = connection.exec_driver_sql(f"SELECT guild_id, COUNT(*) FROM {name} GROUP BY guild_id")  # noqa: S608
            for guild, count in counts:
                rows[GuildId(guild)] += count
    return rows


def _newest(
    db: Database, partition: Partition, guilds: Collection[GuildId], checkpoint: Checkpoint
) -> dict[GuildId, Ms]:
    """The instant of each guild's newest event up to the checkpoint, which all that is archived is."""
    found = dict.fromkeys(guilds, Ms(0))
    with db.read() as connection:
        place = {"partition": partition, "upto": checkpoint.position, "guilds": list(guilds)}
        for guild, at in connection.execute(_NEWEST, place):
            found[GuildId(guild)] = Ms(max(found[GuildId(guild)], at))
    return found


def _stage(db: Database, scratch: Database, partition: Partition) -> None:
    """PostgreSQL: copies the rows into tables beside the read models, so that the exchange is done by the server."""
    from psycopg import Error

    sweep(db)
    try:
        with db.write() as connection, scratch.read() as reading:
            cursor = connection.connection.cursor()
            for name, table in TABLES.items():
                columns = ", ".join(("partition", *table.columns))
                staged = STAGED.format(name)
                cursor.execute(f"CREATE UNLOGGED TABLE {staged} (LIKE {name})")
                rows = reading.exec_driver_sql(f"SELECT {columns} FROM {name} WHERE partition = ?", (partition,))  # noqa: S608
                with cursor.copy(f"COPY {staged} ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
    except Error as error:
        raise DatabaseError(f"database {db.name}: {error}") from error


def sweep(db: Database) -> None:
    """Drops what a recount left in the database, also one that was killed. Raises DatabaseError."""
    if db.dialect == "postgresql":
        with db.write() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS " + ", ".join(STAGED.format(name) for name in TABLES))


def remove(path: Path) -> None:
    """The scratch file, if it is there."""
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def counted_text(counted: Counted) -> str:
    """As a line, from one process to another."""
    return json.dumps(
        {
            "partition": counted.partition,
            "position": counted.checkpoint.position,
            "as_of": counted.checkpoint.as_of,
            "newest": list(counted.newest.items()),
            "rows": list(counted.rows.items()),
            "failed": list(counted.failed.items()),
        }
    )


def counted_from(line: str | bytes) -> Counted:
    """What `counted_text` wrote. Raises ValueError if it is none, KeyError if something is missing."""
    found = json.loads(line)
    return Counted(
        partition=Partition(found["partition"]),
        checkpoint=Checkpoint(position=Position(found["position"]), as_of=Ms(found["as_of"])),
        newest={GuildId(guild): Ms(at) for guild, at in found["newest"]},
        rows={GuildId(guild): int(count) for guild, count in found["rows"]},
        failed={GuildId(guild): str(reason) for guild, reason in found["failed"]},
    )
