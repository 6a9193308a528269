"""How a process that only does one thing is started soon, one that is kept for another thing, and one that compiles."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import import_module
from threading import Lock
from typing import Final, NoReturn

__all__ = ["FETCHING", "FOLDING", "WRITING", "Spare", "command", "compile_apart", "ended", "leave"]

FOLDING: Final = (
    "tracker.projections.kernel.compiled", "store.columns_places", "store.harvest_rows", "store.replay_order",
    "store.replay_tables", "store.shadow_sums",
)  # fmt: skip
"""The modules of which machine code is needed to fold: each has a MACHINE."""
FETCHING: Final = (
    "store.columns_fields", "store.columns_gather", "store.columns_by_partition", "store.columns_socket",
    "store.columns_libpq", "store.columns_lay",
)  # fmt: skip
"""As FOLDING, to read PostgreSQL's log. What reads SQLite's is a process of its own, and compiles for itself."""
WRITING: Final = (
    "store.pages_tree", "store.pages_sum", "store.shadow_native", "store.shadow_sha", "store.shadow_packed",
    "store.shadow_socket",
)  # fmt: skip
"""As FOLDING, to write rows and to read them again."""

_COMPILE: Final = (
    "import sys; from importlib import import_module; [import_module(n).MACHINE.ready() for n in sys.argv[1:]]"
)

_NOT_NEEDED: Final = ("cffi", "coverage")
"""What numba imports if it is installed, to be able to speak of its types or to be watched by it."""


def command(module: str) -> list[str]:
    """Runs `main` of this module. In what is imported no circles are looked for, which would take a quarter of the
    start; a tenth goes without what numba has no use for here.
    """
    return [
        sys.executable,
        "-c",
        f"import gc, sys; gc.disable(); [sys.modules.setdefault(name, None) for name in {_NOT_NEEDED}]; "
        f"from {module} import main; main()",
    ]


class Spare:
    """At most one process that has done what it was started for, and waits for something else to do.

    Coming up takes a process half a second of the processor's time. Use it in a `with`: a process that nobody took is
    ended then.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = Lock()

    def __enter__(self) -> Spare:
        return self

    def __exit__(self, *_: object) -> None:
        left = self.take()
        if left is not None:
            ended(left)

    def put(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the process, which waits on its standard input; if there is one already, end it."""
        with self._turn:
            if self._process is None:
                self._process = process
                return
        ended(process)

    def take(self) -> subprocess.Popen[bytes] | None:
        """The process, which is the caller's from now on; None: there is none."""
        with self._turn:
            taken, self._process = self._process, None
        return taken


def leave() -> NoReturn:
    """End this process, which has answered all it was asked: whoever asked waits for its end, and to take apart all
    that was imported would take it a quarter of a second.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def ended(process: subprocess.Popen[bytes]) -> None:
    """End a process that is needed no more."""
    process.kill()
    process.communicate()


def _are_missing(names: Sequence[str]) -> bool:
    """Whether any is still to be compiled, and somebody could: without a working numba nobody can."""
    try:
        return not all(import_module(name).MACHINE.is_kept() for name in names)
    except ImportError:
        return False


def compile_apart(*groups: Sequence[str]) -> None:
    """Have what these groups of modules need compiled and kept on the disk by a process for each group, unless it was
    before.

    Where that fails, nothing is kept; whoever needs it then compiles it, and hears what is wrong.
    """
    with ExitStack() as stack:
        for names in groups:
            if _are_missing(names):
                compiling = subprocess.Popen(
                    [sys.executable, "-c", _COMPILE, *names],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                stack.enter_context(compiling)  # which is waited for in the end
