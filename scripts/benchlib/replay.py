"""How fast the whole log is counted anew: rebuild, fold alone, verify; beside it, others' ways on a part of the log."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import store.log
from scripts.benchlib import peers, peers_orm, replay_runs
from scripts.benchlib.figures import Figure
from scripts.benchlib.place import Place
from scripts.community import Plan
from scripts.simulate import write
from store.archive_moving import archive_before
from store.archive_segment import STEP
from store.archive_unasked import seal
from store.engine import Database, open_database
from store.rebuild import rebuild
from store.shrinking import shrink
from tracker.clock import SystemClock
from tracker.events.envelope import RecordedEvent
from tracker.ids import Ms, Position
from tracker.projections.kernel.compiled import can_compile

__all__ = ["fill_log", "measure"]

_FOR_EVER = Ms(2**53)
_FEW = 1_000
_LITTLE_LOG = {"wal_level": "minimal", "max_wal_senders": "0"}
"""What a PostgreSQL server may be told that nobody makes a copy of (README): new tables then need no log of its own."""


def measure(place: Place) -> list[Figure]:
    """Seconds by database and from archive segments, memory, compiling, the interpreted kernel, verify, the peers."""
    events = place.events or place.scaled(replay_runs.MANY if place.cache else 300_000, 5_000)
    figures: list[Figure] = []
    for dialect in place.kinds():
        with place.lasting(dialect, f"replay_{events}", lambda url: fill_log(url, events)) as url:
            if can_compile():
                figures += _cold(dialect, url) if dialect == "sqlite" else []
            rebuilds = [replay_runs.apart("rebuild", url) for _ in range(place.runs)]
            where = ", all of the log in its table" if dialect == "postgresql" else ""
            figures += replay_runs.of_runs(
                dialect, "rebuild", f"rebuild, results written{where}", events, rebuilds, 10.0
            )
            held = [replay_runs.apart("rebuild", url, watched=True)]
            figures.append(replay_runs.memory(f"{dialect}.rebuild", f"rebuild of {events:,} events, {dialect}", held))
            folds = [replay_runs.apart("fold", url) for _ in range(place.runs)]
            figures += replay_runs.of_runs(dialect, "fold", "fold alone, rows made and dropped", events, folds, None)
            checks = [replay_runs.apart("verify", url) for _ in range(place.runs)]
            figures += replay_runs.of_runs(dialect, "verify", "verify, row by row", events, checks, None)
            if dialect == "sqlite":
                figures += _interpreted(place, url, events)
                figures += _peers(place, url, events, min(rebuilds, key=lambda run: run.s))
            figures += _archived(place, dialect, url, events)
            figures += _sealed(place, url, events) if dialect == "postgresql" else []
        if dialect == "postgresql" and place.cache:
            figures += _with_little_log(place, events)
    return figures


def _with_little_log(place: Place, events: int) -> Iterator[Figure]:
    with place.lasting("postgresql", f"replay_{events}", lambda url: fill_log(url, events), _LITTLE_LOG) as url:
        rebuilds = [replay_runs.apart("rebuild", url) for _ in range(place.runs)]
    told = ", ".join(f"{name} = {value}" for name, value in _LITTLE_LOG.items())
    yield from replay_runs.of_runs(
        "postgresql", "rebuild_minimal", f"rebuild, results written ({told})", events, rebuilds, 10.0
    )


def fill_log(url: str, events: int) -> None:
    """2,000 guilds; nothing is counted yet, which makes it quick."""
    database = open_database(url)
    days = 30 * max(1, -(-events // replay_runs.MANY))
    plan = Plan(guilds=min(2_000, events // 100), members=max(10, min(100, events // 100_000)), days=days)
    write(database, plan, events=events, unfolded=events)
    database.close()


# -- our own -----------------------------------------------------------------------------------------------------------


def _cold(dialect: str, url: str) -> Iterator[Figure]:
    """What compiling takes, once on a machine and version: a small fold with an empty cache, and one with a full."""
    with tempfile.TemporaryDirectory(prefix="tracker-numba-") as cache:
        cold = replay_runs.apart("fold", url, _FEW, NUMBA_CACHE_DIR=cache)
        warm = replay_runs.apart("fold", url, _FEW, NUMBA_CACHE_DIR=cache)
    replay_runs.apart("fold", url, _FEW)  # so that what follows finds it compiled
    note = f"processor seconds {cold.processor_s - warm.processor_s:.1f}; once on a machine for each version"
    yield Figure(name=f"replay.{dialect}.compile", what="compiling the kernel", unit="s", runs=(cold.s,), note=note)
    yield Figure(
        name=f"replay.{dialect}.load", what="the kernel out of its file, 1,000 events", unit="s", runs=(warm.s,)
    )


def _interpreted(place: Place, url: str, events: int) -> Iterator[Figure]:
    part = min(events, place.scaled(1_000_000, 2_000))
    seconds = (replay_runs.apart("interpreted", url, part).s * 1e6 / part,)
    yield Figure(
        name="replay.sqlite.interpreted",
        what="fold alone without numba, a million events, sqlite",
        unit="s",
        runs=seconds,
        note=f"the first {part:,} events, scaled; rows through the ordinary driver",
    )


def _archived(place: Place, dialect: str, url: str, events: int) -> list[Figure]:
    """The same log, all of it in archive segments: next to the SQLite file, or within PostgreSQL."""

    def make(target: str) -> None:
        database = open_database(target)
        rebuild(database)  # only what is counted may be archived
        archive_before(database, _FOR_EVER, now=SystemClock().now(), folder=None, lease=None)
        _vacuumed(database)
        database.close()

    if not can_compile():
        return []
    with place.lasting(dialect, f"replay_archived_{events}", make, like=url) as archived:
        rebuilds = [replay_runs.apart("rebuild", archived) for _ in range(place.runs)]
        what = "rebuild, results written, the log in archive segments"
        found = [*replay_runs.of_runs(dialect, "rebuild_archived", what, events, rebuilds, 10.0)]
        return found if dialect == "postgresql" else [*found, *_from_segments(place, archived, events)]


def _sealed(place: Place, url: str, events: int) -> list[Figure]:
    """The same log as the bot leaves it within PostgreSQL after an hour: full files, and a rest in the table."""
    step = min(STEP, max(1, events // 100))

    def make(target: str) -> None:
        database = open_database(target)
        rebuild(database)
        seal(database, _FOR_EVER, now=SystemClock().now(), lease=None, size=step)
        shrink(database)
        _vacuumed(database)
        database.close()

    if not can_compile():
        return []
    with place.lasting("postgresql", f"replay_sealed_{events}", make, like=url) as sealed:
        database = open_database(sealed, create=False)
        left = _left(database)
        database.close()
        rebuilds = [replay_runs.apart("rebuild", sealed) for _ in range(place.runs)]
        what = f"rebuild, results written, the log as the bot leaves it ({left:,} events in the table)"
        figures = [*replay_runs.of_runs("postgresql", "rebuild_sealed", what, events, rebuilds, 10.0)]
        held = [replay_runs.apart("rebuild", sealed, watched=True)]
        figures.append(
            replay_runs.memory(
                "postgresql.rebuild_sealed", f"rebuild of {events:,} events as the bot leaves them", held
            )
        )
    return figures


def _left(database: Database) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one())


def _vacuumed(database: Database) -> None:
    """What a PostgreSQL server does by itself, sooner or later."""
    if database.dialect == "postgresql":
        with database.autocommit() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE events")


def _from_segments(place: Place, archived: str, events: int) -> Iterator[Figure]:
    fresh = [replay_runs.apart("fold", archived) for _ in range(place.runs)]
    loaded = [replay_runs.apart("loaded", archived) for _ in range(place.runs)]
    folded = [replay_runs.apart("folded", archived) for _ in range(place.runs)]
    what, only = "fold alone, rows made and dropped", "reading and folding alone, no rows made"
    yield from replay_runs.of_runs("segments", "fold", what, events, fresh, 2.0)
    yield from replay_runs.of_runs("segments", "fold_loaded", f"{what}, the kernel loaded before", events, loaded, 2.0)
    yield from replay_runs.of_runs(
        "segments", "only_fold_loaded", f"{only}, the kernel loaded before", events, folded, 2.0
    )


# -- others' ways ------------------------------------------------------------------------------------------------------


def _peers(place: Place, url: str, events: int, ours: replay_runs.Run) -> Iterator[Figure]:
    part = min(events, place.scaled(100_000, 1_000))
    database = open_database(url, create=False)
    recorded = [one.event for one in _last(database, part)]
    database.close()
    ways: tuple[tuple[str, str, Callable[[Path], float]], ...] = (
        (
            "eventsourcing",
            "pyeventsourcing's projection, messages and voice only",
            lambda folder: peers.projected(recorded, folder),
        ),
        (
            "orm",
            "one row at a time through an ORM, messages and voice only",
            lambda folder: peers_orm.counted(recorded, folder),
        ),
    )
    for name, what, way in ways:
        with tempfile.TemporaryDirectory(dir=place.folder) as folder:
            seconds = way(Path(folder))
        scaled = seconds * events / part
        note = f"measured on the last {part:,} events of the same log ({seconds:.1f} s), scaled by the cost of an event"
        yield Figure(
            name=f"replay.{name}", what=f"{what}, {events:,} events, sqlite", unit="s", runs=(scaled,), note=note
        )
        yield Figure(
            name=f"replay.{name}.ratio",
            what=f"… so many times the time of our whole rebuild ({ours.s:.1f} s)",
            unit="×",
            runs=(scaled / ours.s,),
            better="higher",
            note=note,
        )


def _last(database: Database, events: int) -> Iterator[RecordedEvent]:
    """The log's last events: it begins with who is there, of which the peers know nothing. SQLite has one partition."""
    for partition, head in store.log.head(database).items():
        yield from store.log.read(database, partition, Position(max(head - events, 0)))
