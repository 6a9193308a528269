"""What members are called: the letters of the names, out of what events say, of which there is no object until somebody
asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np

from store.columns_chunk import Ints
from store.columns_rest import Written

__all__ = ["Names"]


class _Named(msgspec.Struct):
    name: str = ""


_names_in: Final = msgspec.json.Decoder(list[_Named]).decode


class Names:
    """The names that members were given, by the offsets of their rows; later ones replace earlier ones.

    `fast`: numba is there. Then the codec reads only what is not written plainly.
    """

    def __init__(self, *, fast: bool) -> None:
        self._fast = fast
        self._members: list[Ints] = []
        self._texts: list[Written] = []

    def hear(self, members: Ints, texts: Written) -> None:
        """These members are called what these texts say, of events whose data has a name in its first version."""
        self._members.append(members)
        self._texts.append(texts)

    def hear_names(self, members: Ints, names: Iterable[str]) -> None:
        """These members have these names."""
        self.hear(members, Written.of(msgspec.json.encode(_Named(name)) for name in names))

    def of(self, members: Ints) -> Written:
        """What these members are called, each of whom was named."""
        if not len(members):
            return Written.of(())
        named = np.concatenate(self._members)
        order = np.argsort(named, kind="stable")
        last = order[np.searchsorted(named[order], members, side="right") - 1]
        texts = Written.joined(self._texts).taken(last)
        return _plain(texts) if self._fast else Written.of(_decoded(texts))


def _plain(texts: Written) -> Written:
    """The names in these texts."""
    from store import harvest_rows as compiled

    out, sizes = np.empty(int(texts.sizes.sum()), np.uint8), np.empty(len(texts), np.int64)
    size = compiled.names_in(texts.letters, texts.starts, texts.ends, out, sizes)
    found = out[:size]
    try:
        str(found.data, "utf-8")
    except UnicodeDecodeError:
        return Written.of(_decoded(texts))  # which says what is wrong
    odd = np.flatnonzero(sizes < 0)
    if not len(odd):
        return Written.one_behind_the_other(found, sizes)
    others = Written.of(_decoded(texts.taken(odd)))
    ends = np.cumsum(np.maximum(sizes, 0))
    starts = ends - np.maximum(sizes, 0)
    starts[odd], ends[odd] = others.starts + size, others.ends + size
    return Written(np.concatenate([found, others.letters]), starts, ends)


def _decoded(texts: Written) -> list[str]:
    """As the codec reads them."""
    return [one.name for one in _names_in(b"[%b]" % b",".join(texts.bytes()))]
