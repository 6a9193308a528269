"""Which of the tests wait for `make test-long`: long properties of what is kept in memory, on the second database.

What is kept does not know which database it was read from; `store`'s own suite runs on both.
"""

from __future__ import annotations

import pytest

_SLOW_ON_POSTGRESQL = ("test_whatever_happens_the_report_out_of_memory", "test_whatever_comes_late_and_whenever")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        here = item.path.parent.name == "ingest" and item.name.startswith(_SLOW_ON_POSTGRESQL)
        if here and "postgresql" in item.name:
            item.add_marker(pytest.mark.slow)
