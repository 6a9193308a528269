"""What a fold needs of archived events, by guild: blocks that stand in a segment's file behind its rows.

A segment's events are sorted by guild, then instant, then position, and cut into blocks of BLOCK. Each is compressed by
itself, so that a fold of some guilds reads of each file what is theirs and nothing else. A block says nothing that the
texts do not say, and is made anew whenever a file is. A file may have none, or those of a tracker that numbered things
otherwise: then the texts are read.

A block is a slice as a replay puts it down (`replay_arranging.HEAD`), then the ids to which its guilds and channels are
numbers, then a Said. Positions are not in it: within the segment its order is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

from store.columns_args import Args
from store.columns_arrow import ArrowRows
from store.columns_chunk import ARRAYS, Chunk, Ints, chunk_of, taken
from store.columns_down import AHEAD
from store.columns_rest import Kept
from store.columns_roles import Packed
from store.replay_arranging import BASES, COLUMNS, EPOCH, HEAD, INSTANT_BITS, KIND_BITS, NUMBERED, SEQUENCE, WIDTHS
from tracker.errors import LogCorruptError
from tracker.events import kinds
from tracker.events.codec import DATA_TYPES
from tracker.ids import DISCORD_EPOCH_MS

__all__ = ["BLOCK", "KEY", "MADE_BY", "SIZES", "Index", "Said", "blocks_of", "codec"]

BLOCK: Final = 2_048
"""Events in a block. Of one at the edge of what is wanted all are unpacked; each costs some microseconds."""

KEY: Final = b"tracker.blocks"
"""Where a file's metadata say where the blocks' index is, and who made it."""

_VERSIONS: Final = {name: DATA_TYPES[name].VERSION for name in kinds.KINDS}
MADE_BY: Final = f"2:{crc32(repr((sorted(kinds.KINDS.items()), sorted(_VERSIONS.items()))).encode()):08x}"
"""Who made the blocks, that is: what they mean."""

SIZES: Final = 5
"""What the index says of a block: where in the file it is, how many bytes it takes there, and unpacked how many its
slice, its ids and its Said have."""

_WORD: Final = 8


class Said(msgspec.Struct, array_like=True):
    """What of a block is in no column; with the true positions of those events. And the sets of roles that are given to
    members: to whom (rows) and which (indexes); and all of the block's: how many roles each has, and those. Arrays as
    bytes of 64-bit numbers.
    """

    kept: Kept
    positions: bytes
    changed: bytes
    sizes: bytes
    roles: bytes


class Index(msgspec.Struct, array_like=True):
    """How many events a block has, but for the last one; the segment's guilds (ascending), how many events each has and
    the last instant of which those speak; SIZES of its blocks; and the events that are AHEAD: ARRAYS, and a Said of
    theirs. Arrays as bytes of 64-bit numbers.
    """

    block: int
    guilds: bytes
    counts: bytes
    newest: bytes
    blocks: bytes
    ahead: bytes
    said: Said


@dataclass(frozen=True, slots=True)
class _Parts:
    """A block before it is compressed."""

    numbers: bytes
    ids: bytes
    said: bytes


def codec() -> Any:
    """How blocks are compressed: unpacking them takes less time than reading them does."""
    import pyarrow as pa

    return pa.Codec("lz4_raw")


def blocks_of(table: Any, start: int) -> tuple[bytes, bytes] | None:
    """The blocks of a segment's events and their index, to be put at `start` in its file; and what is to be noted under
    KEY. None: an event of it cannot be read.
    """
    batches = table.combine_chunks().to_batches()
    if not batches:
        return None
    try:
        chunk = chunk_of(ArrowRows(batches[0]), 0, Args())
    except LogCorruptError:  # whoever reads it is told so
        return None
    order = np.lexsort((chunk.position, chunk.at, chunk.guild))
    packer, content, sizes = codec(), [], []
    for first in range(0, len(order), BLOCK):
        block = _block(taken(chunk, order[first : first + BLOCK]))
        packed = packer.compress(block.numbers + block.ids + block.said, asbytes=True)
        sizes.append((start, len(packed), len(block.numbers), len(block.ids), len(block.said)))
        content.append(packed)
        start += len(packed)
    whole = msgspec.msgpack.encode(_index(chunk, order, np.array(sizes, np.int64)))
    index = packer.compress(whole, asbytes=True)
    return b"".join([*content, index]), msgspec.json.encode((MADE_BY, start, len(index), len(whole)))


def _index(chunk: Chunk, order: npt.NDArray[np.intp], sizes: Ints) -> Index:
    guilds, firsts, counts = np.unique(chunk.guild[order], return_index=True, return_counts=True)
    speaks_of = np.where(chunk.kind == kinds.TICKED, chunk.arg, chunk.at)[order]
    ahead = taken(chunk, np.flatnonzero(AHEAD[chunk.kind]))
    return Index(
        block=BLOCK,
        guilds=guilds.tobytes(),
        counts=counts.astype(np.int64).tobytes(),
        newest=np.maximum.reduceat(speaks_of, firsts).tobytes(),
        blocks=sizes.tobytes(),
        ahead=np.stack([getattr(ahead, name).astype(np.int64) for name in ARRAYS]).tobytes(),
        said=_said(ahead),
    )


def _block(chunk: Chunk) -> _Parts:
    ids, numbers = np.unique(np.concatenate([chunk.guild, chunk.channel]), return_inverse=True)
    guild, channel = np.split(numbers.astype(np.int64), 2)
    arg = np.where(chunk.kind == kinds.ROLES_CHANGED, 0, chunk.arg)
    sent = chunk.kind == kinds.MESSAGE_SENT
    arg[sent] -= chunk.at[sent] - DISCORD_EPOCH_MS << INSTANT_BITS
    values = (chunk.subject << KIND_BITS | chunk.kind, guild, channel, chunk.at, arg, None)
    head, columns = np.zeros(HEAD, np.int64), [b""]
    for c, (name, column) in enumerate(zip(COLUMNS, values, strict=True)):
        if column is None:
            assert name == "position"  # noqa: S101
            head[WIDTHS + c] = SEQUENCE
            continue
        low, width = _fitting(column)
        head[BASES + c], head[WIDTHS + c] = low, width
        columns.append(_padded((column - low).astype(np.int64 if width == _WORD else f"u{width}").tobytes()))
    head[NUMBERED], head[EPOCH] = 1, DISCORD_EPOCH_MS
    columns[0] = head.tobytes()
    return _Parts(b"".join(columns), ids.tobytes(), msgspec.msgpack.encode(_said(chunk)))


def _fitting(column: Ints) -> tuple[int, int]:
    """The base of a column, and how many bytes its numbers then take."""
    low, high = int(column.min()), int(column.max())
    width = next((width for width in (1, 2, 4) if high - low < 1 << 8 * width), _WORD)
    return (low, width) if width < _WORD else (0, width)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % _WORD)


def _said(chunk: Chunk) -> Said:
    rest, changed = chunk.rest, np.flatnonzero(chunk.kind == kinds.ROLES_CHANGED)
    role_sets = Packed.of(chunk.role_sets)
    return Said(
        kept=rest.kept(),
        positions=chunk.position[rest.rows].tobytes(),
        changed=np.concatenate([changed, chunk.arg[changed]]).tobytes(),
        sizes=role_sets.sizes.tobytes(),
        roles=role_sets.ids.tobytes(),
    )
