"""Rows that wait on disk come back sorted, each key once, as if they had been upserted one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import shadow_spool
from store.columns_rest import Written
from store.schema import TEXT_COLUMNS
from store.shadow_hash import NOTHING
from store.shadow_rows import FRESH, Matrix, Sorted
from store.shadow_spool import Spool
from tests.examples import examples
from tests.store.shadows import as_columns
from tests.store.test_bulk import deltas, merged
from tracker.errors import DatabaseError
from tracker.projections.rows import TABLES, Row


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spools for which a few rows are many already: runs, samples and chunks of a handful."""
    monkeypatch.setattr(shadow_spool, "_PENDING", 600)
    monkeypatch.setattr(shadow_spool, "_CHUNK", 4)
    monkeypatch.setattr(shadow_spool, "_SAMPLE", 2)


def handed(spool: Spool, name: str, rows: list[Row], *, fresh: bool = False) -> None:
    """Adds rows of (partition, *columns)."""
    for partition in sorted({row[0] for row in rows}):
        columns, nulls = as_columns(name, [row[1:] for row in rows if row[0] == partition])
        spool.add(name, partition, columns, nulls, fresh=fresh)


def given_back(spool: Spool, name: str) -> list[Row]:
    """All rows, in the spool's order."""
    found: list[Row] = []
    for rows in spool.chunks(name):
        cells: list[list[Any]] = rows[:, :-1].T.tolist()
        for i, column in enumerate(TABLES[name].columns, start=1):
            absent = ((rows[:, -1] >> i) & 1).tolist()
            if column in TEXT_COLUMNS:
                cells[i] = spool.texts(rows, i)
            cells[i] = [None if gone else cell for cell, gone in zip(cells[i], absent, strict=True)]
        found += zip(*cells, strict=True)
    return found


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.usefixtures("tiny")
@settings(max_examples=examples(25))
@given(data=st.data())
def test_rows_of_a_key_merge_as_upserts_would_merge_them(name: str, data: st.DataObject) -> None:
    table, expected = TABLES[name], dict[Row, Row]()
    with Spool() as spool, Spool() as once:
        for batch in data.draw(st.lists(deltas(table), max_size=6)):
            handed(spool, name, [key + values for key, values in batch.items()])
            for key, values in batch.items():
                expected[key] = merged(table, expected.get(key), values)
        rows = [key + values for key, values in sorted(expected.items())]
        assert given_back(spool, name) == rows
        handed(once, name, rows, fresh=True)
        assert spool.handed_in == once.handed_in


def in_order(name: str, rows: list[Row]) -> Sorted:
    """Rows of (partition, *columns), no key twice, as a harvest sorts them."""
    with Spool() as spool:
        handed(spool, name, rows)
        found = [np.empty((0, len(TABLES[name].columns) + 2), np.int64), *(part.copy() for part in spool.chunks(name))]
        return Sorted(name=name, rows=np.concatenate(found))


@pytest.mark.parametrize("name", ["daily", "sessions", "totals"])
@pytest.mark.parametrize("few", [False, True])
@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_so_do_those_that_come_in_order_alone_or_among_others(
    request: pytest.FixtureRequest, name: str, few: bool, data: st.DataObject
) -> None:
    if few:
        request.getfixturevalue("tiny")
    table, expected = TABLES[name], dict[Row, Row]()
    with Spool() as spool, Spool() as once:
        for batch in data.draw(st.lists(deltas(table), max_size=4)):
            rows = [key + values for key, values in batch.items()]
            if data.draw(st.booleans()):
                spool.add_sorted(in_order(name, rows))
            else:
                handed(spool, name, rows)
            for key, values in batch.items():
                expected[key] = merged(table, expected.get(key), values)
        rows = [key + values for key, values in sorted(expected.items())]
        assert given_back(spool, name) == rows
        assert not spool.has(name)
        handed(once, name, rows, fresh=True)
        assert spool.handed_in == once.handed_in


@pytest.mark.usefixtures("tiny")
def test_rows_in_any_order_come_back_in_the_order_of_their_keys() -> None:
    rows = [
        (p, g, d, u, g % 97 * d + u, d) for p in (0, 3) for g in (1, 2**61) for d in range(9) for u in (-4, 5, 2**40)
    ]
    mixed = random.Random(1).sample(rows, len(rows))
    with Spool() as spool:
        for at in range(0, len(mixed), 7):
            handed(spool, "session_days", mixed[at : at + 7], fresh=True)
        before = spool.handed_in
        assert given_back(spool, "session_days") == sorted(rows)
        assert spool.handed_in == before
        assert given_back(spool, "session_days") == []
        assert given_back(spool, "daily") == []


