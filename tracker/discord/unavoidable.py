"""Reasons for a block about which nobody can do anything: not worth a person's attention."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from tracker.reports.catalogue import LOCALES, catalogue

__all__ = ["unavoidable"]

_FOLDER: Final = Path(__file__).parent / "locales"


@cache
def unavoidable() -> frozenset[str]:
    """The owner's nickname, as it is noted in each language. The command line asks too, and loads no hikari for it."""
    return frozenset(catalogue(_FOLDER, locale)("sync.block.owner") for locale in LOCALES)
