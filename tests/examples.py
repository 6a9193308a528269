"""How many examples Hypothesis draws: all that a property names in `make test-long`, a share of them in `make test`."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["examples"]


def examples(all_of_them: int) -> int:
    """The number to draw of so many, by the profile that this run goes by (tests/conftest.py): at least two."""
    return max(2, -(-all_of_them * settings().max_examples // 100))
