"""Which of the tests wait for `make test-long`: on the second database, what does not know which one it is on.

What is kept, counted anew and compared is read and written by `store`, whose own suite runs on both. What goes on
between two writes, and what is exchanged, is seen on both here as well.
"""

from __future__ import annotations

import pytest

from tests.ingest.shelf import fresh, shelf

__all__ = ["fresh", "shelf"]

_SLOW_ON_POSTGRESQL = (
    "test_whatever_happens_the_report_out_of_memory",
    "test_whatever_happens_any_dates_out_of_memory",
    "test_whatever_comes_late_and_whenever",
)
_FILES = {"test_recount", "test_verifying", "test_kept_history"}
_ON_BOTH = ("exchange", "any_dates_come_out_of_memory")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name != "ingest" or "postgresql" not in item.name:
            continue
        told_apart = item.path.stem in _FILES and not any(name in item.name for name in _ON_BOTH)
        if told_apart or item.name.startswith(_SLOW_ON_POSTGRESQL):
            item.add_marker(pytest.mark.slow)
