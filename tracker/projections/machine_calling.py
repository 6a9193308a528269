"""Machine code in memory, and calls of it. See `machine`.

An entry takes arrays as numpy keeps them: it looks into the object itself for where the numbers are, how many, and of
which kind (PyArrayObject of numpy's C interface, which stays as it is). To ask numpy for that takes the interpreter
several times as long. What looks like something else than it takes, it refuses; the interpreter then does ask, and says
what is wrong, or tells the entry what it found in the same form; as it always does where objects look different.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from tracker.projections.machine import Taken

__all__ = ["DIMENSIONS", "FLAGS", "KIND", "LENGTHS", "NUMBERS", "TYPE", "WHOLE", "loaded"]

TYPE, NUMBERS, LENGTHS, KIND = 1, 2, 4, 7
"""Which words of eight bytes of an array say its class, and where its numbers, its lengths and its dtype are."""
DIMENSIONS, FLAGS = 6, 16
"""Which words of four bytes say how many dimensions it has, and how its numbers lie."""
WHOLE: Final = 0x101
"""The flags of which all have to be set: in C's order without gaps, and where the processor can reach them."""

_WORDS: Final = 10

_held: Final[list[Any]] = []
"""Machine code, and what it looks into, for good."""


def loaded(code: bytes, symbols: Mapping[str, str], entries: Mapping[str, Taken]) -> dict[str, Callable[..., Any]]:
    """The entries of an object file, in which they are called as `symbols` say."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    engine = llvm.create_mcjit_compiler(
        llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine()
    )
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _held.append(engine)
    return {name: _callable(name, engine.get_function_address(symbols[name]), taken) for name, taken in entries.items()}


class _Array(NamedTuple):
    """What an entry takes for an array."""

    dtype: Any
    dimensions: int


def _callable(name: str, address: int, taken: Taken) -> Callable[..., Any]:
    """The function at the address. While it runs, other threads may run Python."""
    import numpy as np

    number: Any = ctypes.c_int64
    wanted = [_array(one) for one in taken.types]
    expected = [id(np.ndarray), *(0 if one is None else id(one.dtype) for one in wanted)]
    table = (number * len(expected))(*expected)
    _held.append((table, wanted))
    first, many, place_of = ctypes.addressof(table), len(wanted), ctypes.addressof
    room, several = number * max(taken.results, 1), taken.results > 1
    by_images = ctypes.CFUNCTYPE(number, number, *[number] * many, number)(address)
    kinds = [number if one is None else ctypes.py_object for one in wanted]
    call = ctypes.CFUNCTYPE(number, number, *kinds, number)(address) if _are_known() else None

    def by_asking(given: tuple[Any, ...], place: int) -> None:
        told, images = [], []
        for one, value in zip(wanted, given, strict=True):
            if one is None:
                told.append(value)
                continue
            image = _image(one, value)
            if image is None:
                found = [getattr(other, "dtype", other) for other in given]
                raise TypeError(f"{name} takes {taken.types}, not {found}")
            images.append(image)  # which is to stay until it is called
            told.append(place_of(image))
        if by_images(first, *told, place):
            raise TypeError(f"{name} cannot be told of arrays")

    def run(*given: Any) -> Any:
        if len(given) != many:
            raise TypeError(f"{name} takes {many} arguments, not {len(given)}")
        results = room()
        place = place_of(results)
        if call is None or call(first, *given, place):
            by_asking(given, place)
        return tuple(results) if several else results[0]

    return run


def _image(wanted: _Array, value: Any) -> Any:
    """What an entry would find in such an array, as numpy says; None: it is none of those that are wanted."""
    import numpy as np

    fits = isinstance(value, np.ndarray) and value.dtype == wanted.dtype and value.ndim == wanted.dimensions
    if not fits or not value.flags.c_contiguous or not value.flags.aligned:
        return None
    image = (ctypes.c_int64 * (_WORDS + wanted.dimensions))()
    place = ctypes.addressof(image)
    image[TYPE], image[NUMBERS], image[KIND] = id(np.ndarray), value.ctypes.data, id(wanted.dtype)
    image[LENGTHS] = place + 8 * _WORDS
    image[_WORDS:] = value.shape
    small = (ctypes.c_int32 * (2 * _WORDS)).from_address(place)
    small[DIMENSIONS], small[FLAGS] = wanted.dimensions, WHOLE
    return image


@cache
def _are_known() -> bool:
    """Whether arrays look here as they are looked into."""
    import numpy as np

    if object.__basicsize__ != 16 or np.ndarray.__basicsize__ < 8 * _WORDS:  # pragma: no cover - a CPython of its own
        return False
    return all(
        _seen(one) == (id(np.ndarray), one.ctypes.data, one.shape, id(one.dtype), one.ndim, one.flags.num)
        for one in (np.zeros((2, 3), np.int64), np.arange(6, dtype=np.int32)[::2], np.zeros((1, 2, 3), np.bool_))
    )


def _seen(array: Any) -> tuple[Any, ...]:
    words = (ctypes.c_int64 * _WORDS).from_address(id(array))
    small = (ctypes.c_int32 * (2 * _WORDS)).from_address(id(array))
    if not 0 < small[DIMENSIONS] < _WORDS or not words[LENGTHS]:
        return ()
    lengths = tuple((ctypes.c_int64 * small[DIMENSIONS]).from_address(words[LENGTHS]))
    return words[TYPE], words[NUMBERS], lengths, words[KIND], small[DIMENSIONS], small[FLAGS]


def _array(one: str) -> _Array | None:
    """None: it is no array."""
    import numpy as np

    name, _, shape = one.partition("[")
    if not shape:
        return None
    return _Array(np.dtype("bool" if name == "boolean" else name), shape.count(":") - 1)
