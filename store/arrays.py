"""PostgreSQL array literals: many rows travel as one parameter per column, which is one statement and one plan."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["texts", "whole"]


def whole(values: Iterable[int | None]) -> str:
    """The literal of a `bigint[]`; truth values become 0 and 1."""
    return "{" + ",".join(["NULL" if v is None else str(int(v)) for v in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """The literal of a `text[]`."""
    quoted = ["NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values]
    return "{" + ",".join(quoted) + "}"
