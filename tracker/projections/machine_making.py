"""Machine code of functions, by numba: one object file that needs nothing but the processor. See `machine`."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

import llvmlite.binding as llvm
import numba
from numba.core import types
from numba.np.numpy_support import carray

from tracker.projections import uncounted

if TYPE_CHECKING:
    from tracker.projections.machine import Machine, Taken

__all__ = ["compiled", "made"]

_OF_THE_PROCESSOR: Final = "llvm."
"""How the names of those functions begin that are none: LLVM knows what to put there."""


def compiled(machine: Machine) -> dict[str, Any]:
    """The functions as numba's own. Nothing is written twice: they are taken as they stand, and their names are bound
    to each other's compiled forms; each goes by the other names of its own module.
    """
    made: dict[str, Any] = {}
    for name, function in machine.functions.items():
        space = {**function.__globals__, "__builtins__": __builtins__}
        bound = FunctionType(function.__code__, space, name, function.__defaults__)
        made[name] = numba.njit(**uncounted.options())(bound)
    for one in made.values():
        one.py_func.__globals__.update(made)
    return made


def made(machine: Machine) -> bytes | None:
    """The object file; None: a function needs more than the processor, as one does that may raise an error, or this
    numba keeps elsewhere what no interface of its own gives.
    """
    functions = compiled(machine)
    try:
        return _of_all(machine, functions)
    except AttributeError:
        return None


def _of_all(machine: Machine, functions: dict[str, Any]) -> bytes | None:
    whole: Any = None
    machine_of: Any = None
    for name, taken in machine.entries.items():
        entry = _entry(functions[name], taken)
        module = llvm.parse_assembly(str(entry._library._final_module))
        _renamed(module, entry._wrapper_name, machine.symbol(name))
        machine_of = entry._library.codegen._tm
        if whole is None:
            whole = module
        else:
            whole.link_in(module)
    return _code(machine, whole, machine_of)


def _renamed(module: Any, before: str, after: str) -> None:
    module.get_function(before).name = after


def _code(machine: Machine, module: Any, target: Any) -> bytes | None:
    """The object file of a module, rid of what is called from outside in any other way, and of what that needs."""
    symbols = {machine.symbol(name) for name in machine.entries}
    for function in module.functions:
        if not function.is_declaration and function.name not in symbols:
            function.linkage = "internal"
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    for function in module.functions:
        if function.is_declaration and not function.name.startswith(_OF_THE_PROCESSOR):
            return None
    code: bytes = target.emit_object(module)
    return code


def _entry(function: Any, taken: Taken) -> Any:
    """The function as C would call it: an array is told by where it is and its lengths; of several results, where they
    are to go is told last.
    """
    pointer: Any = types.CPointer
    given: list[Any] = []
    outer: list[str] = []
    inner: list[str] = []
    for i, name in enumerate(taken.types):
        kind, _, shape = name.partition("[")
        one = getattr(types, kind)
        if not shape:
            outer.append(f"a{i}")
            inner.append(f"a{i}")
            given.append(types.int64)
            continue
        lengths = [f"a{i}_{d}" for d in range(shape.count(":") - 1)]
        outer += [f"a{i}", *lengths]
        inner.append(f"carray(a{i}, ({', '.join(lengths)},))")
        given += [pointer(one), *[types.int64] * len(lengths)]
    call = f"function({', '.join(inner)})"
    if taken.results > 1:
        outer.append("out")
        given.append(pointer(types.int64))
        lines = [f"found = {call}", *(f"out[{k}] = found[{k}]" for k in range(taken.results)), "return 0"]
    else:
        lines = [f"return {call}"] if taken.results else [call, "return 0"]
    space: dict[str, Any] = {"function": function, "carray": carray}
    exec(f"def entry({', '.join(outer)}):\n " + "\n ".join(lines), space)  # noqa: S102 - of names made here
    return numba.cfunc(types.int64(*given), error_model="numpy")(space["entry"])
