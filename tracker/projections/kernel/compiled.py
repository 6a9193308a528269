"""The kernel compiled: the very functions of its modules, given to numba.

Nothing is written twice. The functions are taken as they stand, and their names are bound to each other's compiled
forms; what the interpreter runs live and what runs here differ in nothing but speed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from inspect import getsource
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from tracker.projections.kernel import activity, exp, layout, members, rows, step, voice

__all__ = ["Compiled", "can_compile", "compiled"]

_MODULES: Final = (layout, rows, exp, voice, activity, members, step)
_ENTRIES: Final = ("run", "advance")


class Compiled(NamedTuple):
    """The kernel's ways in. Their arguments are those of the functions of the same names, the heap and the columns
    numpy's arrays."""

    run: Callable[..., int]
    advance: Callable[..., bool]


def can_compile() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


@cache
def compiled() -> Compiled:
    """Compile, or take what was compiled before out of the cache on the disk. Raises ImportError without numba."""
    import numba

    _keep_under(numba, _version())
    names: dict[str, Any] = {"__name__": __name__, "__builtins__": __builtins__}
    functions: dict[str, FunctionType] = {}
    for module in _MODULES:
        for name, value in vars(module).items():
            if isinstance(value, int):
                names[name] = value
            elif isinstance(value, FunctionType) and value.__module__ == module.__name__:
                functions[name] = value
    for name, function in functions.items():
        bound = FunctionType(function.__code__, names, name, function.__defaults__)
        bound.__qualname__ = name
        names[name] = numba.njit(nogil=True, cache=name in _ENTRIES)(bound)
    return Compiled(**{name: names[name] for name in _ENTRIES})


def _version() -> str:
    """Changes with the sources: numba's own cache looks at one file only, and forgets what is called from it."""
    sources: list[ModuleType] = list(_MODULES)
    return blake2b("".join(getsource(module) for module in sources).encode(), digest_size=8).hexdigest()


def _keep_under(numba: ModuleType, version: str) -> None:
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    numba.config.CACHE_DIR = str(Path(base) / "tracker-kernel" / version)
