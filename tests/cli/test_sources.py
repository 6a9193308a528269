"""The files that a command reads: plain or packed, folders, stdin; each can be read as often as needed."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from pathlib import Path

import pytest

from tracker.cli.sources import STDIN, Source, sources
from tracker.errors import ConfigError, EventFormatError


def nothing(_: int) -> None:
    return None


def content(source: Source) -> bytes:
    with source.opened(nothing) as file:
        return file.read()


def test_a_file_is_read_as_it_is_and_again() -> None:
    here = Path(__file__)
    with sources([here], suffixes=(".x",)) as (source,):
        assert (source.size, source.label) == (here.stat().st_size, "")
        assert content(source) == content(source) == here.read_bytes()


def test_a_gzip_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    packed, plain = tmp_path / "a.jsonl", tmp_path / "b.gz"
    packed.write_bytes(gzip.compress(b"first\n") + gzip.compress(b"second\n"))  # two members in one file are one text
    plain.write_bytes(b"third\n")
    with sources([packed, plain], suffixes=()) as found:
        assert [content(source) for source in found] == [b"first\nsecond\n", b"third\n"]
        assert [source.label for source in found] == [f"{packed}: ", f"{plain}: "]
        with found[0].opened(nothing) as file:
            assert file.readline() == b"first\n"
            file.seek(0)
            assert file.read() == b"first\nsecond\n"


@pytest.mark.parametrize("length", [3, 12, 40, -1])
def test_a_gzip_file_that_is_cut_off_or_damaged_says_so(tmp_path: Path, length: int) -> None:
    packed = gzip.compress(os.urandom(2000))
    (tmp_path / "a.gz").write_bytes(packed[:length])
    with (
        sources([tmp_path / "a.gz"], suffixes=()) as (source,),
        pytest.raises(EventFormatError, match=r"^the gzip file is damaged or cut off"),
    ):
        content(source)


def test_the_bytes_that_are_told_of_are_those_that_are_stored(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x" * 3_000_000))
    moved: list[int] = []
    with sources([tmp_path / "a.gz"], suffixes=()) as (source,), source.opened(moved.append) as file:
        file.read()
        assert sum(moved) == source.size


def test_a_folder_is_read_deep_down_by_name_and_by_ending(tmp_path: Path) -> None:
    for name in ("b.json", "a/z.JSON.gz", "a/c.json", "a/notes.txt", "jsonl"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"{}")
    with sources([tmp_path], suffixes=(".json",)) as found:
        assert [str(s.path.relative_to(tmp_path)) for s in found] == ["a/c.json", "a/z.JSON.gz", "b.json"]


def test_a_folder_without_such_files_and_a_file_that_is_not_there_are_named(tmp_path: Path) -> None:
    for path, problem in ((tmp_path, "no file in this folder ends in .json"), (tmp_path / "no", "No such file")):
        with pytest.raises(ConfigError, match=problem), sources([path], suffixes=(".json",)):
            pass


def test_stdin_and_pipes_are_read_twice_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.TextIOWrapper(io.BytesIO(gzip.compress(b"said\n")))
    monkeypatch.setattr(sys, "stdin", given)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"piped\n",))
    writer.start()
    with sources([STDIN, pipe], suffixes=()) as found:
        writer.join()
        assert [content(source) for source in found] == [content(source) for source in found] == [b"said\n", b"piped\n"]
