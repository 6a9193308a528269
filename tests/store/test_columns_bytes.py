"""What numba keeps of compiled functions is made anew when what they call has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("numba")

from store import columns_scan


def test_every_module_with_compiled_functions_is_looked_at_before_one_is_taken_out_of_the_cache() -> None:
    stamp = cast("Any", columns_scan.scan)._cache._cache_file._source_stamp
    names = {name for name, _, _ in stamp[1]}
    folder = Path(columns_scan.__file__).parent
    with_some = {path.name for path in folder.glob("*.py") if "\n@compiled\n" in path.read_text(encoding="utf-8")}
    assert {"columns_book.py", "columns_btree.py", "columns_bytes.py"} <= with_some <= names
