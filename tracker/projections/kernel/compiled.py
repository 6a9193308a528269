"""The kernel compiled: the very functions of its modules, given to numba.

Nothing is written twice. The functions are taken as they stand, and their names are bound to each other's compiled
forms; what the interpreter runs live and what runs here differ in nothing but speed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from tracker.projections.kernel import step
from tracker.projections.machine import Machine

__all__ = ["MACHINE", "Compiled", "can_compile", "compiled", "compiled_meanwhile", "is_kept"]

_HEAP: Final = "int64[::1]"
_COLUMN: Final = "int64[::1]"

MACHINE: Final = Machine("kernel")
_RUN: Final = MACHINE.entry(_HEAP, "uint8[::1]", *[_COLUMN] * 5, "int64", "int64", results=1)(step.run)
_ADVANCE: Final = MACHINE.entry(_HEAP, "int64", "int64", results=1)(step.advance)


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
    """Compile, or take what was compiled before from the disk. Raises ImportError without numba."""
    MACHINE.ready()
    return Compiled(run=_RUN, advance=_ADVANCE)


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

    return Compiled(**{name: later(name) for name in Compiled._fields})


def is_kept() -> bool:
    """Whether it was compiled on this machine before: the first time takes up to half a minute."""
    return MACHINE.is_kept()
