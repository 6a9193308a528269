"""How numba compiles what allocates nothing: without counting references, which takes longer than what is done in
between.

Each function that is handed an array would count one reference more and one less, by instructions that lock the
memory: a third of the kernel's time.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["options"]

_UNCOUNTED: Final = "_nrt"
"""numba's option, not a documented one, by which references are counted."""


def options() -> dict[str, Any]:
    """For numba's `njit`. A numba that no longer knows how not to count references counts them: slower, else the same.

    Raises ImportError without numba.
    """
    from numba.core.options import DefaultOptions

    known = {_UNCOUNTED: False} if hasattr(DefaultOptions, _UNCOUNTED) else {}
    return {"nogil": True, "error_model": "numpy", **known}
