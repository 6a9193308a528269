"""What of events is in no column: texts of which there is no object until somebody asks for one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from store.columns_rest import Rest, Written

TEXTS = st.lists(st.text(alphabet="aé한🎧\x00", max_size=4), max_size=6)


@given(TEXTS)
def test_texts_are_what_was_written_in_whatever_letters(texts: list[str]) -> None:
    written = Written.of(texts)
    assert list(written) == texts
    assert [written[i] for i in range(len(texts))] == texts
    assert written.packed() == "".join(texts).encode()
    assert written.sizes.tolist() == [len(text.encode()) for text in texts]


@given(st.data(), TEXTS)
def test_some_texts_are_packed_without_the_letters_of_the_others(data: st.DataObject, texts: list[str]) -> None:
    which = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=8)) if texts else []
    some = Written.of(texts).taken(np.array(which, np.int64))
    assert some == [texts[i] for i in which]
    assert some.packed() == "".join(texts[i] for i in which).encode()
    assert some[1:3] == [texts[i] for i in which][1:3]


@given(st.lists(TEXTS, max_size=4))
def test_texts_of_several_are_joined_in_their_order(several: list[list[str]]) -> None:
    backwards = [Written.of(texts)[::-1] for texts in several]
    assert Written.joined(backwards) == [text for texts in several for text in texts[::-1]]


def test_texts_that_share_their_letters_share_them_joined() -> None:
    texts = Written.of(["one", "two", "three"])
    found = Written.joined([texts[2:], texts[:1], texts[1:1], texts[:2]])
    assert found == ["three", "one", "one", "two"]
    assert found.letters is texts.letters


def rest_of(rows: list[int]) -> Rest:
    return Rest(
        rows=np.array(rows, np.intp),
        ids=Written.of(f"id {row}" for row in rows),
        versions=np.array(rows, np.int64) + 1,
        recorded_at=np.array(rows, np.int64) + 1_000,
        texts=Written.of(f'{{"é":{row}}}' for row in rows),
    )


def said(rest: Rest) -> list[tuple[int, str, int, int, str]]:
    numbers = (one.tolist() for one in (rest.rows, rest.versions, rest.recorded_at))
    rows, versions, recorded_at = numbers
    return list(zip(rows, rest.ids, versions, recorded_at, rest.texts, strict=True))


def test_a_rest_is_put_down_as_bytes_and_taken_up_again() -> None:
    rest = rest_of([2, 5, 11])
    assert said(rest.kept().rest()) == said(rest)
    assert len(Rest.none().kept().rest()) == 0


def test_a_part_counts_its_rows_from_its_beginning() -> None:
    part = rest_of([2, 5, 11]).part(3, 12)
    assert said(part) == [(2, "id 5", 6, 1_005, '{"é":5}'), (8, "id 11", 12, 1_011, '{"é":11}')]
    assert [part.find(row) for row in (1, 2, 8, 9)] == [None, 0, 1, None]


def test_what_is_taken_apart_holds_no_letters_of_others() -> None:
    rest = rest_of([2, 5, 11]).taken(np.array([2]), np.array([0])).apart()
    assert said(rest) == [(0, "id 11", 12, 1_011, '{"é":11}')]
    assert (len(rest.ids.letters), len(rest.texts.letters)) == (5, 9)


def test_what_lies_between_in_what_is_apart_holds_no_letters_of_others_either() -> None:
    apart = rest_of([2, 5, 11, 12]).taken(np.array([3, 1, 0, 2]), np.array([7, 0, 1, 3])).apart()
    between = apart.between(1, 3)
    assert said(between) == [(0, "id 5", 6, 1_005, '{"é":5}'), (1, "id 2", 3, 1_002, '{"é":2}')]
    assert (len(between.ids.letters), len(between.texts.letters)) == (8, 16)
    assert said(apart.between(2, 2)) == []


def test_rests_of_several_batches_are_one_behind_the_other() -> None:
    assert said(Rest.joined([rest_of([1, 2]), rest_of([4])])) == said(rest_of([1, 2, 4]))
    assert len(Rest.joined([])) == 0
