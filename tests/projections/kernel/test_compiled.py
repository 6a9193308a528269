"""The compiled kernel is made of the sources that are there, where it can be made."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from threading import Event
from types import FunctionType

import pytest

from tracker.projections import machine
from tracker.projections.kernel import compiled, members, step
from tracker.projections.machine import Machine


def test_another_source_is_another_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    before, read = compiled.MACHINE.version(), Path.read_bytes
    assert compiled.MACHINE.version() == before
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"# more" * (path.name == "exp.py"))
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


def test_every_function_of_the_kernel_has_a_name_of_its_own_and_no_module_is_left_out() -> None:
    """The compiled functions share their names; their numbers, each module's own."""
    names = [
        name
        for module in compiled._MODULES
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    ]
    assert len(names) == len(set(names))
    assert compiled.MACHINE.functions.keys() == set(names)
    parts = {path.stem for path in Path(compiled.__file__).parent.glob("*.py")}
    assert parts - {"__init__", "compiled"} == {module.__name__.rpartition(".")[2] for module in compiled._MODULES}


def test_a_compiled_function_sees_the_numbers_of_its_own_module() -> None:
    """OPTED_OUT is a bit of a member's state in one module and a kind of event in another."""
    pytest.importorskip("numba")
    from tracker.projections import machine_making

    made = machine_making.compiled(compiled.MACHINE)
    for name, module in (("run", step), ("opted_out", members)):
        names = made[name].py_func.__globals__
        numbers = {name: value for name, value in vars(module).items() if isinstance(value, int)}
        assert {name: names[name] for name in numbers} == numbers
        assert names["run" if name == "run" else "leave"] is made["run" if name == "run" else "leave"]


@pytest.mark.usefixtures("kernel")  # kept on the disk by now
def test_the_kernel_is_there_before_it_is_called_and_what_else_is_to_be_made_ready_comes_behind_it() -> None:
    order: list[str] = []
    ended = Event()

    def then() -> None:
        order.append("then")
        ended.set()

    compiled.compiled_meanwhile(lambda: order.append("before"), then)
    assert ended.wait(60)
    assert order == ["before", "then"]
    assert compiled.MACHINE._made is not None
