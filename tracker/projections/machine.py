"""Functions as machine code that is kept on the disk: numba compiles them, and nobody needs numba to run them.

It takes numba half a second of the processor and 60 MB to come up, which is a tenth of what a replay takes of either.
What allocates nothing needs nothing of it, once it is compiled. So all that a module has of such functions is kept as
one object file, by what it was made of; llvmlite, the part of numba that knows of machine code, loads it in 0.05 s.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import blake2b
from importlib.util import MAGIC_NUMBER, find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import RLock
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

__all__ = ["Called", "Entry", "Machine", "Taken", "named"]

_DIGEST: Final = 32


class Taken(NamedTuple):
    """What an entry takes: numba's names of types, "int64", "boolean" or of arrays in C's order ("int64[:,::1]"). And
    how many numbers it gives: one at most as such (a truth value as 0 or 1), several as a tuple.
    """

    types: tuple[str, ...]
    results: int


class Called(NamedTuple):
    """A function of a C library, for the functions of a machine: they call it with its address and then what it
    `takes`: "int32" or "intp", which an address is. It gives such a one, or "none".
    """

    gives: str
    takes: tuple[str, ...]

    def __call__(self, function: int, *given: int) -> Any:
        """As the interpreter calls it."""
        kinds: dict[str, Any] = {"int32": ctypes.c_int32, "intp": ctypes.c_ssize_t, "none": None}
        gives = kinds[self.gives]
        return ctypes.CFUNCTYPE(gives, *[kinds[one] for one in self.takes])(function)(*given)


class Entry:
    """A function that is called from outside. As machine code once it is called; `function`: as it stands."""

    def __init__(self, machine: Machine, function: FunctionType, taken: Taken) -> None:
        self.function = function
        self.taken = taken
        self._machine = machine
        self._run: Callable[..., Any] | None = None

    def __call__(self, *given: Any) -> Any:
        """Raises TypeError if something else is given than it takes; ImportError where it is neither kept nor numba
        installed.
        """
        if self._run is None:
            self._run = self._machine.run(self.function.__name__)
        return self._run(*given)


class Machine:
    """Functions that are called from outside, and all that they call by name, wherever that is from: plain functions,
    entries of others, what is Called. They are compiled together.

    Each goes by the names of its own module for the rest: numbers and arrays of them, which are compiled in.
    """

    def __init__(self, name: str) -> None:
        self.name = name.rpartition(".")[2]
        self.entries: dict[str, Taken] = {}
        self._entered: list[FunctionType] = []
        self._made: Mapping[str, Callable[..., Any]] | None = None
        self._turn = RLock()

    def entry(self, *types: str, results: int = 0) -> Callable[[Callable[..., Any]], Entry]:
        """One that is called from outside; see Taken."""

        def entered(function: Callable[..., Any]) -> Entry:
            assert isinstance(function, FunctionType)  # noqa: S101
            self._entered.append(function)
            self.entries[function.__name__] = taken = Taken(types, results)
            return Entry(self, function, taken)

        return entered

    @property
    def functions(self) -> list[FunctionType]:
        """All of them, the entries first, in the order of `entries`."""
        found = list(self._entered)
        for function in found:
            called = (one for one in named(function).values() if isinstance(one, FunctionType))
            found += (one for one in dict.fromkeys(called) if one not in found)
        return found

    def run(self, name: str) -> Callable[..., Any]:
        """An entry as machine code. Raises ImportError."""
        return self.ready()[name]

    def ready(self) -> Mapping[str, Callable[..., Any]]:
        """All entries as machine code: what is kept, or else what numba compiles now and is kept then. Where that
        cannot be kept, because it needs more than the processor, they are numba's own functions.

        Raises ImportError without numba.
        """
        with self._turn:
            if self._made is None:
                self._made = self._found()
            return self._made

    def _found(self) -> Mapping[str, Callable[..., Any]]:
        code = self._kept()
        if code is None:
            from tracker.projections.machine_making import compiled, made

            code = made(self)
            if code is None:
                functions = compiled(self)
                return {one.__name__: functions[one] for one in self._entered}
            self._keep(code)
        return _loaded(self, code)

    def is_kept(self) -> bool:
        """Whether it was compiled on this machine before. Raises ImportError without numba."""
        return self._kept() is not None

    def is_to_be_had(self) -> bool:
        """Whether it can be run: it is kept, or numba comes up. Not installed or broken, it does not."""
        try:
            if not self.is_kept():
                import numba  # noqa: F401
        except (ImportError, RuntimeError):
            return False
        return True

    def symbol(self, entry: str) -> str:
        """What the entry is called in the object file."""
        return f"tracker.{self.name}.{entry}"

    # -- on the disk -----------------------------------------------------------------------------------------------

    def _file(self) -> Path:
        return _place() / f"{self.name}-{self.version()}.o"

    def version(self) -> str:
        """Changes with what any of the functions does, with the numbers that they name, with who compiles and for which
        processor. Not with how they are explained, nor with where they stand.
        """
        told = blake2b(repr((_compiler(), self.entries)).encode(), digest_size=_DIGEST // 4)
        for function in self.functions:
            names = [(n, v) for n, v in sorted(named(function).items()) if not isinstance(v, FunctionType)]
            form = _form(function.__code__, function.__doc__)
            said = function.__module__, function.__qualname__, function.__defaults__, form, names
            told.update(repr(said).encode())
        return told.hexdigest()

    def _kept(self) -> bytes | None:
        """None: nothing, or not as it was written."""
        try:
            content = self._file().read_bytes()
        except OSError:
            return None
        code = content[_DIGEST:]
        return code if content[:_DIGEST] == _digest(code) else None

    def _keep(self, code: bytes) -> None:
        """Where that cannot be, it is compiled again next time."""
        file = self._file()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=file.parent, delete=False) as new:
                new.write(_digest(code) + code)
            Path(new.name).replace(file)
        except OSError:
            return


def named(function: FunctionType) -> dict[str, Any]:
    """What of its module a function names, that is compiled into it or with it."""
    found: dict[str, Any] = {}
    for name in function.__code__.co_names:
        one: Any = function.__globals__.get(name)
        if isinstance(one, Entry):
            found[name] = one.function
        elif isinstance(one, FunctionType | Called | int):
            found[name] = one
        elif hasattr(one, "tobytes"):  # numpy's numbers and arrays
            found[name] = one.dtype.str, one.shape, one.tobytes()
    return found


def _form(code: CodeType, doc: str | None = None) -> tuple[Any, ...]:
    """What a function does, as the interpreter keeps it; without what is said of it, which is its first constant."""
    does = code.co_consts[1:] if doc is not None and code.co_consts[:1] == (doc,) else code.co_consts
    consts = [_form(one) if isinstance(one, CodeType) else one for one in does]
    return code.co_code, consts, code.co_names, code.co_varnames, code.co_argcount


def _place() -> Path:
    """The folder in which machine code is kept."""
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "tracker-kernel"


def _digest(code: bytes) -> bytes:
    return blake2b(code, digest_size=_DIGEST).digest()


@cache
def _compiler() -> tuple[str, ...]:
    """Who compiles, how, and for which processor. Raises ImportError without numba."""
    import llvmlite
    import llvmlite.binding as llvm

    numba = find_spec("numba")
    if numba is None or numba.origin is None:
        raise ImportError("numba is not installed")
    own = [Path(__file__).with_name(f"{name}.py").read_text() for name in ("machine", "machine_making", "uncounted")]
    version = Path(numba.origin).with_name("_version.py")
    who = version.read_text() if version.exists() else str(Path(numba.origin).stat().st_mtime_ns)
    host = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return (*own, who, llvmlite.__version__, sys.platform, MAGIC_NUMBER.hex(), *host)


# -- in memory ---------------------------------------------------------------------------------------------------------

_engines: Final[list[Any]] = []
"""What holds machine code, for good."""


def _loaded(machine: Machine, code: bytes) -> dict[str, Callable[..., Any]]:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    engine = llvm.create_mcjit_compiler(
        llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine()
    )
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return {
        name: _callable(name, engine.get_function_address(machine.symbol(name)), taken)
        for name, taken in machine.entries.items()
    }


def _callable(name: str, address: int, taken: Taken) -> Callable[..., Any]:
    """The function at the address. While it runs, other threads may run Python."""
    import numpy as np

    wanted = [_array(one) for one in taken.types]
    words: Final = sum(1 if one is None else 1 + one[1] for one in wanted) + (taken.results > 1)
    call = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * words)(address)
    several = ctypes.c_int64 * taken.results if taken.results > 1 else None
    array = np.ndarray

    def run(*given: Any) -> Any:
        if len(given) != len(wanted):
            raise TypeError(f"{name} takes {len(wanted)} arguments, not {len(given)}")
        told: list[int] = []
        for is_array, value in zip(wanted, given, strict=True):
            if is_array is None:
                told.append(value)
                continue
            dtype, dimensions = is_array
            fits = isinstance(value, array) and value.dtype == dtype and value.ndim == dimensions
            if not fits or not value.flags.c_contiguous:
                raise TypeError(f"{name} takes {taken.types}, not {[getattr(one, 'dtype', one) for one in given]}")
            told.append(_address(value))
            told += value.shape
        if several is None:
            return call(*told)
        results = several()
        call(*told, ctypes.addressof(results))
        return tuple(results)

    return run


def _array(one: str) -> tuple[Any, int] | None:
    """What numbers an array of this type holds, and in how many dimensions; None: it is no array."""
    import numpy as np

    name, _, shape = one.partition("[")
    if not shape:
        return None
    return np.dtype("bool" if name == "boolean" else name), shape.count(":") - 1


_start = ctypes.c_char.from_buffer


def _address(array: Any) -> int:
    try:
        return ctypes.addressof(_start(array))  # a third of the time that it takes numpy to say so
    except (TypeError, ValueError):  # it is not to be written, or empty
        address: int = array.ctypes.data
        return address