def test_many_rows_come_back_in_chunks_out_of_runs_with_little_in_memory() -> None:
    rng = np.random.default_rng(1)
    users = rng.permutation(800_000).astype(np.int64) << 40
    with Spool() as spool:
        for part in np.split(users, 40):
            zeros = np.zeros(len(part), np.int64)
            spool.add("totals", 0, [zeros + 9, part, *[zeros + 3] * 7], {}, fresh=True)
        assert spool._waiting <= shadow_spool._PENDING
        assert len(spool._runs["totals"]) > 1
        chunks = list(spool.chunks("totals"))
        assert max(map(len, chunks)) < 3 * shadow_spool._CHUNK
        assert (np.concatenate(chunks)[:, 2] == np.sort(users)).all()


EXTREME = st.sampled_from([-(2**63), -1, 0, 1, 2**40, 2**63 - 1]) | st.integers(0, 9)


@pytest.mark.parametrize("name", ["away", "carries", "daily"])
@given(keys=st.sets(st.tuples(*[EXTREME] * 4), min_size=1, max_size=40), randomness=st.randoms())
def test_keys_are_put_in_order_whatever_numbers_they_are(name: str, keys: set[Row], randomness: random.Random) -> None:
    width = len(TABLES[name].key)
    rest = (0,) * (len(TABLES[name].columns) - width)
    rows = sorted({(0, *key[:width], *rest) for key in keys})
    with Spool() as spool:
        handed(spool, name, randomness.sample(rows, len(rows)), fresh=True)
        assert given_back(spool, name) == rows


@pytest.mark.parametrize("late_first", [False, True])
def test_a_row_that_is_said_to_be_fresh_and_is_not_is_refused(late_first: bool) -> None:
    with Spool() as spool:
        handed(spool, "carries", [(0, 1, 2, 3, 4)], fresh=not late_first)
        handed(spool, "carries", [(0, 1, 2, 3, 4)], fresh=True)
        with pytest.raises(ValueError, match=r"carries .*\(0, 1, 2, 3\) twice"):
            given_back(spool, "carries")


@pytest.mark.parametrize(
    ("columns", "said"),
    [([[1], [2], [3]], "has 4 columns, not 3"), ([[1], [2], [3], [4, 5]], "carry_ms has 2 values")],
)
def test_columns_that_do_not_fit_are_refused_by_name(columns: list[list[int]], said: str) -> None:
    with Spool() as spool, pytest.raises(ValueError, match=said):
        spool.add("carries", 0, columns, {}, fresh=True)


def test_a_list_says_by_none_what_is_null_and_so_does_a_mask() -> None:
    with Spool() as spool:
        spool.add("away", 0, [[1, 1], [5, 6], [None, 7]], {}, fresh=True)
        spool.add("away", 0, [[2], [5], np.array([9])], {"to_at": np.array([True])}, fresh=True)
        assert given_back(spool, "away") == [(0, 1, 5, None), (0, 1, 6, 7), (0, 2, 5, None)]


TEXT = st.text(max_size=12) | st.sampled_from(["", "\0", "a\0", "🎧", "한국어" * 2_000])


@pytest.mark.parametrize("kind", [{}, {"compiled": True}, {"native": lambda: True}])
@given(texts=st.lists(st.none() | TEXT, min_size=1, max_size=8), data=st.data())
def test_texts_that_are_bytes_are_those_that_are_objects(
    kind: dict[str, Any], texts: list[str | None], data: st.DataObject
) -> None:
    """They may be anywhere among their letters, several of them in one place."""
    others = data.draw(st.lists(TEXT, max_size=3))
    kept = data.draw(st.permutations([*others, *{text for text in texts if text is not None}]))
    which = [kept.index(text) if text is not None else -1 for text in texts]
    written = Written.of([*kept, ""]).taken(np.array(which))
    absent = np.array([text is None for text in texts])
    numbers = np.arange(len(texts))
    with Spool(**kind) as spool, Spool(**kind) as other:
        for _ in range(2):
            spool.add("members", 0, [numbers, numbers, written, *[numbers] * 3, written], _both(absent), fresh=False)
            other.add("members", 0, [numbers, numbers, texts, *[numbers] * 3, texts], {}, fresh=False)
        assert spool.handed_in == other.handed_in
        assert given_back(spool, "members") == given_back(other, "members")


