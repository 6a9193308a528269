"""Processes that do one thing for the store."""

from __future__ import annotations

import subprocess
import sys

import pytest

from store.own_process import command

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
