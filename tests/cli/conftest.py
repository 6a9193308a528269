"""Which of the commands' tests wait for `make test-long`: those of long files on PostgreSQL that run on SQLite too.

What the databases do apart is in `store`, whose own suite runs on both.
"""

from __future__ import annotations

import pytest

_FILES = {"test_import_totals", "test_moving", "test_replay"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    known = {item.nodeid for item in items}
    for item in items:
        both = "postgresql" in item.nodeid and item.nodeid.replace("postgresql", "sqlite") in known
        if both and item.path.parent.name == "cli" and item.path.stem in _FILES:
            item.add_marker(pytest.mark.slow)
