"""Why something earned nothing: what each number of an `unearned` row counts."""

from __future__ import annotations

__all__ = [
    "AFK_MS", "ALONE_MS", "COOLDOWN_INTERACTIONS", "COOLDOWN_MESSAGES", "DEAF_MS", "IGNORED_MESSAGES", "IGNORED_MS",
    "MUTED_MS", "NO_REASONS", "REVOKED_MESSAGES", "UNRULED_MS",
]  # fmt: skip

# Cells of an unearned row, in the order of TABLES["unearned"] after its key. Time that is not eligible is under the
# first of the five reasons that applies; UNRULED_MS is eligible time for which no rule gives any EXP.
(
    AFK_MS, IGNORED_MS, ALONE_MS, DEAF_MS, MUTED_MS, UNRULED_MS,
    COOLDOWN_MESSAGES, IGNORED_MESSAGES, REVOKED_MESSAGES, COOLDOWN_INTERACTIONS,
) = range(10)  # fmt: skip

NO_REASONS = (0,) * 10
"""The cells of a row in which nothing is counted yet."""
