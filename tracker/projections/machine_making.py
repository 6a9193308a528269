"""Machine code of functions, by numba: one object file that needs nothing but the processor. See `machine`."""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import extending
from numba.core import types
from numba.np.numpy_support import carray

from tracker.projections import uncounted
from tracker.projections.machine import Called, named

if TYPE_CHECKING:
    from tracker.projections.machine import Machine, Taken

__all__ = ["compiled", "made"]

_OF_THE_PROCESSOR: Final = "llvm."
"""How the names of those functions begin that are none: LLVM knows what to put there."""


def compiled(machine: Machine) -> dict[FunctionType, Any]:
    """The functions as numba's own. Nothing is written twice: they are taken as they stand, and what they call by name
    is bound to its compiled form; each goes by the other names of its own module.
    """
    made: dict[FunctionType, Any] = {}
    for function in machine.functions:
        space = {**function.__globals__, "__builtins__": __builtins__}
        bound = FunctionType(function.__code__, space, function.__name__, function.__defaults__)
        made[function] = numba.njit(**uncounted.options())(bound)
    for function, one in made.items():
        for name, called in named(function).items():
            if isinstance(called, FunctionType):
                one.py_func.__globals__[name] = made[called]
            elif isinstance(called, Called):
                one.py_func.__globals__[name] = _by_address(called)
    return made


@cache
def _by_address(called: Called) -> Any:
    """What numba compiles as a call of the function whose address is the first argument."""
    gives, takes = getattr(types, called.gives), [getattr(types, one) for one in called.takes]

    def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        del signature
        result = ir.VoidType() if gives == types.none else context.get_value_type(gives)
        form = ir.FunctionType(result, [context.get_value_type(one) for one in takes])
        found = builder.call(builder.inttoptr(given[0], form.as_pointer()), given[1:])
        return context.get_dummy_value() if gives == types.none else found

    names = ", ".join(f"a{i}" for i in range(len(takes) + 1))
    space = {"codegen": codegen, "signature": gives(types.intp, *takes)}
    exec(f"def call(typing, {names}):\n return signature, codegen", space)  # noqa: S102 - of names made here
    return extending.intrinsic(space["call"])


def made(machine: Machine) -> bytes | None:
    """The object file; None: a function needs more than the processor, as one does that may raise an error, or this
    numba keeps elsewhere what no interface of its own gives.
    """
    functions = compiled(machine)
    try:
        return _of_all(machine, functions)
    except AttributeError:
        return None


def _of_all(machine: Machine, functions: dict[FunctionType, Any]) -> bytes | None:
    whole: Any = None
    machine_of: Any = None
    for function, (name, taken) in zip(functions, machine.entries.items(), strict=False):  # they are the first ones
        entry = _entry(functions[function], taken)
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
