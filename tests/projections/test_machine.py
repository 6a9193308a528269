"""Functions as machine code: kept on the disk, run without numba, and the same as they stand."""

from __future__ import annotations

import subprocess
import sys
from ctypes import ArgumentError
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tracker.projections import machine
from tracker.projections.machine import Machine

pytestmark = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")

FACTOR: Final = 3
CALLS: Final = """
import sys
import numpy as np
from tests.projections import test_machine as made
found = made.added(np.arange(5), 7), made.both(np.arange(6).reshape(2, 3), np.zeros(1, bool))
print(found, "numba" in sys.modules)
"""


MACHINE: Final = Machine(__name__)


@MACHINE.part
def times(value: Any) -> Any:
    return value * FACTOR


@MACHINE.entry("int64[::1]", "int64", results=1)
def added(numbers: Any, more: int) -> Any:
    total = more
    for i in range(len(numbers)):
        total += times(numbers[i])
    return total


@MACHINE.entry("int64[:,::1]", "boolean[::1]", results=2)
def both(matrix: Any, seen: Any) -> Any:
    seen[0] = True
    return matrix[1, 0], matrix.shape[1]


@MACHINE.entry("int64[::1]")
def doubled(numbers: Any) -> None:
    for i in range(len(numbers)):
        numbers[i] *= 2


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing is kept yet."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(MACHINE, "_made", None)
    return tmp_path / "tracker-kernel"


def test_numbers_arrays_and_several_results_go_in_and_out(place: Path) -> None:
    assert MACHINE.is_kept() is False
    run = MACHINE.ready()
    numbers, seen = np.arange(4), np.zeros(3, bool)
    assert run["added"](numbers, -5) == -5 + FACTOR * 6
    assert run["both"](np.array([[1, 2, 3], [-4, 5, 6]]), seen) == (-4, 3)
    assert seen.tolist() == [True, False, False]
    assert run["doubled"](numbers) == 0
    assert numbers.tolist() == [0, 2, 4, 6]
    assert run["added"](np.zeros(0, np.int64), 1) == 1
    assert run["added"](np.frombuffer(bytes(8), np.int64), 2) == 2  # not to be written
    assert MACHINE.is_kept()
    assert [path.suffix for path in place.iterdir()] == [".o"]


def test_what_is_kept_runs_without_numba(place: Path) -> None:
    MACHINE.ready()
    answer = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, check=True)
    assert answer.stdout == "(37, (3, 3)) False\n"


@pytest.mark.parametrize("spoilt", [b"", b"short", None])
def test_what_is_not_as_it_was_written_is_made_anew(
    place: Path, spoilt: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    MACHINE.ready()
    [file] = place.iterdir()
    good = file.read_bytes()
    file.write_bytes(good[:-9] + b"x" + good[-8:] if spoilt is None else spoilt)
    monkeypatch.setattr(MACHINE, "_made", None)
    assert MACHINE._kept() is None
    assert MACHINE.ready()["added"](np.arange(2), 0) == FACTOR
    assert MACHINE._kept() is not None


@pytest.mark.parametrize(
    "given",
    [
        (np.arange(4),),
        (np.arange(4, dtype=np.int32), 0),
        (np.arange(8)[::2], 0),
        (np.arange(4).reshape(2, 2), 0),
        ([1, 2], 0),
        (np.arange(4), 0.5),
    ],
)
def test_what_it_does_not_take_is_refused_and_not_read_as_something_else(given: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, ArgumentError)):
        added(*given)


def test_another_number_of_another_module_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """numba compiles in what the names of numbers say, wherever those come from."""
    before = MACHINE.version()
    monkeypatch.setitem(times.__globals__, "FACTOR", 4)
    assert MACHINE.version() != before


def test_another_processor_and_another_numba_are_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = MACHINE.version()
    monkeypatch.setattr(machine, "_compiler", lambda: ("another",))
    assert MACHINE.version() != before


def test_a_function_that_needs_more_than_the_processor_is_not_kept_and_is_run_by_numba(place: Path) -> None:
    """What it calls would not be there without numba: here, what raises an error."""
    here = Machine("needy")

    def raising(step: int) -> int:
        return len(range(0, 10, step))

    entry = here.entry("int64", results=1)(raising)
    assert entry(3) == 4
    with pytest.raises(ValueError, match="zero"):
        entry(0)
    assert not here.is_kept()
    assert not place.exists()


def test_a_numba_of_which_no_object_file_can_be_had_runs_them_itself(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Library:
        """Without what is not part of numba's interface."""

    class Entry:
        _library = Library()

    monkeypatch.setattr("tracker.projections.machine_making._entry", lambda *_: Entry())
    assert MACHINE.ready()["added"](np.arange(2), 0) == FACTOR
    assert not place.exists()


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(MACHINE, "_made", None)
    assert MACHINE.ready()["added"](np.arange(2), 0) == FACTOR
