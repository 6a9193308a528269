"""A file of events is read line by line; every bad line is refused by its number."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.cli.intake import Lines, Refusals, Survey, events_in, lines_in
from tracker.cli.sources import sources
from tracker.errors import EventFormatError
from tracker.events.exchange import MAX_LINE

GOOD = (
    b'{"id":"%s","type":"voice.joined","guild_id":"10","user_id":"20","channel_id":"30",'
    b'"occurred_at":"2026-02-18T06:16:52.000Z","data":{"flags":[],"reason":"gateway"}}'
)


def good(name: str) -> bytes:
    return GOOD % name.encode()


def nothing(_: int) -> None:
    return None


def surveyed(folder: Path, content: bytes) -> Survey:
    (folder / "e.jsonl").write_bytes(content)
    with sources([folder / "e.jsonl"], suffixes=(".jsonl",)) as files:
        return Lines().survey(files, nothing)


def test_good_lines_become_events_whatever_the_line_ends_and_empty_lines() -> None:
    file = io.BytesIO(b"\xef\xbb\xbf" + good("a") + b"\r\n\n  \n" + good("b") + b"\n" + good("c"))
    refusals = Refusals()
    assert [(n, e.id) for n, e in events_in(file, refusals.add)] == [(1, "a"), (4, "b"), (5, "c")]
    assert refusals.count == 0


def test_bad_lines_are_named_by_their_number_in_the_file() -> None:
    file = io.BytesIO(good("a") + b"\n\n{}\n" + good("b") + b"\nnonsense\n")
    refusals = Refusals()
    assert [e.id for _, e in events_in(file, refusals.add)] == ["a", "b"]
    assert refusals.count == 2
    assert [text.partition(":")[0] for text in refusals.first] == ["line 3", "line 5"]


def test_a_file_with_a_bad_line_is_refused_whole_with_the_first_one_in_full(tmp_path: Path) -> None:
    found = surveyed(tmp_path, good("a") + b"\n{}\n{}\n{}\n")
    with pytest.raises(EventFormatError, match=r"^line 2: type is missing \(and 2 more bad lines\); nothing"):
        found.refusals.raise_if_any("line")
    with pytest.raises(EventFormatError, match=r"^line 1: type is missing; nothing was imported"):
        surveyed(tmp_path, b"{}\n").refusals.raise_if_any("line")
    assert found.guilds == {10}
    surveyed(tmp_path, good("a") + b"\n" + good("b")).refusals.raise_if_any("line")


def test_a_line_without_end_takes_no_memory_and_is_refused() -> None:
    file = io.BytesIO(good("a") + b"\n" + b"[" * (3 * MAX_LINE) + b"\n" + good("b"))
    lines = list(lines_in(file))
    assert [number for number, _ in lines] == [1, 2, 3]
    assert len(lines[1][1]) <= MAX_LINE + 2
    refusals = Refusals()
    file.seek(0)
    assert [e.id for _, e in events_in(file, refusals.add)] == ["a", "b"]
    assert refusals.first == [f"line 2: longer than {MAX_LINE} bytes"]


@given(st.binary(max_size=200))
def test_no_bytes_whatever_do_more_than_be_refused(content: bytes) -> None:
    refusals = Refusals()
    assert list(events_in(io.BytesIO(content), refusals.add)) == []
    assert refusals.count == sum(1 for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip())
