"""Which kernel folds so many events: the compiled one, or the very same as the interpreter runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from store.own_process import FOLDING, WRITING, compile_apart
from tracker.projections.kernel.compiled import Compiled, can_compile, compiled_meanwhile, is_kept

if TYPE_CHECKING:
    from store.columns import LogReader

__all__ = ["WORTH_COMPILING", "kernel_for", "must_compile"]

WORTH_COMPILING: Final = 300_000
"""So many events are folded sooner by the compiled kernel, even though it takes half a minute to compile it once."""

_PATIENCE_S: Final = 1.0


def must_compile(events: int) -> bool:
    """Whether folding so many events begins with compiling the kernel, which is done once on a machine."""
    return events >= WORTH_COMPILING and can_compile() and not is_kept()


def kernel_for(events: int, reader: LogReader | None = None, *, writes: bool = False) -> Compiled | None:
    """The compiled kernel, if so many events are worth it and numba is installed; None: as it stands.

    It is read from the disk in a thread of its own while the log is being read; other processes put it there first, and
    what goes with it, unless they did before: compiling takes memory that is never given back. `reader`: who is to
    begin first. `writes`: what is folded is going to be written.
    """
    if events < WORTH_COMPILING or not can_compile():
        return None

    def before() -> None:
        if reader is not None:
            reader.begun.wait(_PATIENCE_S)
        compile_apart(FOLDING, *[WRITING] * writes)

    return compiled_meanwhile(before)
