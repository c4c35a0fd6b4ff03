"""Where the values of variables lie. A program may ask for several in one piece of memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codegen import ir
from codegen.executable import Binding
from graphdl.compile import Compiled
from graphdl.core.graph import Variable


def place_variables(compiled: Compiled, binding: Binding) -> list[np.ndarray]:
    """Let a program find its variables, packed as it wants them; returns where they lie now."""
    executable, lowered = compiled.executable, compiled.lowered
    by_buffer = {buffer: v for v, buffer in lowered.variables}
    for pack in executable.program.packs:
        if pack.whole.role == "variable":
            whole = together([by_buffer[m] for m in pack.members])
            executable.place(binding, pack.whole, whole)
    for group in _shared_arenas(executable.program):
        in_one_base([by_buffer[b] for b in group])
    for variable, buffer in lowered.variables:
        executable.place(binding, buffer, variable.storage)
    return [v.storage for v, _ in lowered.variables]


def _shared_arenas(program: ir.Program) -> list[list[ir.Buffer]]:
    """The variables that repeats reach through one array, by dtype."""
    groups: dict[str, dict[ir.Buffer, None]] = {}
    for item in program.items:
        if isinstance(item, ir.Repeat):
            for row in item.table:
                for b in row:
                    if b.role == "variable":
                        groups.setdefault(b.dtype, {})[b] = None
    return [list(g) for g in groups.values()]


def in_one_base(variables: Sequence[Variable]) -> None:
    """See that all variables are parts of one array, in any order."""
    base = variables[0].storage.base
    if (
        not isinstance(base, np.ndarray)
        or base.ndim != 1
        or any(v.storage.base is not base for v in variables)
    ):
        together(variables)


def have_moved(compiled: Compiled, places: Sequence[np.ndarray]) -> bool:
    """Has another program moved a variable since?"""
    variables = compiled.lowered.variables
    return any(v.storage is not at for (v, _), at in zip(variables, places, strict=True))


def together(variables: Sequence[Variable]) -> np.ndarray:
    """The one flat array in which the variables lie one after the other; they are moved if need be."""
    whole = _already(variables)
    if whole is not None:
        return whole
    whole = np.empty(sum(v.storage.size for v in variables), variables[0].dtype)
    start = 0
    for v in variables:
        part = whole[start : start + v.storage.size].reshape(v.storage.shape)
        part[...] = v.storage
        object.__setattr__(v, "storage", part)
        start += v.storage.size
    return whole


def _already(variables: Sequence[Variable]) -> np.ndarray | None:
    base = variables[0].storage.base
    if not isinstance(base, np.ndarray) or base.ndim != 1:
        return None
    address = variables[0].storage.ctypes.data
    start = (address - base.ctypes.data) // base.itemsize
    for v in variables:
        if v.storage.base is not base or v.storage.ctypes.data != address:
            return None
        address += v.storage.nbytes
    return base[start : start + sum(v.storage.size for v in variables)]
