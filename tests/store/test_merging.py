"""Deltas that follow upon each other are written as one."""

from __future__ import annotations

from store.merging import merged
from tracker.projections.rows import TABLES, Changes, Row


def daily(user: int, voice: int, last_at: int) -> Row:
    return (1, 20260218, user, 10, voice, 0, 1, 0, 0, 0, 0, 0, last_at)


def award(message: int, user: int) -> Row:
    return (1, message, user, 10, 20260218, 5, 99, 0)


def member(user: int, name: str | None, bot: int | None = None) -> Row:
    return (1, user, name, bot, None, None, None)


def test_what_is_added_is_summed_and_the_largest_stays() -> None:
    earlier, later = [daily(1, 5, 70)], [daily(1, 6, 60), daily(2, 1, 1)]
    whole = merged([Changes(rows={"daily": earlier}), Changes(rows={"daily": later})])
    both = daily(1, 11, 70)
    assert whole.rows["daily"] == [(*both[:6], 2, *both[7:]), daily(2, 1, 1)]


def test_what_is_set_is_the_newer_and_what_is_not_known_stays() -> None:
    whole = merged([Changes(rows={"members": [member(1, "Ann", 0)]}), Changes(rows={"members": [member(1, None, 1)]})])
    assert whole.rows["members"] == [member(1, "Ann", 1)]
    whole = merged([Changes(rows={"awards": [award(7, 1)]}), Changes(rows={"awards": [award(7, 2)]})])
    assert whole.rows["awards"] == [award(7, 2)]


def test_each_table_is_put_together_as_it_is_described() -> None:
    """Tables of a simple kind have a quicker way; this is the slow one, for all of them."""
    for name, table in TABLES.items():
        key = tuple(range(1, 1 + len(table.key)))
        width = len(table.columns) - len(key)
        for old, new in ((range(10, 10 + width), range(90, 90 - width, -1)), (range(90, 90 - width, -1), [5] * width)):
            before, after = (
                dict(zip(table.columns, (*key, *old), strict=True)),
                dict(zip(table.columns, (*key, *new), strict=True)),
            )
            before |= dict.fromkeys(table.largest[:1])
            after |= dict.fromkeys((*table.largest[1:2], *table.known[:1]))
            wanted = after | {c: before[c] + after[c] for c in table.add} | {c: before[c] for c in table.known[:1]}
            for column in table.largest:
                wanted[column] = max((v for v in (before[column], after[column]) if v is not None), default=None)
            parts = [Changes(rows={name: [tuple(row.values())]}) for row in (before, after)]
            assert merged(parts).rows[name] == [tuple(wanted.values())], name


def test_a_row_that_expires_is_deleted_and_one_that_comes_back_is_not() -> None:
    put, gone = Changes(rows={"awards": [award(7, 1)]}), Changes(expired={"awards": [(1, 7)]})
    assert merged([put, gone]) == Changes(expired={"awards": [(1, 7)]})
    assert merged([gone, put]) == put


def test_who_is_forgotten_leaves_nothing_that_was_there_before() -> None:
    before = Changes(rows={"daily": [daily(1, 5, 70), daily(2, 5, 70)], "awards": [award(7, 1)]})
    after = Changes(rows={"daily": [daily(1, 2, 90)]}, forgotten=[(1, 1)])
    whole = merged([before, after])
    assert whole.forgotten == [(1, 1)]
    assert sorted(whole.rows["daily"]) == sorted([daily(2, 5, 70), daily(1, 2, 90)])
    assert "awards" not in whole.rows


def test_only_rows_whose_values_are_all_set_ever_expire() -> None:
    """Otherwise a row that comes back would add to one that should be gone."""
    for name in ("awards", "carries"):
        table = TABLES[name]
        assert table.columns == table.key + table.set


def test_one_is_handed_on_as_it_is() -> None:
    only = Changes(rows={"daily": [daily(1, 5, 70)]})
    assert merged([only]) is only
