"""Why something earned nothing: what each number of an `unearned` row counts (SEMANTICS §5, §6).

Time that is not eligible is under the first of the five reasons that applies; UNRULED_MS is eligible time for which no
rule gives any EXP.
"""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from tracker.projections.kernel.layout import (
    AFK_MS, ALONE_MS, COOLDOWN_INTERACTIONS, COOLDOWN_MESSAGES, DEAF_MS, IGNORED_MESSAGES, IGNORED_MS, MUTED_MS,
    REVOKED_MESSAGES, UNRULED_MS,
)  # fmt: skip

__all__ = [
    "AFK_MS", "ALONE_MS", "COOLDOWN_INTERACTIONS", "COOLDOWN_MESSAGES", "DEAF_MS", "IGNORED_MESSAGES", "IGNORED_MS",
    "MUTED_MS", "NO_REASONS", "REVOKED_MESSAGES", "UNRULED_MS",
]  # fmt: skip

NO_REASONS = (0,) * 10
"""The cells of a row in which nothing is counted yet."""
