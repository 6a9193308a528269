"""Processes that do one thing for the store."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from store import own_process, replay_kernel
from store.own_process import Spare, command
from tracker.projections.kernel.compiled import Compiled
from tracker.projections.machine import Machine

SAYS = "def main(): import sys, gc; print(gc.isenabled(), sys.modules.get('cffi'), 'numba' in sys.modules)"


def test_a_modules_main_is_run_without_what_takes_long_and_is_not_used(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("there")
    (folder / "one_thing.py").write_text(SAYS)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    answer = subprocess.run(command("one_thing"), capture_output=True, text=True, check=True)
    assert answer.stdout == "False None False\n"
    assert command("one_thing")[0] == sys.executable


def test_numba_works_without_it(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    folder = tmp_path_factory.mktemp("there")
    (folder / "compiling.py").write_text(
        "def main():\n import numba, numpy, sys\n"
        " print(numba.njit(lambda m: m.sum())(numpy.arange(5)), 'cffi.api' in sys.modules)"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    answer = subprocess.run(command("compiling"), capture_output=True, text=True, check=True)
    assert answer.stdout == "10 False\n"


@pytest.mark.parametrize("is_kept", [False, True])
def test_the_kernel_is_compiled_by_another_process_unless_it_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    """What compiling takes is not given back, and who folds may not be so big."""
    done = tmp_path / "compiled"
    monkeypatch.setattr(own_process, "_COMPILE", f"import sys; open({str(done)!r} + sys.argv[1], 'w')")
    monkeypatch.setattr(own_process, "_are_missing", lambda names: not is_kept and names != ("c",))
    own_process.compile_apart(("a",), ("b", "c"), ("c",))
    assert {path.name for path in tmp_path.iterdir()} == (set() if is_kept else {"compileda", "compiledb"})


def test_where_numba_does_not_work_nothing_is_started_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Machine) -> bool:
        raise ImportError("a part of numba is missing")

    monkeypatch.setattr(Machine, "is_kept", broken)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("nobody can compile"))
    own_process.compile_apart(own_process.FETCHING)


def test_all_that_is_to_be_kept_as_machine_code_can_be(kernel: Compiled) -> None:
    """A function that raises something, say, would be compiled anew by each process, without anybody noticing."""
    del kernel
    by_themselves = ("store.columns_scan",)
    for name in (*own_process.FOLDING, *own_process.FETCHING, *own_process.WRITING, *by_themselves):
        machine = import_module(name).MACHINE
        machine.ready()
        assert machine.is_kept(), name


def test_whoever_needs_the_kernel_has_it_compiled_by_another_process_first(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def compiled() -> Compiled:
        order.append("here")
        return Compiled(run=lambda *_: 7, advance=lambda *_: True)

    monkeypatch.setattr(replay_kernel, "can_compile", lambda: True)
    monkeypatch.setattr(replay_kernel, "compile_apart", lambda *groups: order.append(f"apart {len(groups)}"))
    monkeypatch.setattr("tracker.projections.kernel.compiled.compiled", compiled)
    kernel = replay_kernel.kernel_for(replay_kernel.WORTH_COMPILING, writes=True)
    assert kernel is not None
    assert kernel.run() == 7
    assert order == ["apart 2", "here"]


def waiting() -> subprocess.Popen[bytes]:
    """A process that waits on its standard input."""
    return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)


def test_one_process_is_kept_for_something_else_and_ended_if_nobody_takes_it() -> None:
    with Spare() as spare:
        assert spare.take() is None
        first, second = waiting(), waiting()
        spare.put(first)
        spare.put(second)
        assert second.poll() is not None
        assert first.poll() is None
        assert spare.take() is first
        assert spare.take() is None
        spare.put(first)
    assert first.poll() is not None
