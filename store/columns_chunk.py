"""From rows of the log, however they were read, to columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from store.columns_args import TYPES, Args
from store.columns_rest import Rest, Written
from tracker.errors import EventFormatError, LogCorruptError
from tracker.events import kinds
from tracker.events.codec import data_from_json

__all__ = [
    "ARRAYS", "COLUMNS", "HAS_REST", "Chunk", "Ints", "Rest", "Rows", "chunk_of", "own_sets", "taken", "unreadable",
]  # fmt: skip

Ints = npt.NDArray[np.int64]

COLUMNS: Final = (
    "position", "id", "type", "version", "guild_id", "subject_id", "channel_id", "occurred_at", "recorded_at", "data",
)  # fmt: skip
"""The columns of a row of the log, as every source gives them."""

ARRAYS: Final = ("position", "kind", "guild", "subject", "channel", "at", "arg")
_NO_TEXTS: Final = (
    kinds.VOICE_JOINED, kinds.VOICE_MOVED, kinds.VOICE_LEFT, kinds.VOICE_FLAGS, kinds.MESSAGE_SENT,
    kinds.MESSAGE_DELETED, kinds.INTERACTION_USED, kinds.ROLES_CHANGED, kinds.OPTED_OUT, kinds.OPTED_IN, kinds.ADJUSTED,
    kinds.TICKED,
)  # fmt: skip
HAS_REST: Final = np.array([k in TYPES and k not in _NO_TEXTS for k in range(256)])


class Rows(Protocol):
    """Some rows of the log in one of the forms in which sources give them."""

    def ints(self, name: str) -> Ints:
        """A column of whole numbers as an array of its own; 0 for null."""

    def coded(self, name: str) -> tuple[npt.NDArray[Any], Sequence[Any]]:
        """A column of texts: for each row the index of its text, and the texts."""

    def texts(self, name: str, rows: npt.NDArray[Any]) -> list[Any]:
        """The texts of some rows."""

    def message_ids(self, rows: npt.NDArray[Any]) -> Ints:
        """The number in the event ids `message:<number>` of some rows; 0 where an id is not of that form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Rows as columns. `role_sets`: the sets of roles that the `arg` of `member.roles_changed` is an index of.

    `rest` holds the texts of the kinds that are read for more than their `arg`.
    """

    position: Ints
    kind: npt.NDArray[np.uint8]
    guild: Ints
    subject: Ints
    channel: Ints
    at: Ints
    arg: Ints
    role_sets: list[tuple[int, ...]]
    rest: Rest


def chunk_of(rows: Rows, partition: int, args: Args) -> Chunk:
    """The columns of `rows`. Raises LogCorruptError for the first of them that cannot be read."""
    position, version, recorded_at = rows.ints("position"), rows.ints("version"), rows.ints("recorded_at")
    codes, types = rows.coded("type")
    kind = np.array([kinds.KINDS.get(t, 0) for t in types] or [0], np.uint8)[codes]
    arg, bad = _args(rows, kind, version, args)
    if bad:
        raise _first(rows, partition, position, version, min(bad))
    rest = np.flatnonzero(HAS_REST[kind])
    return Chunk(
        position=position,
        kind=kind,
        guild=rows.ints("guild_id"),
        subject=rows.ints("subject_id"),
        channel=rows.ints("channel_id"),
        at=rows.ints("occurred_at"),
        arg=arg,
        role_sets=own_sets(kind, arg, args.role_sets),
        rest=Rest(
            rows=rest,
            ids=Written.of(rows.texts("id", rest)),
            versions=version[rest],
            recorded_at=recorded_at[rest],
            texts=Written.of(rows.texts("data", rest)),
        ),
    )


def taken(chunk: Chunk, rows: npt.NDArray[np.intp]) -> Chunk:
    """Some rows of a chunk, in the order given."""
    arrays: dict[str, Any] = {name: getattr(chunk, name)[rows] for name in ARRAYS}
    place = np.full(len(chunk.position), -1, np.int64)
    place[chunk.rest.rows] = np.arange(len(chunk.rest.rows))
    wanted = place[rows]
    found = np.flatnonzero(wanted >= 0)
    rest = chunk.rest.taken(wanted[found], found)
    return Chunk(role_sets=own_sets(arrays["kind"], arrays["arg"], chunk.role_sets), rest=rest, **arrays)


def own_sets(kind: npt.NDArray[np.uint8], arg: Ints, role_sets: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The sets of roles that occur among these rows; their numbers in `arg` become indexes of this list."""
    rows = np.flatnonzero(kind == kinds.ROLES_CHANGED)
    used, arg[rows] = np.unique(arg[rows], return_inverse=True)
    return [role_sets[i] for i in used.tolist()]


def _args(rows: Rows, kind: npt.NDArray[np.uint8], version: Ints, args: Args) -> tuple[Ints, list[int]]:
    """The `arg` of each row, and some rows that cannot be read: if there are any, the first of them is among these."""
    codes, texts = rows.coded("data")
    arg = np.zeros(len(kind), np.int64)
    table = np.zeros(len(texts), np.int64)
    bad: list[int] = []
    for k in np.flatnonzero(np.bincount(kind, minlength=256)).tolist():
        of_kind = np.flatnonzero(kind == k)
        if k == 0:  # a type that nobody knows
            bad.append(int(of_kind[0]))
            continue
        for v in np.unique(version[of_kind]).tolist():
            mine = of_kind[version[of_kind] == v]
            mine_codes = codes[mine]
            seen = np.zeros(len(texts), np.bool_)
            seen[mine_codes] = True
            distinct = np.flatnonzero(seen)
            values, wrong = args.read(k, v, _pick(texts, distinct))
            table[distinct] = values
            arg[mine] = table[mine_codes]
            if wrong:
                bad.append(int(mine[np.isin(mine_codes, distinct[wrong])][0]))
        if k == kinds.MESSAGE_SENT:
            arg[of_kind] = numbers = rows.message_ids(of_kind)
            if not numbers.all():
                bad.append(int(of_kind[numbers == 0][0]))
    return arg, bad


def _pick(texts: Sequence[Any], indexes: npt.NDArray[np.intp]) -> list[Any]:
    if hasattr(texts, "take"):  # an Arrow array
        picked: list[Any] = texts.take(indexes).to_pylist()
        return picked
    return [texts[i] for i in indexes.tolist()]


def _first(rows: Rows, partition: int, position: Ints, version: Ints, row: int) -> LogCorruptError:
    only = np.array([row])
    try:
        data_from_json(rows.texts("type", only)[0], int(version[row]), rows.texts("data", only)[0])
    except EventFormatError as error:
        return unreadable(partition, int(position[row]), str(error))
    return unreadable(partition, int(position[row]), f"{rows.texts('id', only)[0]!r} is not `message:<message id>`")


def unreadable(partition: int, position: int, problem: str) -> LogCorruptError:
    """What is said of an event that cannot be read."""
    return LogCorruptError(f"event {position} of partition {partition} cannot be read: {problem}")
