"""How a process that only does one thing is started soon, and one that compiles."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from tracker.projections.kernel.compiled import is_kept

__all__ = ["command", "compile_apart"]

_COMPILE: Final = "from tracker.projections.kernel.compiled import compiled; compiled()"

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


def compile_apart() -> None:
    """Have the kernel compiled and kept on the disk by another process, unless it was on this machine before.

    Where that fails, nothing is kept; whoever needs the kernel then compiles it, and hears what is wrong.
    """
    if not is_kept():
        subprocess.run(
            [sys.executable, "-c", _COMPILE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
