"""Rows gathered in memory are what upserts would have made of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.gathered import Gathered
from tests.examples import examples
from tests.store.shadows import as_columns
from tests.store.test_bulk import deltas, merged
from tracker.ids import Partition
from tracker.projections.rows import TABLES, Row

HOME = Partition(0)


def handed(gathered: Gathered, name: str, rows: list[Row]) -> None:
    columns, nulls = as_columns(name, rows)
    gathered.add(name, HOME, columns, nulls, fresh=False)


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=examples(25))
@given(data=st.data())
def test_rows_of_a_key_merge_as_upserts_would(name: str, data: st.DataObject) -> None:
    table, gathered = TABLES[name], Gathered()
    expected: dict[Row, Row] = {}
    for batch in data.draw(st.lists(deltas(table), max_size=6)):
        rows = {key[1:]: values for key, values in batch.items() if not key[0]}  # keys begin with a partition there
        handed(gathered, name, [key + values for key, values in rows.items()])
        for key, values in rows.items():
            expected[key] = merged(table, expected.get(key), values)
        gathered.settle()
    wanted = sorted((key + values for key, values in expected.items()), key=repr)
    assert sorted(gathered.rows().get(name, []), key=repr) == wanted


def test_a_table_without_rows_is_not_named() -> None:
    gathered = Gathered()
    handed(gathered, "carries", [])
    handed(gathered, "away", [(2, 5, None)])
    assert gathered.rows() == {"away": [(2, 5, None)]}
