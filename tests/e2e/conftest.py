"""All tests with real processes are long ones; which of them wait for `make test-long`.

The databases differ in `store`, whose own suite runs on both. With the real process one of them shows what there is to
see of these; the other one takes minutes.
"""

from __future__ import annotations

import pytest

_ON_BOTH = {"test_crashes"}
"""What dies between two statements is worth seeing on both."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "e2e":
            item.add_marker(pytest.mark.long)
            if item.path.stem not in _ON_BOTH and "postgresql" in item.name:
                item.add_marker(pytest.mark.slow)
