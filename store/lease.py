"""The writer's lease: one process writes to a database, and a second one is told who does."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from store.engine import Database
from store.schema import leases, log_head
from tracker.clock import from_ms
from tracker.errors import HeldByAnotherProcessError, LeaseLostError
from tracker.ids import Ms, Partition

__all__ = ["STALE_MS", "Lease", "Process", "acquire", "beside", "heartbeat", "release", "this_process"]

STALE_MS: Final = Ms(30_000)
"""A holder that has given no heartbeat for this long has lost the lease."""

_COMMAND: Final = "command-"
"""How the token of a command begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process. `machine` changes with every boot; `start` tells a process from a later one with its pid."""

    host: str
    machine: str
    pid: int
    start: str

    def is_alive(self) -> bool:
        """Whether this process still runs; only to be asked on its own machine."""
        return _is_running(self.pid) and (not self.start or _start_of(self.pid) in ("", self.start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write. `epochs`: in which epoch each partition is held; a later one there means it is lost."""

    token: str
    holder: Process
    since: Ms
    epochs: Mapping[Partition, int] = field(default_factory=dict)


def this_process() -> Process:
    """Who we are."""
    return Process(host=socket.gethostname(), machine=_machine(), pid=os.getpid(), start=_start_of(os.getpid()))


def acquire(db: Database, *, now: Ms, holder: Process | None = None, command: bool = False) -> Lease:
    """Takes every partition for `holder` (None: this process). `now` is the machine's own time, not a played one.

    `command`: it is no bot, so nobody may append beside it in the hope that it counts anew what is marked.

    Raises HeldByAnotherProcessError if a live process holds one, which is one whose last heartbeat is at most 30 s
    old, and that has not died on this machine.
    """
    holder = this_process() if holder is None else holder
    token = f"{_COMMAND if command else ''}{uuid.uuid4().hex}"
    with db.write() as connection:
        locking = select(log_head.c.partition).order_by(log_head.c.partition).with_for_update()
        partitions = [Partition(p) for p in connection.execute(locking).scalars()]
        _refuse_if_held(connection, db.name, holder, now)
        connection.execute(delete(leases))
        connection.execute(insert(leases), [_row(p, token, holder, now) for p in partitions])
        connection.execute(update(log_head).values(epoch=log_head.c.epoch + 1))
        epochs = connection.execute(select(log_head.c.partition, log_head.c.epoch)).all()
    db.archived.reset()  # who held the lease before us may have archived something
    return Lease(token=token, holder=holder, since=now, epochs={Partition(p): e for p, e in epochs})


def beside(db: Database, *, now: Ms) -> Lease | None:
    """The running bot's own lease, for appending history beside it. None: no bot that lives holds the database.

    Whoever takes it over ends this too, by the epoch: nothing can be appended beside a command, or a later start.
    """
    with db.read() as connection:
        epochs = connection.execute(select(log_head.c.partition, log_head.c.epoch)).all()
        row = connection.execute(select(leases).order_by(leases.c.heartbeat_at.desc()).limit(1)).mappings().first()
    if row is None or now - row["heartbeat_at"] > STALE_MS or row["token"].startswith(_COMMAND):
        return None
    bot = Process(host=row["host"], machine=row["machine"], pid=row["pid"], start=row["process_start"])
    return Lease(token=row["token"], holder=bot, since=row["since"], epochs={Partition(p): e for p, e in epochs})


def heartbeat(db: Database, lease: Lease, *, now: Ms) -> None:
    """Says that the holder lives, in one statement. Raises LeaseLostError if another process has taken the lease."""
    beat = update(leases).where(leases.c.token == lease.token).values(heartbeat_at=now)
    with db.autocommit() if db.dialect == "postgresql" else db.write() as connection:
        if connection.execute(beat).rowcount != len(lease.epochs):
            raise LeaseLostError("another process has taken over the writer's lease; this one must stop writing")


def release(db: Database, lease: Lease) -> None:
    """Gives the lease back; does nothing if it was lost already."""
    with db.write() as connection:
        connection.execute(delete(leases).where(leases.c.token == lease.token))


def _refuse_if_held(connection: Connection, name: str, holder: Process, now: Ms) -> None:
    row = connection.execute(select(leases).order_by(leases.c.heartbeat_at.desc()).limit(1)).mappings().first()
    if row is None or now - row["heartbeat_at"] > STALE_MS:
        return
    other = Process(host=row["host"], machine=row["machine"], pid=row["pid"], start=row["process_start"])
    same_boot = (other.host, other.machine) == (holder.host, holder.machine)
    if same_boot and not other.is_alive():
        return
    raise HeldByAnotherProcessError(
        f"database {name} is being written to by process {other.pid} on {other.host} "
        f"since {from_ms(row['since']):%Y-%m-%dT%H:%M:%SZ}; stop that one first",
        who=f"process {other.pid} on {other.host}",
        is_bot=not row["token"].startswith(_COMMAND),
    )


def _row(partition: Partition, token: str, holder: Process, now: Ms) -> dict[str, object]:
    return {
        "partition": partition,
        "token": token,
        "host": holder.host,
        "machine": holder.machine,
        "pid": holder.pid,
        "process_start": holder.start,
        "since": now,
        "heartbeat_at": now,
    }


def _machine() -> str:
    """What tells this boot of this machine (or container) from others; empty where the system does not say."""
    return _first_line("/proc/sys/kernel/random/boot_id") + _pid_namespace()


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """When the process started, in the system's own ticks; empty where the system does not say, or it is gone."""
    _, _, rest = _first_line(f"/proc/{pid}/stat").rpartition(")")
    fields = rest.split()
    return fields[19] if len(fields) > 19 else ""


def _is_running(pid: int) -> bool:
    _, _, rest = _first_line(f"/proc/{pid}/stat").rpartition(")")
    if rest.split()[:1] == ["Z"]:
        return False  # killed, and only waiting for its parent to notice
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
