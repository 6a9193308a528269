"""What `tracker doctor` asks of a database: how big it is, who writes to it, how far the figures are, what is lost.

Nothing here reads the log itself, so it answers at once however long that is (`store.log.check_contiguity` reads it).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from store import migrate
from store.engine import Database
from store.lease import STALE_MS, Process, this_process
from store.schema import READ_MODELS, archive_segments, checkpoints, events, leases, log_head, rebuild_marks
from tracker.ids import GuildId, Ms, Partition

__all__ = [
    "Backlog", "SeenGuild", "WhoWrites", "backlogs", "guilds", "schema_version", "size_bytes", "unfinished",
    "who_writes",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoWrites:
    """Who holds the writer's lease. `alive` None: it is on another machine, and cannot be looked at from here.

    `silent_ms`: since its last heartbeat; beyond 30 s it has lost the lease.
    """

    pid: int
    host: str
    since: Ms
    silent_ms: Ms
    alive: bool | None

    @property
    def is_writing(self) -> bool:
        """Whether it must be taken for alive."""
        return self.alive is not False and self.silent_ms <= STALE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How far a partition is. `last`: the last position in the log, `head` the last that was given, `counted` the last
    that the figures know; `as_of`: the instant at which they are true. Only partitions with events have one.
    """

    partition: Partition
    last: int
    head: int
    counted: int
    as_of: Ms

    @property
    def is_broken(self) -> bool:
        """Whether the three contradict each other: then events are missing."""
        return not self.counted <= self.head == self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenGuild:
    """A guild. `lost_at`: since when the tracker does not see it; None while it does."""

    guild_id: GuildId
    members: int
    lost_at: Ms | None


def schema_version(db: Database) -> str:
    """The schema's revision and the server's or the library's own version."""
    with db.read() as connection:
        version = connection.exec_driver_sql(
            "SELECT sqlite_version()" if db.dialect == "sqlite" else "SHOW server_version"
        ).scalar_one()
    name = "SQLite" if db.dialect == "sqlite" else "PostgreSQL"
    return f"{name} {str(version).partition(' ')[0]}, schema {migrate.HEAD}"


def size_bytes(db: Database) -> int:
    """How much the database takes up on the disk, without its write-ahead log."""
    with db.read() as connection:
        if db.dialect == "postgresql":
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def who_writes(db: Database, *, now: Ms) -> WhoWrites | None:
    """The holder of the lease; None: nobody. `now` is the machine's own time, not a played one."""
    with db.read() as connection:
        row = connection.execute(select(leases).order_by(leases.c.heartbeat_at.desc()).limit(1)).mappings().first()
    if row is None:
        return None
    holder, here = (
        Process(host=row["host"], machine=row["machine"], pid=row["pid"], start=row["process_start"]),
        this_process(),
    )
    is_here = (holder.host, holder.machine) == (here.host, here.machine)
    return WhoWrites(
        pid=holder.pid,
        host=holder.host,
        since=Ms(row["since"]),
        silent_ms=Ms(max(0, now - row["heartbeat_at"])),
        alive=holder.is_alive() if is_here else None,
    )


def backlogs(db: Database) -> list[Backlog]:
    """How far each partition with events is, in order."""
    here, there = events.c.partition == log_head.c.partition, archive_segments.c.partition == log_head.c.partition
    last = func.coalesce(
        select(func.max(events.c.position)).where(here).scalar_subquery(),
        select(func.max(archive_segments.c.last_position)).where(there).scalar_subquery(),
        0,
    )
    wanted = (
        select(
            log_head.c.partition,
            last,  # one seek each; grouping would walk through the whole log
            log_head.c.position,
            checkpoints.c.position,
            checkpoints.c.as_of,
        )
        .join(checkpoints, checkpoints.c.partition == log_head.c.partition)
        .order_by(log_head.c.partition)
    )
    with db.read() as connection:
        rows = connection.execute(wanted).all()
    return [
        Backlog(partition=Partition(p), last=last, head=head, counted=counted, as_of=Ms(as_of))
        for p, last, head, counted, as_of in rows
        if last or head or counted
    ]


def guilds(db: Database) -> list[SeenGuild]:
    """Every guild that the figures know, by id."""
    g, m = READ_MODELS["guilds"].c, READ_MODELS["members"].c
    present = (
        select(m.partition, m.guild_id, func.count().label("members"))
        .where(m.present == 1)
        .group_by(m.partition, m.guild_id)
        .subquery()
    )
    wanted = select(g.guild_id, func.coalesce(present.c.members, 0), g.lost_at).join(
        present, (present.c.partition == g.partition) & (present.c.guild_id == g.guild_id), isouter=True
    )
    with db.read() as connection:
        rows = connection.execute(wanted.order_by(g.guild_id)).all()
    return [SeenGuild(guild_id=GuildId(i), members=n, lost_at=None if at is None else Ms(at)) for i, n, at in rows]


def unfinished(db: Database) -> int:
    """How many guilds await a rebuild, because an import was cut off."""
    with db.read() as connection:
        return int(connection.execute(select(func.count()).select_from(rebuild_marks)).scalar_one())
