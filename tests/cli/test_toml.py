"""Settings documents survive the way through TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.cli.toml import read_document, to_toml
from tracker.errors import ConfigError

text = st.text(st.characters(codec="utf-8"), max_size=8)
scalars = st.one_of(st.booleans(), st.integers(-(1 << 60), 1 << 60), text)
documents = st.recursive(
    st.dictionaries(text, scalars, max_size=3),
    lambda inner: st.dictionaries(
        text, st.one_of(scalars, inner, st.lists(scalars, max_size=3), st.lists(inner, max_size=2)), max_size=3
    ),
    max_leaves=8,
)


@given(documents)
def test_what_is_written_reads_back_the_same(document: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(document)) == document


def test_null_is_left_out() -> None:
    assert to_toml({"a": None, "b": 1, "c": {"d": None}}) == "b = 1\n\n[c]\n"


def test_dates_and_times_become_text(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        "[multipliers]\nwindows = [{percent = 200, from = 2026-03-07T00:00:00+09:00}]\n"
        "[[reports]]\nat = 09:30:00\non = 2026-03-07\n",
        encoding="utf-8",
    )
    assert read_document(file) == {
        "multipliers": {"windows": [{"percent": 200, "from": "2026-03-07T00:00:00+09:00"}]},
        "reports": [{"at": "09:30", "on": "2026-03-07"}],
    }


def test_a_json_file_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"timezone": "Asia/Seoul"}', encoding="utf-8")
    assert read_document(file) == {"timezone": "Asia/Seoul"}


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.toml", b"a = 1\nb = x\n", "line 2"),
        ("a.toml", b"\xff\xfe", "UTF-8"),
        ("a.json", b"[1]", "must be an object"),
        ("a.json", b"[" * 100_000, "recursion"),
        ("a.json", b"{", "line 1"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"(?s){name}: .*{problem}"):
        read_document(file)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml: No such file"):
        read_document(tmp_path / "no.toml")
