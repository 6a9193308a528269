"""The rows of a recount take the place of the live ones, within a flush: steps 2 and 3 of `store.recounting`."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.exc import SQLAlchemyError

from store import log, marks, standings, state
from store.engine import Database, open_database
from store.failures import is_duplicate
from store.recounting import STAGED, Counted
from store.schema import READ_MODELS
from tracker.errors import DatabaseError, LeaseLostError
from tracker.events.member import MemberForgotten
from tracker.events.rule import SettingsChanged
from tracker.ids import GuildId, Ms, Partition, Position
from tracker.projections.guild import GuildState
from tracker.projections.rows import TABLES, Changes
from tracker.projections.standing import StandingRules
from tracker.projections.state import PartitionState

__all__ = ["Exchange", "loaded", "without"]

_LOG = logging.getLogger("store")

_THESE: Final = "partition = :partition AND guild_id IN :guilds"


def loaded(db: Database, counted: Counted, path: Path) -> PartitionState:
    """The state of all guilds in the scratch file, as a recovery would load it. Raises DatabaseError."""
    with closing(open_database(str(path), create=False)) as scratch:
        fresh, _ = state.load(scratch, counted.partition)
    fresh.as_of = counted.checkpoint.as_of
    return fresh


class Exchange:
    """Some guilds of a scratch file, on their way into the read models. Used once.

    `fresh` holds their state; nobody else may touch it. `obstacles`: by guild, in words, why it cannot be exchanged
    now; those guilds take no part. `behind`: guilds that the log says are not seen since an instant that is older than
    some of their history. They are exchanged and stay marked: see `tracker.ingest.recount_adoption`.
    """

    def __init__(
        self, db: Database, counted: Counted, path: Path, fresh: PartitionState, guilds: Collection[GuildId]
    ) -> None:
        self.fresh = fresh
        self.obstacles: dict[GuildId, str] = {}
        self.behind: set[GuildId] = set()
        self._db = db
        self._counted = counted
        self._path = path
        self._guilds = set(guilds)
        self._newest = {guild: counted.newest[guild] for guild in guilds}
        self._reached = counted.checkpoint.position
        self._as_of = counted.checkpoint.as_of
        self._tail = Changes()
        for guild, at in self._newest.items():
            if at > self._as_of:
                self._stop(guild, "some of its history is of a time that has not come yet")

    @property
    def partition(self) -> Partition:
        """Whose guilds they are."""
        return self._counted.partition

    @property
    def guilds(self) -> frozenset[GuildId]:
        """Those that can be exchanged, as far as is known."""
        return frozenset(self._guilds)

    def approach(self, upto: Position) -> None:
        """Fold what came since the checkpoint, up to position `upto`, which is in the log. Raises as `log.read`."""
        if upto <= self._reached or not self._guilds:
            return
        only = next(iter(self._guilds)) if len(self._guilds) == 1 else None
        for recorded in log.read(self._db, self.partition, self._reached, guild=only):
            if recorded.position > upto:
                break
            event = recorded.event
            if event.guild_id in self._guilds:
                guild = self.fresh.guilds.get(event.guild_id)
                seen = guild is None or guild.lost_at is None
                floor = max(self._newest[event.guild_id], self._as_of if seen else 0)
                if event.occurred_at < floor or _reaches_back(event.data):
                    self._stop(event.guild_id, "more of its history came meanwhile")
                    continue
                self._newest[event.guild_id] = event.occurred_at
                self.fresh.apply(event)
        self._reached = upto

    def catch_up(self, upto: Position, as_of: Ms) -> bool:
        """Come to the flush whose tick is at `upto` and `as_of`. False: there is nothing to exchange. Never raises."""
        try:
            self._catch_up(upto, as_of)
        except Exception as error:  # whatever it is: events and flushes go on
            _LOG.exception("what was counted anew could not catch up")
            self.give_up(str(error))
        return bool(self._guilds)

    def _catch_up(self, upto: Position, as_of: Ms) -> None:
        self.approach(upto)
        for guild_id in self.guilds:
            guild = self.fresh.guilds.get(guild_id)
            if guild is not None:
                guild.advance(as_of)
                if guild.lost_at is not None and self._newest[guild_id] > guild.lost_at:
                    self.behind.add(guild_id)
        self._reached, self._as_of = upto, as_of
        self._tail = without(self.fresh.drain(), set(self.obstacles))

    def give_up(self, why: str) -> None:
        """None of them can be exchanged."""
        for guild in self.guilds:
            self._stop(guild, why)

    def write(self, connection: Connection) -> None:
        """Exchange the rows, in the transaction of the flush that it caught up with; marks go where nothing is left.

        Raises what SQLAlchemy raises, LeaseLostError, and DatabaseError for anything else.
        """
        try:
            self._write(connection)
        except LeaseLostError:
            raise
        except Exception as error:
            if isinstance(error, SQLAlchemyError) and not is_duplicate(error):
                raise
            _LOG.exception("what was counted anew could not be written")
            raise DatabaseError(
                f"database {self._db.name}: what was counted anew cannot be written: {error}"
            ) from error

    def _write(self, connection: Connection) -> None:
        partition, guilds = self.partition, sorted(self._guilds)
        place = {"partition": partition, "guilds": guilds}
        for name in READ_MODELS:
            connection.execute(_of_guilds(f"DELETE FROM {name} WHERE {_THESE}"), place)  # noqa: S608
        self._take_over(connection)
        state.write_changes(connection, {partition: self._tail})
        rules: dict[int, StandingRules] = {g: _rules(self.fresh.guilds[g]) for g in guilds if g in self.fresh.guilds}
        standings.derive_all(connection, partition, rules, self._as_of)
        marks.counted(connection, partition, self._reached, self._guilds - self.behind)

    def _take_over(self, connection: Connection) -> None:
        source = STAGED
        if connection.dialect.name == "sqlite":
            connection.detach()  # from the pool: closed after this transaction, and the file let go
            connection.exec_driver_sql("ATTACH ? AS recount", (str(self._path),))
            source = "recount.{}"
        place = {"partition": self.partition, "guilds": sorted(self._guilds)}
        for name, table in TABLES.items():
            columns = ", ".join(("partition", *table.columns))
            statement = f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {source.format(name)} WHERE {_THESE}"  # noqa: S608
            connection.execute(_of_guilds(statement), place)

    def _stop(self, guild: GuildId, why: str) -> None:
        self._guilds.discard(guild)
        self.obstacles[guild] = why


def without(changes: Changes, guilds: Collection[int]) -> Changes:
    """The changes of all other guilds."""
    if not guilds:
        return changes
    return Changes(
        rows={table: kept for table, rows in changes.rows.items() if (kept := [r for r in rows if r[0] not in guilds])},
        expired={t: kept for t, keys in changes.expired.items() if (kept := [k for k in keys if k[0] not in guilds])},
        forgotten=[key for key in changes.forgotten if key[0] not in guilds],
        standing={guild: rules for guild, rules in changes.standing.items() if guild not in guilds},
    )


def _of_guilds(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("guilds", expanding=True))


def _reaches_back(data: object) -> bool:
    """Whether an event changes what was counted before it."""
    return isinstance(data, MemberForgotten) or (isinstance(data, SettingsChanged) and data.retroactive)


def _rules(guild: GuildState) -> StandingRules:
    season = None if guild.season is None else Ms(guild.season[1])
    return StandingRules(settings=guild.voice.settings, season_at=season)
