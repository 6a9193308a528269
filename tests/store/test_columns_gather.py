"""Texts out of bytes, many at once: as Python decodes each of them, and as the codec reads them."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numba")

from store.columns_args import Args
from store.columns_ask import UnfitError
from store.columns_book import ALONE
from store.columns_chunk import HAS_REST
from store.columns_gather import argued, roles_in, sifted, taken_apart
from store.columns_rest import Rest, Written
from store.columns_texts import texts_at
from tracker.events import kinds
from tracker.events.codec import data_to_json
from tracker.events.member import MemberRolesChanged
from tracker.ids import RoleId

LETTERS = ["a", '"', "\x00", "é", "한", "🎙"]


def texts_of(parts: list[bytes]) -> list[str] | None:
    """The texts; None: they are none."""
    half, sizes = len(parts) // 2, np.array([len(part) for part in parts], np.int64)
    first, rest = (np.frombuffer(b"".join(some), np.uint8).copy() for some in (parts[:half], parts[half:]))
    try:
        return texts_at(first, rest, np.cumsum(sizes) - sizes, sizes)
    except UnfitError:
        return None


def test_texts_are_those_that_python_decodes_one_by_one() -> None:
    random = Random(3)
    for _ in range(500):
        texts = ["".join(random.choices(LETTERS, k=random.randint(0, 4))) for _ in range(random.randint(0, 6))]
        assert texts_of([text.encode() for text in texts]) == texts


def test_a_text_that_is_cut_within_a_letter_is_none_even_if_the_next_one_goes_on_with_it() -> None:
    assert texts_of(["한국".encode()[:4], "한국".encode()[4:]]) is None
    assert texts_of([b"a", b"\x80"]) is None
    assert texts_of([b"a", b"\xff"]) is None
    assert texts_of(["한".encode(), b"", "국".encode()]) == ["한", "", "국"]


def roles(*texts: str) -> list[tuple[int, ...] | None]:
    """What is found in each text; None: it is left to the codec."""
    parts = [text.encode() for text in texts]
    sizes = np.array([len(part) for part in parts], np.int64)
    ids, counts = np.full(int(sizes.sum()), -7, np.int64), np.zeros(len(parts), np.int64)
    roles_in(np.frombuffer(b"".join(parts), np.uint8).copy(), np.cumsum(sizes) - sizes, sizes, ids, counts)
    found, at = [], 0
    for count in counts.tolist():
        found.append(None if count < 0 else tuple(ids[at : at + count].tolist()))
        at += max(count, 0)
    return found


def test_sets_of_roles_are_those_that_the_codec_reads() -> None:
    random = Random(5)
    sets = [tuple(sorted(random.sample(range(1, 1 << 62), random.randint(0, 5)))) for _ in range(200)]
    texts = [data_to_json(MemberRolesChanged(role_ids=tuple(RoleId(r) for r in one))) for one in sets]
    assert roles(*texts) == sets
    args = Args()
    numbers, bad = args.read(kinds.ROLES_CHANGED, 1, texts)
    assert not bad
    assert [args.role_sets[n] for n in numbers] == sets
    assert [args.number(one) for one in sets] == numbers


@pytest.mark.parametrize(
    "text",
    ['{"role_ids":["2","1"]}', '{"role_ids":["1","1"]}', '{"role_ids":["0"]}', '{"role_ids":["01"]}',
     '{"role_ids":[1]}', '{"role_ids":["1",]}', '{"role_ids":["1"}', '{"role_ids":["1" ]}', "{}", "",
     '{"role_ids":["9223372036854775808"]}', '{"role_ids":["1","x"]}', '{"role_ids":["1""2"]}',
     '{"role_ids":["1"],"more":[]}', '{"role_ids":["1]}'],
)  # fmt: skip
def test_what_the_codec_would_not_have_written_is_left_to_it(text: str) -> None:
    usual = '{"role_ids":["3","44"]}'
    assert roles(usual, text, '{"role_ids":[]}', usual) == [(3, 44), None, (), (3, 44)]


@given(st.data(), st.lists(st.tuples(st.text(max_size=5), st.text(max_size=9)), max_size=12))
def test_what_is_taken_apart_is_what_numpy_takes(data: st.DataObject, texts: list[tuple[str, str]]) -> None:
    ids, said = ([one[i] for one in texts] for i in range(2))
    numbers = np.arange(len(texts))
    rest = Rest(rows=numbers, ids=Written.of(ids), versions=numbers, recorded_at=-numbers, texts=Written.of(said))
    which = np.array(data.draw(st.lists(st.sampled_from(range(len(texts))))) if texts else [], np.int64)
    found, wanted = taken_apart(rest, which, 2 * which), rest.taken(which, 2 * which).apart()
    assert found.kept() == wanted.kept()
    assert list(found.texts) == [said[i] for i in which.tolist()]
    assert len(found.texts.letters) == sum(len(said[i].encode()) for i in which.tolist())


KINDS = st.sampled_from([0, kinds.MESSAGE_SENT, kinds.SETTINGS, kinds.VOICE_LEFT, kinds.MEMBER_JOINED, 255])
ROW = st.tuples(KINDS, st.sampled_from([-2, ALONE, 0, 1, 3]), st.sampled_from([0, 7]))


@given(st.lists(ROW, max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_rows_get_their_args_and_are_sifted_as_numpy_does_it(rows: list[tuple[int, int, int]], a: int, b: int) -> None:
    kind, code, arg = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    short, numbers = (kind.astype(np.uint8), code.astype(np.int32)), np.array([10, 11, 12, 13])
    first, end = sorted((min(a, len(rows)), min(b, len(rows))))
    wanted, mine = arg.copy(), first + np.flatnonzero((code[first:end] >= 0) & (kind[first:end] != kinds.MESSAGE_SENT))
    wanted[mine] = numbers[code[mine]]
    argued(*short, arg, numbers, first, end)
    assert arg.tolist() == wanted.tolist()
    alone, rest = np.empty(end, np.int64), np.empty(end, np.int64)
    alones, rests, wrong = sifted(*short, arg, end, alone, rest)
    assert alone[:alones].tolist() == np.flatnonzero(code[:end] == ALONE).tolist()
    assert rest[:rests].tolist() == np.flatnonzero(HAS_REST[kind[:end]]).tolist()
    assert wrong == np.count_nonzero((kind[:end] == kinds.MESSAGE_SENT) & (arg[:end] == 0))
