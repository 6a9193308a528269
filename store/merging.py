"""Deltas of one partition that follow upon each other, as if they had been one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import add, itemgetter

from tracker.projections.rows import TABLES, Changes, Row, Table
from tracker.projections.standing import StandingRules

__all__ = ["Merger", "merged", "putting"]


class Merger:
    """Deltas that were added one after the other, as what writing them in that order would write: each row once."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Row, Row]] = {}
        self._expired: dict[str, dict[Row, None]] = {}
        self._forgotten: dict[tuple[int, int], None] = {}
        self._standing: dict[int, StandingRules] = {}

    def add(self, changes: Changes) -> None:
        """These came later. They themselves stay as they are."""
        for _ in self.adding(changes):
            pass

    def adding(self, changes: Changes) -> Iterator[None]:
        """`add` in steps; nothing else may be asked before it is exhausted."""
        _forget(self._rows, changes.forgotten)
        self._forgotten |= dict.fromkeys(changes.forgotten)
        for name, keys in changes.expired.items():
            gone, rows = self._expired.setdefault(name, {}), self._rows.get(name, {})
            for key in keys:
                gone[key] = None
                rows.pop(key, None)
        for name, new in changes.rows.items():
            _add(TABLES[name], self._rows.setdefault(name, {}), self._expired.get(name, {}), new)
            yield
        self._standing |= changes.standing

    def changes(self) -> Changes:
        """All of it."""
        return Changes(
            rows={name: list(self._rows[name].values()) for name in TABLES if self._rows.get(name)},
            expired={name: list(keys) for name, keys in self._expired.items() if keys},
            forgotten=list(self._forgotten),
            standing=dict(self._standing),
        )


def merged(parts: Sequence[Changes]) -> Changes:
    """What writing `parts` one after the other would write. They themselves stay as they are."""
    if len(parts) == 1:
        return parts[0]
    whole = Merger()
    for part in parts:
        whole.add(part)
    return whole.changes()


def putting(table: Table) -> Callable[[dict[Row, Row], Row], None]:
    """What puts one more row of the table to those that are known, by key."""
    width = len(table.key)
    if not (table.add or table.largest or table.known):
        return lambda known, row: known.__setitem__(row[:width], row)
    joined = _joining(table)

    def put(known: dict[Row, Row], row: Row) -> None:
        key = row[:width]
        old = known.get(key)
        known[key] = row if old is None else joined(old, row)

    return put


def _add(table: Table, known: dict[Row, Row], gone: dict[Row, None], rows: Sequence[Row]) -> None:
    put, width = putting(table), len(table.key)
    for row in rows:
        put(known, row)
    if gone:  # only rows all of whose values are set ever expire: writing one anew needs no deletion before it
        for row in rows:
            gone.pop(row[:width], None)


def _joining(table: Table) -> Callable[[Row, Row], Row]:
    """What the older of two rows of one key becomes by the newer one: of all there is, the least that does it."""
    first = len(table.key)
    largest = first + len(table.add)
    set_ = largest + len(table.largest)
    known = set_ + len(table.set)

    def all_kinds(old: Row, new: Row) -> Row:
        return (
            *sums_and_largest(old, new),
            *new[set_:known],
            *(after if after is not None else before for before, after in zip(old[known:], new[known:], strict=True)),
        )

    def sums(old: Row, new: Row) -> Row:
        return (*new[:first], *map(add, old[first:largest], new[first:largest]))

    def sums_and_largest(old: Row, new: Row) -> Row:
        newest = map(_larger, old[largest:set_], new[largest:set_])
        return (*new[:first], *map(add, old[first:largest], new[first:largest]), *newest)

    def sums_and_last(old: Row, new: Row) -> Row:
        last = _larger(old[largest], new[largest])
        return (*new[:first], *map(add, old[first:largest], new[first:largest]), last)

    if table.set or table.known:
        return all_kinds
    return {0: sums, 1: sums_and_last}.get(len(table.largest), sums_and_largest)


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return one if one > other else other


def _forget(found: dict[str, dict[Row, Row]], members: Sequence[tuple[int, int]]) -> None:
    """Rows of members who were forgotten after them are not written at all."""
    who = set(members)
    if not who:
        return
    for name, rows in found.items():
        columns = TABLES[name].columns
        if "user_id" in columns:
            of = itemgetter(columns.index("guild_id"), columns.index("user_id"))
            for key in [key for key, row in rows.items() if of(row) in who]:
                del rows[key]
