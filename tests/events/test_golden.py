"""What was once written can be read for ever: `tests/golden/<type>.v<version>.jsonl` is never changed or removed.

Each file holds pairs of lines: the `data` text as the log stores it, and the whole event in exchange format.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from tracker.events.codec import DATA_TYPES, data_from_json, data_to_json
from tracker.events.exchange import from_line, to_line

GOLDEN = Path(__file__).parent.parent / "golden"
EXPECTED = {f"{name}.v{v}.jsonl" for name, cls in DATA_TYPES.items() for v in range(1, cls.VERSION + 1)}


def test_there_is_one_golden_file_for_each_type_and_version_and_no_other() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_golden_events_are_read_and_written_as_ever(name: str) -> None:
    kind, _, version = name.removesuffix(".jsonl").rpartition(".v")
    lines = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
    assert lines
    assert len(lines) % 2 == 0
    for number, (stored, line) in zip(count(1, 2), zip(lines[::2], lines[1::2], strict=True), strict=False):
        data = data_from_json(kind, int(version), stored)
        event = from_line(line, number=number + 1)
        assert event.data == data
        assert type(data) is DATA_TYPES[kind]
        if int(version) == data.VERSION:
            assert data_to_json(data) == stored
            assert to_line(event) == line