def _both(absent: np.ndarray) -> dict[str, np.ndarray]:
    return {"name": absent, "role_ids": absent}


def test_a_text_that_is_too_long_to_be_written_is_refused_in_either_form() -> None:
    text = "a" * (1 << 24)
    for texts in ([text], Written.of([text])):
        with Spool() as spool, pytest.raises(DatabaseError, match="16,777,216 bytes is too long"):
            spool.add("roles", 0, [np.zeros(1, np.int64), np.ones(1, np.int64), texts], {}, fresh=True)


def test_what_waits_on_disk_has_no_name_so_that_nothing_is_left_of_it(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        handed(spool, "roles", [(0, 1, 2, "a name")], fresh=True)
        spool._spill()
        assert list(tmp_path.iterdir()) == []


def hashes(name: str, rows: list[Row]) -> Any:
    with Spool() as spool:
        handed(spool, name, rows, fresh=True)
        return spool.handed_in[name]


def changes(row: Row, name: str) -> Iterator[Row]:
    """The row with each cell changed in turn, in several ways."""
    for i, cell in enumerate(row):
        column = ("partition", *TABLES[name].columns)[i]
        others = ("x", "", " ", None) if column in TEXT_COLUMNS else (0, 1, -1, 2**40, -(2**62), None)
        for other in others:
            if other != cell and not (other is None and (i == 0 or column in TABLES[name].key + TABLES[name].add)):
                yield (*row[:i], other, *row[i + 1 :])


@pytest.mark.parametrize("name", TABLES)
def test_a_changed_cell_changes_the_fingerprint(name: str) -> None:
    columns = TABLES[name].columns
    row: Row = (3, *(f"text {i}" if c in TEXT_COLUMNS else 7 + i for i, c in enumerate(columns)))
    seen = {hashes(name, [row]), NOTHING}
    for other in changes(row, name):
        found = hashes(name, [other])
        assert found not in seen, other
        seen.add(found)


def test_cells_that_change_places_between_rows_change_the_fingerprint() -> None:
    one, two = (0, 1, 2, 3, 40), (0, 1, 2, 4, 50)
    assert hashes("carries", [one, two]) == hashes("carries", [two, one])
    assert hashes("carries", [one, two]) != hashes("carries", [(*one[:4], 50), (*two[:4], 40)])
    assert hashes("carries", [(0, 1, 2, 3, 4)]) != hashes("carries", [(0, 1, 2, 4, 3)])


def test_marks_and_cells_do_not_meet() -> None:
    assert all(1 << len(table.columns) < FRESH for table in TABLES.values())
    assert Matrix is not None


@pytest.mark.usefixtures("tiny")
def test_what_was_read_is_forgotten_and_more_may_come() -> None:
    with Spool() as spool:
        handed(spool, "carries", [(0, 1, 2, 3, 4), (0, 1, 3, 3, 4)])
        handed(spool, "roles", [(0, 1, 2, "a name")])
        spool._spill()
        with pytest.raises(AssertionError, match="nobody has read"):
            spool.clear()
        assert given_back(spool, "carries") == [(0, 1, 2, 3, 4), (0, 1, 3, 3, 4)]
        assert given_back(spool, "roles") == [(0, 1, 2, "a name")]
        spool.clear()
        assert not spool.has("carries")
        handed(spool, "carries", [(0, 2, 2, 3, 4)])
        handed(spool, "roles", [(0, 2, 2, "another")])
        assert spool.has("carries")
        assert given_back(spool, "carries") == [(0, 2, 2, 3, 4)]
        assert given_back(spool, "roles") == [(0, 2, 2, "another")]
        assert spool.handed_in["carries"].rows == 3


def test_rows_that_follow_those_that_wait_are_not_sorted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    name, parts = "carries", [[(1, 5, user, 9, user)] for user in (1, 2, 3)]
    with Spool() as spool:
        for rows in parts:
            spool.add_sorted(in_order(name, rows))
        with monkeypatch.context() as nobody_sorts:
            nobody_sorts.setattr(shadow_spool, "sorted_by_key", lambda *_: pytest.fail("in order they were"))
            assert given_back(spool, name) == [row for rows in parts for row in rows]
        for rows in reversed(parts):
            spool.add_sorted(in_order(name, rows))
        assert given_back(spool, name) == [row for rows in parts for row in rows]
