"""Which of the store's tests wait for `make test-long`: views of the log in a scratch file, which is SQLite's on both.

What such a view is made of, the log and its columns, is read on both databases here as well.
"""

from __future__ import annotations

import pytest

_FILES = {"test_whatif", "test_retroactive", "test_reports_against_oracle"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "store" and item.path.stem in _FILES and "postgresql" in item.name:
            item.add_marker(pytest.mark.slow)
