"""The compiled kernel is made of the sources that are there, where it can be made."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from pathlib import Path
from threading import Event
from types import FunctionType
from typing import Any

import pytest

from tracker.projections import kernel, machine
from tracker.projections.kernel import compiled, exp, members, step, voice
from tracker.projections.machine import Machine


def test_another_source_is_another_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    before = compiled.MACHINE.version()
    assert compiled.MACHINE.version() == before

    def draw() -> int:
        return 7

    monkeypatch.setattr(exp.draw, "__code__", draw.__code__)
    assert compiled.MACHINE.version() != before


def test_what_is_compiled_is_kept_by_the_sources_and_where_one_is_told_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("numba")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    name = f"kernel-{compiled.MACHINE.version()}.o"
    assert compiled.MACHINE._file() == tmp_path / "tracker-kernel" / name
    assert not compiled.is_kept()
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    assert compiled.MACHINE._file() == tmp_path / "mine" / "tracker-kernel" / name


def test_the_kernel_counts_no_references_where_numba_can_do_without() -> None:
    pytest.importorskip("numba")
    from tracker.projections import machine_making

    made = machine_making.compiled(compiled.MACHINE)
    assert {one.targetoptions["_nrt"] for one in made.values()} == {False}


def test_without_numba_there_is_none_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(compiled, "find_spec", lambda name: None if name == "numba" else found(name))
    assert not compiled.can_compile()
    monkeypatch.setattr(machine, "find_spec", lambda _: None)
    machine._compiler.cache_clear()
    with pytest.raises(ImportError):
        Machine("nothing").ready()
    machine._compiler.cache_clear()


def test_every_function_of_the_kernel_is_compiled() -> None:
    parts = {path.stem for path in Path(compiled.__file__).parent.glob("*.py")} - {"__init__", "compiled"}
    modules = [import_module(f"{kernel.__name__}.{name}") for name in sorted(parts)]
    assert set(compiled.MACHINE.functions) == {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    }


def test_a_compiled_function_sees_the_numbers_of_its_own_module() -> None:
    """OPTED_OUT is a bit of a member's state in one module and a kind of event in another."""
    pytest.importorskip("numba")
    from tracker.projections import machine_making

    made = machine_making.compiled(compiled.MACHINE)
    cases: list[tuple[Any, Any, Any]] = [(step.run, step, step.step), (members.opted_out, members, voice.leave)]
    for function, module, called in cases:
        names = made[function].py_func.__globals__
        numbers = {name: value for name, value in vars(module).items() if isinstance(value, int)}
        assert {name: names[name] for name in numbers} == numbers
        assert names[called.__name__] is made[called]


@pytest.mark.usefixtures("kernel")  # kept on the disk by now
def test_the_kernel_is_made_ready_before_it_is_called() -> None:
    begun = Event()
    made = compiled.compiled_meanwhile(begun.set)
    assert begun.wait(60)
    with pytest.raises(TypeError, match="takes 9"):
        made.run()
    assert compiled.MACHINE._made is not None
