"""The kernel compiled: the very functions of its modules, given to numba.

Nothing is written twice. The functions are taken as they stand, and their names are bound to each other's compiled
forms; what the interpreter runs live and what runs here differ in nothing but speed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from inspect import getsource
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from tracker.events import kinds
from tracker.projections import uncounted
from tracker.projections.kernel import activity, exp, layout, members, rows, settling, step, voice

__all__ = ["Compiled", "can_compile", "compiled", "compiled_meanwhile", "is_kept"]

_MODULES: Final = (layout, rows, exp, settling, voice, activity, members, step)
_HEAP: Final = "int64[::1]"
_COLUMN: Final = "int64[::1]"
_ENTRIES: Final = {
    "run": (_HEAP, "uint8[::1]", *[_COLUMN] * 5, "int64", "int64"),
    "advance": (_HEAP, "int64", "int64"),
}
"""What is called from outside, and with what."""


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
    made: dict[str, Any] = {}
    spaces: list[dict[str, Any]] = []
    for module in _MODULES:  # each with its own numbers: one name may mean something else in another
        space: dict[str, Any] = {"__name__": __name__, "__builtins__": __builtins__}
        space |= {name: value for name, value in vars(module).items() if isinstance(value, int)}
        spaces.append(space)
        for name, function in vars(module).items():
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                bound = FunctionType(function.__code__, space, name, function.__defaults__)
                bound.__qualname__ = name
                made[name] = numba.njit(cache=name in _ENTRIES, **uncounted.options())(bound)
    for space in spaces:
        space |= made
    for name, types in _ENTRIES.items():  # now: at the first call, what is left of compiling would hold on to the heap
        made[name].compile(f"({', '.join(types)})")
    return Compiled(**{name: made[name] for name in _ENTRIES})


def compiled_meanwhile(before: Callable[[], None]) -> Compiled:
    """As `compiled`, in a thread of its own: the first call waits for it, and raises what went wrong.

    `before`: what that thread does first.
    """

    def make() -> Compiled:
        before()
        return compiled()

    pool = ThreadPoolExecutor(1, thread_name_prefix="compile")
    made = pool.submit(make)
    pool.shutdown(wait=False)

    def later(name: str) -> Callable[..., Any]:
        return lambda *arguments: getattr(made.result(), name)(*arguments)

    return Compiled(**{name: later(name) for name in _ENTRIES})


def is_kept() -> bool:
    """Whether it was compiled on this machine before: the first time takes up to half a minute."""
    return any((_place() / _version()).rglob("*.nbc"))


def _version() -> str:
    """Changes with the sources: numba's own cache looks at one file only, and forgets what is called from it."""
    sources: list[ModuleType] = [*_MODULES, kinds, uncounted, sys.modules[__name__]]
    return blake2b("".join(getsource(module) for module in sources).encode(), digest_size=8).hexdigest()


def _keep_under(numba: ModuleType, version: str) -> None:
    numba.config.CACHE_DIR = str(_place() / version)


def _place() -> Path:
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "tracker-kernel"
