"""Where the values of variables lie. A program may ask for several in one piece of memory."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock

import numpy as np

from codegen import ir
from codegen.executable import Binding
from graphdl.compile import Compiled
from graphdl.core.away import Away, leave, place
from graphdl.core.graph import Variable

LINE = 64  # bytes
MOVES = np.zeros(1, np.int64)  # how often variables were moved, ever


def place_variables(compiled: Compiled, binding: Binding) -> list[np.ndarray]:
    """Let a program find its variables, packed as it wants them; returns where they lie now."""
    executable, lowered = compiled.executable, compiled.lowered
    by_buffer = {buffer: v for v, buffer in lowered.variables}
    packs = [p for p in executable.program.packs if p.whole.role == "variable"]
    for group in _shared_arenas(executable.program, packs):
        in_one_base([[by_buffer[b] for b in run] for run in group])
    for pack in packs:
        executable.place(binding, pack.whole, together([by_buffer[m] for m in pack.members]))
    where = place if executable.borrows else _at_home
    for variable, buffer in lowered.variables:
        executable.place(binding, buffer, where(variable))
    changed = compiled.graph.updates
    executable.borrow(binding, [(Home(v), place(v), v in changed) for v, _ in lowered.variables])
    return [where(v) for v, _ in lowered.variables]


@dataclass(frozen=True)
class Home:
    """A variable as the owner of a value that a device may have."""

    variable: Variable

    @property
    def is_home(self) -> bool:
        return not isinstance(self.variable, Away)

    def leave(self, fetch: Callable[[], None], lock: RLock) -> None:
        """The device has the value until the host asks for it."""
        MOVES[0] += 1  # who reads the place itself has to ask for it again
        leave(self.variable, fetch, lock)


def _at_home(variable: Variable) -> np.ndarray:
    return variable.storage


def _shared_arenas(program: ir.Program, packs: Sequence[ir.Pack]) -> list[list[list[ir.Buffer]]]:
    """By dtype, the variables that repeats reach through one array, as runs that stay together.

    A pack is such a run: it keeps its order wherever the array lies.
    """
    runs = {m: p.members for p in packs for m in p.members}
    groups: dict[str, dict[tuple[ir.Buffer, ...], None]] = {}
    for item in program.items:
        if isinstance(item, ir.Repeat):
            for b in (b for row in item.table for b in row if b.role == "variable"):
                groups.setdefault(b.dtype, {})[runs.get(b, (b,))] = None
    return [[list(run) for run in group] for group in groups.values()]


def in_one_base(runs: Sequence[Sequence[Variable]]) -> None:
    """See that all variables are parts of one array, those of a run one after the other."""
    variables = [v for run in runs for v in run]
    base = place(variables[0]).base
    alone = not isinstance(base, np.ndarray) or base.ndim != 1
    if alone or any(place(v).base is not base for v in variables) or None in map(_start, runs):
        together(variables)


def have_moved(compiled: Compiled, places: Sequence[np.ndarray]) -> bool:
    """Has another program moved a variable since?"""
    variables = compiled.lowered.variables
    if compiled.executable.borrows:
        now = [place(v) for v, _ in variables]
    else:
        now = [v.storage for v, _ in variables]
    return not all(map(operator.is_, now, places))  # asked before each run: no Python loop


def together(variables: Sequence[Variable]) -> np.ndarray:
    """The one flat array in which the variables lie one after the other; they are moved if need be."""
    start, size = _start(variables), sum(place(v).size for v in variables)
    if start is not None:
        return place(variables[0]).base[start : start + size]  # type: ignore[index]
    whole = _aligned(size, variables[0].dtype)
    MOVES[0] += 1
    at = 0
    for v in variables:
        part = whole[at : at + v.storage.size].reshape(v.storage.shape)
        part[...] = v.storage
        object.__setattr__(v, "storage", part)
        at += part.size
    return whole


def _aligned(size: int, dtype: str) -> np.ndarray:
    """An array that starts where a cache line does: a load of a whole register then needs only one."""
    spare = LINE // np.dtype(dtype).itemsize
    room = np.empty(size + spare, dtype)
    first = -room.ctypes.data % LINE // room.itemsize
    return room[first : first + size]


def _start(variables: Sequence[Variable]) -> int | None:
    """Where in their flat array the variables begin, if they lie in one, one after the other."""
    base = place(variables[0]).base
    if not isinstance(base, np.ndarray) or base.ndim != 1:
        return None
    address = place(variables[0]).ctypes.data
    start = (address - base.ctypes.data) // base.itemsize
    for v in variables:
        if place(v).base is not base or place(v).ctypes.data != address:
            return None
        address += place(v).nbytes
    return start
