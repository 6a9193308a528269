"""What members are called is what the codec reads, whether or not it is asked."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import replay_names
from store.columns_rest import Written
from store.replay_names import Names
from tracker.events.codec import data_from_json, data_to_json
from tracker.events.member import MemberJoined, MemberRenamed

pytest.importorskip("numba")

NAMES = st.text(max_size=30) | st.sampled_from(
    [
        "",
        "\0",
        "a\0b",
        '"',
        "\\",
        '\\"}',
        "é",
        "한국어",
        "🎧",
        "a" * 70_000,
        "\x1f",
        "\x7f",
        " ",
        "}",
        '"}',
        "\ud7ff\ue000",
    ]
)
WRITERS = st.sampled_from(
    [
        lambda name: data_to_json(MemberJoined(name=name)),
        lambda name: data_to_json(MemberJoined(name=name, bot=True)),
        lambda name: data_to_json(MemberRenamed(name=name)),
        lambda name: json.dumps({"name": name}),
        lambda name: json.dumps({"name": name, "bot": False}, separators=(",", ":")),
        lambda name: json.dumps({"bot": True, "name": name}, ensure_ascii=False),
        lambda name: '{"name":"other","name":' + json.dumps(name) + "}",
        lambda _: "{}",
        lambda _: '{"bot":true}',
        lambda name: json.dumps({"name": name}, separators=(",", ":"), ensure_ascii=False) + " ",
    ]
)


def called(texts: list[str], *, fast: bool, cuts: tuple[int, ...] = ()) -> list[str]:
    """What members are called of each of whom such a text tells, in batches."""
    names, members = Names(fast=fast), np.arange(len(texts)) * 14 + 1000
    for part in np.split(np.arange(len(texts)), cuts):
        if len(part):
            names.hear(members[part], Written.of(["x" * 3, *texts]).taken(part + 1))
    return list(names.of(members))


@given(told=st.lists(st.tuples(WRITERS, NAMES), max_size=12), cut=st.integers(0, 12))
def test_names_are_those_that_the_codec_reads_however_they_are_written(told: list[tuple[Any, str]], cut: int) -> None:
    texts = [write(name) for write, name in told]
    wanted = [msgspec.json.decode(text).get("name", "") for text in texts]
    assert called(texts, fast=True, cuts=(min(cut, len(texts)),)) == wanted
    assert called(texts, fast=False) == wanted


@given(name=NAMES.filter(lambda name: "\0" not in name), bot=st.booleans())
def test_what_the_codec_writes_comes_back(name: str, bot: bool) -> None:
    for data in (MemberJoined(name=name, bot=bot), MemberRenamed(name=name)):
        text = data_to_json(data)
        assert called([text], fast=True) == [data_from_json(data.TYPE, 1, text).name]  # type: ignore[attr-defined]


def test_the_codec_is_asked_only_for_what_is_not_written_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    decoded = replay_names._decoded

    def asks(texts: Written) -> list[str]:
        asked.extend(texts)
        return decoded(texts)

    monkeypatch.setattr(replay_names, "_decoded", asks)
    texts = [data_to_json(MemberJoined(name=name)) for name in ("ann", "b\n", "", "한국 🎧")]
    texts += [data_to_json(MemberRenamed(name=name)) for name in ("ann", 'b"')]
    assert called(texts, fast=True) == ["ann", "b\n", "", "한국 🎧", "ann", 'b"']
    assert asked == [texts[1], texts[5]]


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("letters", [b"\xff", b"\xed\xa0\x80", b"\xc3"])
def test_bytes_that_are_no_text_are_refused(fast: bool, letters: bytes) -> None:
    names = Names(fast=fast)
    names.hear(np.array([1, 2]), Written.of([b'{"name":"' + letters + b'"}', b'{"name":"\xa9"}']))
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        names.of(np.array([1, 2]))


@pytest.mark.parametrize("fast", [False, True])
@given(
    told=st.lists(st.tuples(st.integers(1, 5), NAMES), max_size=20),
    cuts=st.sets(st.integers(0, 20)),
    later=st.lists(st.tuples(st.integers(1, 5), NAMES), max_size=3),
)
def test_members_are_called_what_was_said_last(
    fast: bool, told: list[tuple[int, str]], cuts: set[int], later: list[tuple[int, str]]
) -> None:
    names = Names(fast=fast)
    bounds = sorted({0, len(told), *(cut for cut in cuts if cut < len(told))})
    for first, end in pairwise(bounds):
        part = told[first:end]
        members = np.array([member for member, _ in part], np.int64)
        names.hear(members, Written.of(data_to_json(MemberRenamed(name=name)) for _, name in part))
    names.hear_names(np.array([member for member, _ in later], np.int64), [name for _, name in later])
    known = dict(told + later)
    asked = [*known, *reversed(known)]
    assert list(names.of(np.array(asked, np.int64))) == [known[member] for member in asked]
