"""Whether the read models say what the log says, row by row: the live tables against a fresh fold of the log.

Where the database's fingerprint of a live table is that of the rows folded, they are the same. Of the others both sides
are read in the order of their keys, so that neither need fit into memory. The live side is one snapshot:
the bot may flush meanwhile, and whom it forgets meanwhile is passed over, because the log no longer knows them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from store import asof, judging, loading, state
from store.engine import Database
from store.schema import rebuild_marks, subjects
from store.shadow_hash import fingerprints
from tracker.events.settings import DEFAULTS, parse_settings
from tracker.ids import GuildId, Ms, Partition, UserId
from tracker.projections.rows import TABLES, Row, Table
from tracker.projections.standing import StandingRules, keeps_members

__all__ = ["Difference", "verify"]

_BATCH: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A cell in which a live table and the log disagree. `column` is "" if the whole row is on one side only.

    `key` is the row's key in the order of the table's key columns; `live` / `replayed` None: null, or no such row.
    `user_id`: whose row it is; None if it is no member's.
    """

    table: str
    key: Row
    column: str
    live: object
    replayed: object
    user_id: UserId | None = None

    @property
    def guild_id(self) -> GuildId:
        """The guild that the row belongs to."""
        return GuildId(self.key[0])

    @property
    def where(self) -> dict[str, int]:
        """The row's key by column."""
        names = TABLES[self.table].key if self.table in TABLES else ("guild_id", "user_id")
        return dict(zip(names, self.key, strict=True))


def verify(
    db: Database,
    *,
    guilds: Collection[GuildId] | None = None,
    limit: int = 20,
    progress: asof.Progress | None = None,
) -> list[Difference]:
    """Folds the log anew and compares with the live tables at their checkpoints; at most `limit` differences.

    `guilds`: only these; None: all. Guilds that await a rebuild are left out. Writes nothing. Raises DatabaseError,
    LogCorruptError.
    """
    with asof.scratch(db) as fresh, db.read() as connection:
        _keep_tables(connection)
        reached = {p: c for p, c in state.checkpoints_in(connection).items() if c.position}
        waiting = set(connection.execute(select(rebuild_marks.c.guild_id)).scalars())
        folded = asof.fold_into(db, fresh, guilds=guilds, progress=progress, at=reached)
        unlike = list(TABLES)
        if waiting.isdisjoint(guilds if guilds is not None else waiting):  # otherwise their rows would count
            found = fingerprints(connection, partitions=reached, guilds=guilds)
            unlike = [name for name in TABLES if found[name] != folded[name]]
        with fresh.read() as replayed:
            side = _Sides(live=connection, replayed=replayed, only=guilds, without=waiting, unlike=unlike)
            differing = (d for p, checkpoint in reached.items() for d in side.differences(p, checkpoint.as_of))
            first = next(differing, None)
            if first is None or limit < 1:
                return []
            gone = _forgotten_since(connection, db)
            return list(islice((d for d in _chained(first, differing) if not _is_about(d, gone)), limit))


