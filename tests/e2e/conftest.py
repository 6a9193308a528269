"""Which of the tests with real processes wait for `make test-long`.

The databases differ in `store`, whose own suite runs on both. With the real process one of them shows what there is to
see of these; the other one takes minutes.
"""

from __future__ import annotations

import pytest

_SLOW_ON_POSTGRESQL = {"test_backfill", "test_import_beside", "test_recount", "test_scheduled_reports", "test_start"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in _SLOW_ON_POSTGRESQL and item.path.parent.name == "e2e" and "postgresql" in item.name:
            item.add_marker(pytest.mark.slow)
