"""The compiled kernel is made of the sources that are there, where it can be made."""

from __future__ import annotations

import importlib.util
from inspect import getsource
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from tracker.projections import uncounted
from tracker.projections.kernel import compiled, exp, members, step


def test_another_source_is_another_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiled._version()
    assert compiled._version() == before
    monkeypatch.setattr(compiled, "getsource", lambda module: getsource(module) + "# more\n" * (module is exp))
    assert compiled._version() != before


def test_what_is_compiled_is_kept_by_the_sources_and_where_one_is_told_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Config:
        CACHE_DIR = ""

    numba: Any = ModuleType("numba")
    numba.config = Config()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled._keep_under(numba, "abc")
    assert str(tmp_path / "tracker-kernel" / "abc") == numba.config.CACHE_DIR
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    compiled._keep_under(numba, "abc")
    assert str(tmp_path / "mine" / "tracker-kernel" / "abc") == numba.config.CACHE_DIR


def test_the_kernel_counts_no_references_where_numba_can_do_without() -> None:
    pytest.importorskip("numba")
    made: Any = compiled.compiled().run
    assert made.targetoptions["_nrt"] is False


def test_the_compiled_kernel_is_another_one_when_it_is_compiled_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiled._version()
    monkeypatch.setattr(compiled, "getsource", lambda module: getsource(module) + "# more\n" * (module is uncounted))
    assert compiled._version() != before


def test_without_numba_there_is_none_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(compiled, "find_spec", lambda name: None if name == "numba" else found(name))
    assert not compiled.can_compile()


def test_every_function_of_the_kernel_has_a_name_of_its_own_and_no_module_is_left_out() -> None:
    """The compiled functions share their names; their numbers, each module's own."""
    names = [
        name
        for module in compiled._MODULES
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    ]
    assert len(names) == len(set(names))
    parts = {path.stem for path in Path(compiled.__file__).parent.glob("*.py")}
    assert parts - {"__init__", "compiled"} == {module.__name__.rpartition(".")[2] for module in compiled._MODULES}


def test_a_compiled_function_sees_the_numbers_of_its_own_module(kernel: compiled.Compiled) -> None:
    """OPTED_OUT is a bit of a member's state in one module and a kind of event in another."""
    run: Any = kernel.run
    opted_out: Any = run.py_func.__globals__["opted_out"]
    for function, module in ((run, step), (opted_out, members)):
        names = function.py_func.__globals__
        numbers = {name: value for name, value in vars(module).items() if isinstance(value, int)}
        assert {name: names[name] for name in numbers} == numbers


@pytest.mark.usefixtures("kernel")  # kept on the disk by now
def test_it_is_compiled_before_it_is_called() -> None:
    """At the first call, what is left of compiling might hold on to a heap, which then could not grow."""
    assert [len(entry.signatures) for entry in compiled.compiled.__wrapped__()] == [1, 1]  # type: ignore[attr-defined]
