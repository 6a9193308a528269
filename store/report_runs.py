"""The reports that a schedule owes: each window of each entry once.

What has become of a window is its row in `deliveries`, whose key (guild, entry, window) is unique: owed, sent with the
message's id, failed, blocked or dropped. A window's row also says that everything before it is settled, posted or
passed over: so a start needs no memory of where the process before it stopped, wherever that was.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store.deliveries import NewDelivery, Tried, row_of
from store.engine import Database
from store.schema import READ_MODELS, deliveries
from tracker.ids import GuildId, Ms, partition_of

__all__ = ["EntryRuns", "Run", "owe", "put_off", "settings_history"]

_AT_ONCE: Final = 5_000
_MISSED: Final = "missed while the tracker was away, further back than catch_up, or before its first start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A window that came due. `former_keys`: it may be owed under these, from before the entry's channel changed."""

    delivery: NewDelivery
    former_keys: tuple[str, ...]
    late: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """All that it may be known by."""
        return (self.delivery.key, *self.former_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRuns:
    """The windows of one entry that came due, oldest first. `most_late`: how many late ones are posted."""

    runs: tuple[Run, ...]
    most_late: int


def owe(db: Database, entries: Sequence[EntryRuns]) -> int:
    """Owes, in one transaction, what came due after the newest window that is settled; returns how many that are.

    Where so many were missed that none is posted, the newest one is noted as dropped, so that the next look knows.
    """
    with db.write() as connection:
        asked = [entry for entry in entries if entry.runs]
        known = _known(connection, db.partitions, [entry.runs[-1] for entry in asked])
        open_ = [entry for entry in asked if known.isdisjoint(entry.runs[-1].keys)]
        known = _known(connection, db.partitions, [run for entry in open_ for run in entry.runs[:-1]])
        rows: list[dict[str, Any]] = []
        owed = 0
        for entry in open_:
            kept, passed_over = _sorted(entry, known)
            rows += [row_of(run.delivery, db.partitions) for run in kept]
            rows += [
                row_of(run.delivery, db.partitions) | {"state": "dropped", "error": _MISSED} for run in passed_over
            ]
            owed += len(kept)
        if rows:
            make = sqlite.insert if db.dialect == "sqlite" else postgresql.insert
            connection.execute(make(deliveries).on_conflict_do_nothing(), rows)
    return owed


def put_off(db: Database, posts: Sequence[Tried], reason: str, until: Ms) -> None:
    """They were not tried, for this reason, and will be then."""
    c = deliveries.c
    with db.write() as connection:
        for start in range(0, len(posts), _AT_ONCE):
            keys = [(partition_of(post.guild_id, db.partitions), post.key) for post in posts[start : start + _AT_ONCE]]
            late = update(deliveries).where(_among(keys), c.state.in_(("pending", "failed")))
            connection.execute(late.values(state="failed", error=reason, next_attempt_at=until))


def settings_history(db: Database, guilds: Collection[GuildId]) -> dict[GuildId, list[tuple[Ms, str]]]:
    """When these guilds' settings were changed, and to what (JSON), oldest first."""
    rules = READ_MODELS["rules"].c
    partitions = {partition_of(guild, db.partitions) for guild in guilds}
    here = (rules.partition.in_(partitions), rules.guild_id.in_(guilds), rules.settings.is_not(None))
    wanted = select(rules.guild_id, rules.at, rules.settings).where(*here).order_by(rules.guild_id, rules.at)
    found: dict[GuildId, list[tuple[Ms, str]]] = {}
    with db.read() as connection:
        for guild, at, settings in connection.execute(wanted):
            found.setdefault(GuildId(guild), []).append((Ms(at), settings))
    return found


def _known(connection: Connection, partitions: int, runs: Sequence[Run]) -> set[str]:
    """Which of the keys have a row."""
    found = set[str]()
    keys = [(partition_of(run.delivery.guild_id, partitions), key) for run in runs for key in run.keys]
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        found.update(connection.execute(select(deliveries.c.key).where(_among(part))).scalars())
    return found


def _among(keys: Sequence[tuple[int, str]]) -> ColumnElement[bool]:
    c = deliveries.c
    return and_(c.partition.in_({partition for partition, _ in keys}), c.key.in_([key for _, key in keys]))


def _sorted(entry: EntryRuns, known: Collection[str]) -> tuple[Sequence[Run], Sequence[Run]]:
    """What is to be owed of an entry whose newest window is not settled, and what is to be noted as passed over."""
    unsettled: list[Run] = []
    for run in reversed(entry.runs):
        if any(key in known for key in run.keys):
            break
        unsettled.insert(0, run)
    late = [run for run in unsettled if run.late]
    posted = late[len(late) - entry.most_late :] if entry.most_late < len(late) else late
    kept = [*posted, *(run for run in unsettled if not run.late)]
    return kept, [] if kept else unsettled[-1:]
