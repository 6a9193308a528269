"""How events get into the log: positions are reserved under a row lock, the events follow in the same transaction.

The lock on the partition's `log_head` row is what keeps the positions without holes: whoever has read up to position n
has seen all that is before it, because the writer of n waited for the writer of n - 1 to commit. The epoch in the same
row fences out a writer whose lease another process has taken over.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from store import arrays
from store.subjects import Member, Subjects, known
from tracker.errors import LeaseLostError
from tracker.ids import Partition, Position

__all__ = ["Appended", "Entry", "Epochs", "existing", "in_one_statement", "in_transaction", "lock", "reserve"]

Epochs = Mapping[Partition, int]
"""The epoch in which the writer holds each partition."""

_EXISTING: Final = {
    "sqlite": (
        "SELECT e.partition, e.id, e.position FROM json_each(?) j CROSS JOIN events e "
        "ON e.partition = j.value ->> 0 AND e.id = j.value ->> 1"
    ),
    "postgresql": (
        "SELECT e.partition, e.id, e.position FROM unnest(%s::bigint[], %s::text[]) AS j (partition, id) "
        "JOIN events e USING (partition, id)"
    ),
}

# `locked` takes the row locks in the order of partitions; `head` then moves every one of them or, if one is fenced off,
# none. An event's subject: positive is a subject id, negative the rank of a member who is new in its partition.
_ONE_STATEMENT: Final = """
WITH counts AS MATERIALIZED (
  SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS c (partition, n, minted, epoch)
), locked AS MATERIALIZED (
  SELECT h.partition FROM log_head h JOIN counts c USING (partition)
  WHERE c.epoch IS NULL OR h.epoch = c.epoch ORDER BY h.partition FOR UPDATE OF h
), head AS (
  UPDATE log_head h SET position = h.position + c.n, subjects = h.subjects + c.minted FROM counts c
  WHERE h.partition = c.partition AND (c.epoch IS NULL OR h.epoch = c.epoch)
    AND (SELECT count(*) FROM locked) = (SELECT count(*) FROM counts)
  RETURNING h.partition, h.position, h.position - c.n AS base, h.subjects - c.minted AS subject
), made AS (
  INSERT INTO subjects (partition, subject_id, guild_id, user_id)
  SELECT m.partition, head.subject + m.rank, m.guild_id, m.user_id
  FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS m (partition, rank, guild_id, user_id)
  JOIN head USING (partition)
), added AS (
  INSERT INTO events
    (partition, position, id, type, version, guild_id, subject_id, channel_id, occurred_at, recorded_at, data)
  SELECT e.partition, head.base + e.rank, e.id, e.type, e.version, e.guild_id,
    CASE WHEN e.subject < 0 THEN head.subject - e.subject ELSE e.subject END,
    e.channel_id, e.occurred_at, %s::bigint, e.data
  FROM unnest(
    %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::text[]
  ) AS e (partition, rank, id, type, version, guild_id, subject, channel_id, occurred_at, data)
  JOIN head USING (partition)
)
SELECT partition, position, subject FROM head
"""


class Entry(NamedTuple):
    """An event on its way into the log; `user_id` None: it concerns no member, negative: an erased one (a subject)."""

    partition: Partition
    id: str
    type: str
    version: int
    guild_id: int
    user_id: int | None
    channel_id: int | None
    occurred_at: int
    data: str


class Appended(NamedTuple):
    """Each partition's last position, and the mappings that were made on the way."""

    last: dict[Partition, Position]
    minted: dict[Member, int]


def in_transaction(
    connection: Connection, entries: Sequence[Entry], recorded_at: int, epochs: Epochs | None, cache: Subjects
) -> Appended:
    """Appends within the connection's transaction. Raises LeaseLostError; IntegrityError if an id is already there."""
    last = reserve(connection, Counter(e.partition for e in entries), epochs)
    strangers = _strangers(entries, cache)
    numbers = known(connection, strangers)
    minted = _mint(connection, [m for m in strangers if m not in numbers])
    numbers.update(minted)
    rows = []
    for e in entries:
        last[e.partition] = Position(last[e.partition] + 1)
        subject = _subject(e, numbers, cache)
        rows.append(
            (e.partition, last[e.partition], *e[1:5], subject, e.channel_id, e.occurred_at, recorded_at, e.data)
        )
    _insert(connection, "events", rows)
    return Appended(last, minted)


def reserve(
    connection: Connection, counts: Mapping[Partition, int], epochs: Epochs | None
) -> dict[Partition, Position]:
    """Takes the next `counts` positions, locked until the commit; returns the last positions before them."""
    before = _add(connection, "position", counts, epochs)
    return {p: Position(n) for p, n in before.items()}


def lock(connection: Connection, partitions: Iterable[Partition], epochs: Epochs | None) -> dict[Partition, Position]:
    """Keeps all other writers out of `partitions` until the transaction ends; returns their last positions."""
    return reserve(connection, dict.fromkeys(partitions, 0), epochs)


