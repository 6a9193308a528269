"""Rows out of pages, and what their texts say while they are in the caches: walk a little, code a little."""

from __future__ import annotations

from typing import Any, Final

from store import columns_book
from store.columns_book import BOOK, CODES, coded
from store.columns_btree import MORE, ROWS, walk
from tracker.projections.machine import Machine

__all__ = ["CODED", "MACHINE", "coded_further", "scan"]

CODED: Final = 4
"""What that number of `state` counts: rows of which `coded` is done."""

_AT_ONCE: Final = 1_024

MACHINE: Final = Machine(__name__)

coded_further: Final = MACHINE.entry(*columns_book.CODED, results=1)(coded)
"""`coded`, of rows that `scan` found."""


@MACHINE.entry(
    "uint8[::1]", "int64", "int64", *["int64[::1]"] * 5, "uint8[::1]", "int64[:,::1]", "int64", *BOOK, *CODES, results=1
)  # fmt: skip
def scan(
    m: Any, page_size: int, usable: int, pages: Any, steps: Any, state: Any, want: Any, guilds: Any, extra: Any,
    columns: Any, most: int, types: Any, how: Any, slots: Any, entries: Any, letters: Any, book: Any, kind: Any,
    code: Any, arg: Any,
) -> int:  # fmt: skip
    """As `walk`, up to `most` rows; and as `coded` of these rows, as long as the book has room."""
    while True:
        begin = state[ROWS]
        end = min(begin + _AT_ONCE, most)
        done = walk(m, page_size, usable, pages, steps, state, want, guilds, extra, columns, end)
        if state[CODED] == begin:
            state[CODED] = coded(
                m, columns, begin, state[ROWS], types, how, slots, entries, letters, book, kind, code, arg
            )
        if done != MORE or state[ROWS] < end or end == most:
            return int(done)
