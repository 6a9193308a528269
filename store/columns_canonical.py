"""Chunks in canonical order: by guild, then by instant, then by position."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from store.columns_chunk import Chunk, Rest, own_sets
from tracker.events import kinds

__all__ = ["in_canonical_order", "joined", "taken"]

_ARRAYS: Final = ("position", "kind", "guild", "subject", "channel", "at", "arg")


def in_canonical_order(chunks: Iterable[Chunk], rows: int) -> Generator[Chunk]:
    """The rows of all `chunks`, sorted, at most `rows` at a time. Holds all of them in memory."""
    whole = joined(list(chunks))
    if whole is None:
        return
    order = np.lexsort((whole.position, whole.at, whole.guild))
    for start in range(0, len(order), rows):
        yield taken(whole, order[start : start + rows])


def joined(chunks: Sequence[Chunk]) -> Chunk | None:
    """One after the other; None: there are none."""
    if not chunks:
        return None
    starts = np.cumsum([0, *(len(c.position) for c in chunks)])
    arrays: dict[str, Any] = {name: np.concatenate([getattr(c, name) for c in chunks]) for name in _ARRAYS}
    sets: list[tuple[int, ...]] = []
    for chunk, start in zip(chunks, starts, strict=False):
        arrays["arg"][start + np.flatnonzero(chunk.kind == kinds.ROLES_CHANGED)] += len(sets)
        sets += chunk.role_sets
    rest = Rest(
        rows=np.concatenate([c.rest.rows + start for c, start in zip(chunks, starts, strict=False)]),
        ids=[x for c in chunks for x in c.rest.ids],
        versions=[x for c in chunks for x in c.rest.versions],
        recorded_at=[x for c in chunks for x in c.rest.recorded_at],
        texts=[x for c in chunks for x in c.rest.texts],
    )
    return Chunk(role_sets=sets, rest=rest, **arrays)


def taken(chunk: Chunk, rows: npt.NDArray[np.intp]) -> Chunk:
    """Some rows of a chunk, in the order given."""
    arrays: dict[str, Any] = {name: getattr(chunk, name)[rows] for name in _ARRAYS}
    place = np.full(len(chunk.position), -1, np.int64)
    place[chunk.rest.rows] = np.arange(len(chunk.rest.rows))
    wanted = place[rows]
    found = np.flatnonzero(wanted >= 0)
    places = wanted[found].tolist()
    rest = Rest(
        rows=found,
        ids=[chunk.rest.ids[i] for i in places],
        versions=[chunk.rest.versions[i] for i in places],
        recorded_at=[chunk.rest.recorded_at[i] for i in places],
        texts=[chunk.rest.texts[i] for i in places],
    )
    return Chunk(role_sets=own_sets(arrays["kind"], arrays["arg"], chunk.role_sets), rest=rest, **arrays)
