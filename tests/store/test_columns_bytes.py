"""What numba keeps of compiled functions is made anew when what they call has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

pytest.importorskip("numba")

from numba.core.cpu import CPUTargetOptions
from numba.core.options import DefaultOptions

from store import columns_bytes, columns_scan


def test_every_module_with_compiled_functions_is_looked_at_before_one_is_taken_out_of_the_cache() -> None:
    stamp = cast("Any", columns_scan.scan)._cache._cache_file._source_stamp
    names = {name for name, _, _ in stamp[1]}
    folder = Path(columns_scan.__file__).parent
    with_some = {path.name for path in folder.glob("*.py") if "\n@compiled\n" in path.read_text(encoding="utf-8")}
    assert {"columns_book.py", "columns_btree.py", "columns_bytes.py"} <= with_some <= names


def test_a_numba_that_always_counts_references_compiles_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option by which it need not is none that numba documents."""
    (having,) = (owner for owner in CPUTargetOptions.__mro__ if "_nrt" in vars(owner))
    for owner in (DefaultOptions, having):
        monkeypatch.delattr(owner, "_nrt")
    monkeypatch.setitem(columns_bytes._OPTIONS, "cache", False)  # anew
    copy = columns_bytes.compiled(cast("Any", columns_bytes.copy).py_func)
    there = np.zeros(4, np.uint8)
    copy(np.array([1, 2, 3], np.uint8), 1, there, 2, 2)
    assert there.tolist() == [0, 0, 2, 3]
