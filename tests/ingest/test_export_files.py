"""An export as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker.ingest.export_files import write_export


def entries(count: int, size: int = 40) -> Iterator[tuple[str, str]]:
    for number in range(count):
        yield "rows" if number < count // 2 else "events", json.dumps({"n": number, "fill": "가" * size})


def test_nothing_gives_no_file(tmp_path: Path) -> None:
    found = write_export([], tmp_path, {})
    assert (found.files, found.counts, found.complete) == ((), {}, True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("most", [400, 1_000, 5_000, 1_000_000])
def test_every_file_is_json_within_the_size_and_together_they_hold_everything_in_order(
    tmp_path: Path, most: int
) -> None:
    found = write_export(entries(50), tmp_path, {"user_id": "1"}, most_bytes=most, most_files=99)
    parts = [json.loads(file.read_bytes()) for file in found.files]
    assert [part["about"] for part in parts] == [{"user_id": "1", "file": n + 1} for n in range(len(parts))]
    assert all(file.stat().st_size <= most for file in found.files)
    numbers = [entry["n"] for part in parts for kind in ("rows", "events") for entry in part.get(kind, [])]
    assert numbers == list(range(50))
    assert (found.counts, found.complete) == ({"rows": 25, "events": 25}, True)
    assert (len(parts) == 1) is (most == 1_000_000)


def test_too_much_for_a_chat_is_cut_off_and_said_so(tmp_path: Path) -> None:
    found = write_export(entries(50), tmp_path, {}, most_bytes=400, most_files=3)
    assert (len(found.files), found.complete) == (3, False)
    assert sum(found.counts.values()) < 50
    assert all(json.loads(file.read_bytes()) for file in found.files)


def test_what_goes_wrong_on_the_way_leaves_no_file_open(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, str]]:
        yield from entries(2)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_export(broken(), tmp_path, {})
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_bytes())["rows"]
