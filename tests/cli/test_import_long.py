"""A gigabyte of messages, by the real command: its memory does not grow with the file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.support import tracker, tracker_process
from tests.imports.samples import START, chat, message, message_id, text_of

SIZE = 1 << 30
MEMORY = 300 << 20


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_gigabyte_is_imported_in_bounded_memory(tmp_path: Path) -> None:
    exported = tmp_path / "long.json"
    count = _write(exported)
    process = tracker_process("import", "--format", "discord-chat-exporter", exported, "--database", tmp_path / "t.db")
    out, err = process.stdout, process.stderr
    _, status, used = os.wait4(process.pid, 0)
    assert out is not None
    assert err is not None
    said = out.read()
    assert (os.waitstatus_to_exitcode(status), err.read()) == (0, "")
    assert said == f"{count + 51:,} new, 0 already there, 0 passed over, 0 refused, 1 guild rebuilt\n"
    assert used.ru_maxrss * 1024 < MEMORY, f"{used.ru_maxrss / 1024:.0f} MiB"
    exported.unlink()
    assert tracker("check", "--database", tmp_path / "t.db").code == 0
    shutil.rmtree(tmp_path)


def _write(path: Path) -> int:
    """A file of a channel in which 50 people write a long message each minute; gives how many messages it has."""
    begin, end = text_of(chat([0])).split(b"\n    0\n")
    ids, authors = str(message_id()).encode(), b'"id": "20"'
    one = text_of(message(content="안녕 " * 700))
    count = 0
    with path.open("wb") as file:
        file.write(begin)
        while file.tell() < SIZE:
            told = one.replace(ids, str(message_id(START - count * 60_000)).encode())
            file.write(b"," * (count > 0) + told.replace(authors, b'"id": "%d"' % (count % 50 + 1000)))
            count += 1
        file.write(end)
    return count
