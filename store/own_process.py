"""How a process that only does one thing is started soon."""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["command"]

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