def existing(connection: Connection, entries: Sequence[Entry]) -> dict[tuple[Partition, str], Position]:
    """Which of these events are in the log already, and where."""
    arguments: tuple[str, ...]
    if connection.dialect.name == "sqlite":
        arguments = (_json((e.partition, e.id) for e in entries),)
    else:
        arguments = (arrays.whole(e.partition for e in entries), arrays.texts(e.id for e in entries))
    rows = connection.exec_driver_sql(_EXISTING[connection.dialect.name], arguments)
    return {(Partition(p), i): Position(n) for p, i, n in rows}


def in_one_statement(
    connection: Connection, entries: Sequence[Entry], recorded_at: int, epochs: Epochs | None, cache: Subjects
) -> Appended:
    """PostgreSQL: the whole append as one statement, on a connection in autocommit, in one round trip.

    One more is needed if a member is not in the cache. Raises LeaseLostError; IntegrityError if an id is already there.
    """
    strangers = _strangers(entries, cache)
    numbers = known(connection, strangers)
    new: dict[Member, int] = {}
    minting: Counter[Partition] = Counter()
    for member in strangers:
        if member not in numbers:
            minting[Partition(member[0])] += 1
            new[member] = minting[Partition(member[0])]
    numbers.update((m, -rank) for m, rank in new.items())
    counts: Counter[Partition] = Counter()
    ranks, chosen = [], []
    for e in entries:
        counts[e.partition] += 1
        ranks.append(counts[e.partition])
        chosen.append(_subject(e, numbers, cache))
    columns = list(zip(*entries, strict=True))
    rows = connection.exec_driver_sql(
        _ONE_STATEMENT,
        (
            *map(arrays.whole, (counts, counts.values(), (minting[p] for p in counts), _expected(counts, epochs))),
            *_columns_of(new),
            recorded_at,
            *map(arrays.whole, (columns[0], ranks)),
            *map(arrays.texts, columns[1:3]),
            *map(arrays.whole, (*columns[3:5], chosen, *columns[6:8])),
            arrays.texts(columns[8]),
        ),
    ).all()
    if len(rows) < len(counts):
        raise _lost()
    base = {Partition(p): subject for p, _, subject in rows}
    return Appended(
        {Partition(p): Position(position) for p, position, _ in rows},
        {**{m: s for m, s in numbers.items() if s > 0}, **{m: base[Partition(m[0])] + r for m, r in new.items()}},
    )


def _strangers(entries: Iterable[Entry], cache: Subjects) -> list[Member]:
    """The members that the cache does not know, each once, in the order in which they appear."""
    members = ((e.partition, e.guild_id, e.user_id) for e in entries if e.user_id is not None and e.user_id > 0)
    return [m for m in dict.fromkeys(members) if m not in cache.cache]


def _subject(entry: Entry, numbers: Mapping[Member, int], cache: Subjects) -> int | None:
    if entry.user_id is None or entry.user_id <= 0:
        return None if entry.user_id is None else -entry.user_id
    member = (entry.partition, entry.guild_id, entry.user_id)
    number = numbers.get(member)
    return cache.cache[member] if number is None else number


def _mint(connection: Connection, members: Sequence[Member]) -> dict[Member, int]:
    if not members:
        return {}
    at = _add(connection, "subjects", Counter(Partition(m[0]) for m in members), None)
    minted = {}
    for member in members:
        partition = Partition(member[0])
        at[partition] += 1
        minted[member] = at[partition]
    _insert(connection, "subjects", [(p, s, g, u, 0) for (p, g, u), s in minted.items()])
    return minted


def _add(
    connection: Connection, column: str, counts: Mapping[Partition, int], epochs: Epochs | None
) -> dict[Partition, int]:
    """Adds to a column of `log_head`, in the order of partitions so that no two writers wait for each other."""
    before = {}
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = f"UPDATE log_head SET {column} = {column} + {mark} WHERE partition = {mark}"  # noqa: S608
    for partition in sorted(counts):
        arguments: tuple[int, ...] = (counts[partition], partition)
        fence = ""
        if epochs is not None:
            arguments, fence = (*arguments, epochs[partition]), f" AND epoch = {mark}"
        row = connection.exec_driver_sql(f"{statement}{fence} RETURNING {column}", arguments).first()
        if row is None:
            raise _lost()
        before[partition] = row[0] - counts[partition]
    return before


def _expected(counts: Iterable[Partition], epochs: Epochs | None) -> list[int | None]:
    return [None if epochs is None else epochs[p] for p in counts]


def _columns_of(new: Mapping[Member, int]) -> tuple[str, str, str, str]:
    return (
        arrays.whole(m[0] for m in new),
        arrays.whole(new.values()),
        arrays.whole(m[1] for m in new),
        arrays.whole(m[2] for m in new),
    )


def _insert(connection: Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        marks = ", ".join(["?" if connection.dialect.name == "sqlite" else "%s"] * len(rows[0]))
        connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


def _json(pairs: Iterable[tuple[int, str]]) -> str:
    return json.dumps(list(pairs))


def _lost() -> LeaseLostError:
    return LeaseLostError("another process has taken over the writer's lease; this one must stop writing")
