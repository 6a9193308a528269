"""Functions as machine code: kept on the disk, run without numba, and the same as they stand."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from ctypes import ArgumentError
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from store.columns_bytes import byte
from tracker.projections import machine
from tracker.projections.machine import Called, Machine

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
ANOTHER: Final = Machine("another")
ELSEWHERE: Final = np.array([4, 5], np.uint8)
ELSEWHERE_TOO: Final = np.arange(2)
_move: Final = Called("none", ("intp", "intp", "intp"))
MOVE: Final = ctypes.cast(ctypes.memmove, ctypes.c_void_p).value


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


@MACHINE.entry("int64", "int64", results=1)
def more_than(least: int, value: int) -> Any:
    """Calls one of another module, by a name that one of its own has, too, and an entry of another machine."""
    return np.int64(value) * byte(ELSEWHERE, 0) + added_elsewhere(ELSEWHERE_TOO, least)


@ANOTHER.entry("int64[::1]", "int64", results=1)
def added_elsewhere(numbers: Any, more: int) -> Any:
    return times(more) + len(numbers)


@MACHINE.entry("int64", "uint8[::1]", "int64", "int64", results=1)
def moved(move: int, there: Any, place: int, size: int) -> Any:
    before = there[0]
    _move(move, place, place + 1, size)
    return before


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing is kept yet."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for made in (MACHINE, ANOTHER):
        monkeypatch.setattr(made, "_made", None)
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
    ANOTHER.ready()
    [file] = place.iterdir()
    good = file.read_bytes()
    file.write_bytes(good[:-9] + b"x" + good[-8:] if spoilt is None else spoilt)
    monkeypatch.setattr(ANOTHER, "_made", None)
    assert ANOTHER._kept() is None
    assert ANOTHER.ready()["added_elsewhere"](np.arange(2), 1) == FACTOR + 2
    assert ANOTHER._kept() is not None


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


def test_what_is_called_by_name_is_compiled_too_wherever_it_is_from(place: Path) -> None:
    assert more_than(10, 3) == 3 * 4 + FACTOR * 10 + 2
    assert {one.__name__ for one in ANOTHER.functions} == {"added_elsewhere", "times"}
    assert byte in MACHINE.functions
    assert len(list(place.iterdir())) == 1  # what it called of the other machine is a part of it


def test_another_function_of_another_module_is_another_version_of_all_that_call_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is in between; what does not call it stays as it is."""
    before, other = MACHINE.version(), ANOTHER.version()

    def signed(m: Any, at: int) -> Any:
        """The byte at `at`."""
        return np.int64(np.int8(m[at]))

    monkeypatch.setattr(byte, "__code__", signed.__code__)
    assert MACHINE.version() != before
    assert ANOTHER.version() == other


def test_another_array_that_is_compiled_in_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = MACHINE.version()
    monkeypatch.setitem(more_than.function.__globals__, "ELSEWHERE", np.array([4, 6], np.uint8))
    assert MACHINE.version() != before


def test_another_word_about_a_function_is_no_other_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(value: Any) -> Any:
        """One word."""
        return value * FACTOR

    def other(value: Any) -> Any:
        """Another word.

        And more.
        """
        return value * FACTOR

    versions = set()
    for function in (one, other):
        monkeypatch.setattr(times, "__code__", function.__code__)
        monkeypatch.setattr(times, "__doc__", function.__doc__)
        versions.add(MACHINE.version())
    assert len(versions) == 1


def test_a_function_of_a_library_is_called_by_its_address(place: Path) -> None:
    assert MOVE is not None
    there = np.array([1, 2, 3, 4], np.uint8)
    assert moved(MOVE, there, there.ctypes.data, 2) == 1
    assert there.tolist() == [2, 3, 3, 4]
    assert moved.function(MOVE, there, there.ctypes.data, 3) == 2  # as the interpreter runs it
    assert there.tolist() == [3, 3, 4, 4]
    assert MACHINE.is_kept()
    assert place.exists()
    assert Called("int32", ("int32",))(ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p).value or 0, -7) == 7


def test_whether_it_is_to_be_had_is_known_before(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MACHINE.is_to_be_had()
    monkeypatch.setitem(sys.modules, "numba", None)  # which is broken
    assert not MACHINE.is_to_be_had()
    monkeypatch.delitem(sys.modules, "numba")
    MACHINE.ready()
    assert place.exists()
    monkeypatch.setitem(sys.modules, "numba", None)
    assert MACHINE.is_to_be_had()


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


def test_a_numba_that_always_counts_references_compiles_them_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option by which it need not is none that numba documents."""
    from numba.core.cpu import CPUTargetOptions
    from numba.core.options import DefaultOptions

    (having,) = (owner for owner in CPUTargetOptions.__mro__ if "_nrt" in vars(owner))
    for owner in (DefaultOptions, having):
        monkeypatch.delattr(owner, "_nrt")
    numbers = np.arange(4)
    run = MACHINE.ready()
    assert run["added"](numbers, -5) == -5 + FACTOR * 6
    run["doubled"](numbers)
    assert numbers.tolist() == [0, 2, 4, 6]