def _keep_tables(connection: Connection) -> None:
    """PostgreSQL: no rebuild may put other tables in the place of these meanwhile.

    A snapshot is one of rows and not of names: what then has the name of a table would seem empty.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(TABLES)} IN ACCESS SHARE MODE")


def _chained(first: Difference, rest: Iterator[Difference]) -> Iterator[Difference]:
    yield first
    yield from rest


def _forgotten_since(snapshot: Connection, db: Database) -> set[tuple[int, int]]:
    """Those (guild, user) whom the snapshot knows as a subject of the log that nobody knows any more."""
    wanted = select(subjects.c.partition, subjects.c.subject_id, subjects.c.guild_id, subjects.c.user_id)
    with db.read() as now:
        known = {(row.partition, row.subject_id) for row in now.execute(wanted)}
    return {(r.guild_id, r.user_id) for r in snapshot.execute(wanted) if (r.partition, r.subject_id) not in known}


def _is_about(difference: Difference, gone: Collection[tuple[int, int]]) -> bool:
    """Whether it comes from somebody's being forgotten. Also who set rules is forgotten with them."""
    who = difference.live if difference.column == "set_by" else difference.user_id
    return (difference.guild_id, who) in gone


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """The two sides of a comparison. `only`: these guilds (None: all), and not those in `without`.

    `unlike`: the tables of which not all is the same.
    """

    live: Connection
    replayed: Connection
    only: Collection[GuildId] | None
    without: Collection[int]
    unlike: Collection[str]

    def differences(self, partition: Partition, as_of: Ms) -> Iterator[Difference]:
        for table in map(TABLES.__getitem__, self.unlike):
            sides = (self._rows(side, partition, table) for side in (self.live, self.replayed))
            yield from _compared(table, *sides)
        for row in loading.rows_of(self.replayed, partition, "guilds"):
            if row[0] not in self.without:
                yield from self._out_of_line(partition, row, as_of)

    def _rows(self, connection: Connection, partition: Partition, table: Table) -> Iterator[list[Row]]:
        """The table's rows by key, in batches of plain tuples (streamed)."""
        where = "" if self.only is None else f" AND guild_id IN ({_listed(self.only)})"
        if self.without:
            where += f" AND guild_id NOT IN ({_listed(self.without)})"
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        statement = (
            f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE partition = {mark}{where} "  # noqa: S608
            f"ORDER BY {', '.join(table.key)}"
        )
        if connection.dialect.name == "sqlite":
            # From below SQLAlchemy: making its rows of millions would take longer than all else here.
            cursor = connection.connection.cursor()
            cursor.execute(statement, (partition,))
            while batch := cursor.fetchmany(_BATCH):
                yield list(batch)
            cursor.close()
        else:
            streaming = connection.execution_options(stream_results=True, yield_per=_BATCH)
            for rows in streaming.exec_driver_sql(statement, (partition,)).partitions():
                yield [tuple(row) for row in rows]

    def _out_of_line(self, partition: Partition, row: Row, as_of: Ms) -> Iterator[Difference]:
        """Of whom in the guild something else is noted than follows from the live tables."""
        guild, document, _, _, season_at = row
        settings = DEFAULTS if document is None else parse_settings(msgspec.json.decode(document))
        if not keeps_members(settings):
            return
        rules = StandingRules(settings=settings, season_at=season_at)
        for member in judging.judged(self.live, partition, guild, rules, as_of):
            for column, live, replayed in (
                ("tier_roles", member.tier_roles or "", member.roles),
                ("level", member.level, member.standing.level),
            ):
                if live is not None and live != replayed:
                    key, user = (guild, member.user_id), UserId(member.user_id)
                    yield Difference(
                        table="member_sync", key=key, column=column, live=live, replayed=replayed, user_id=user
                    )


def _listed(guilds: Collection[int]) -> str:
    return ", ".join(str(int(guild)) for guild in guilds) or "NULL"


def _compared(table: Table, live: Iterator[list[Row]], replayed: Iterator[list[Row]]) -> Iterator[Difference]:
    """What differs between two readings of a table, both in the order of its keys."""
    here: Sequence[Row] = []
    there: Sequence[Row] = []
    while True:
        here, there = here or next(live, []), there or next(replayed, [])
        if here == there:
            if not here:
                return
            here = there = []
            continue
        compared = yield from _merged(table, here, there)
        here, there = here[compared[0] :], there[compared[1] :]


def _merged(table: Table, here: Sequence[Row], there: Sequence[Row]) -> Any:
    """Compares until one of the sides is at its end, and returns how far both are (an empty side has no more rows)."""
    width, i, j = len(table.key), 0, 0
    while (i < len(here) and j < len(there)) or (not here and j < len(there)) or (not there and i < len(here)):
        mine = here[i][:width] if i < len(here) else None
        other = there[j][:width] if j < len(there) else None
        if mine == other:
            yield from _cells(table, here[i], there[j])
            i, j = i + 1, j + 1
        elif other is None or (mine is not None and mine < other):
            yield _whole(table, here[i], live=True)
            i += 1
        else:
            yield _whole(table, there[j], live=False)
            j += 1
    return i, j


def _cells(table: Table, live: Row, replayed: Row) -> Iterator[Difference]:
    for column, mine, other in zip(table.columns, live, replayed, strict=True):
        if mine != other:
            yield Difference(
                table=table.name,
                key=live[: len(table.key)],
                column=column,
                live=mine,
                replayed=other,
                user_id=_user_of(table, live),
            )


def _whole(table: Table, row: Row, *, live: bool) -> Difference:
    key, rest = row[: len(table.key)], row[len(table.key) :]
    return Difference(
        table=table.name,
        key=key,
        column="",
        live=rest if live else None,
        replayed=None if live else rest,
        user_id=_user_of(table, row),
    )


def _user_of(table: Table, row: Row) -> UserId | None:
    return UserId(row[table.columns.index("user_id")]) if "user_id" in table.columns else None
