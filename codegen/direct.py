"""A program called again and again on a few arrays of one form, nearly as cheaply as any function.

Sizes, numbers and the table of arrays stay as they are. A call hands over the few arrays that come
and go; compiled code looks how they lie, writes their addresses into the table and runs the program.
Python keeps its lock meanwhile, so that calls from several threads follow one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from codegen import cache, ir
from codegen.executable import Binding, Executable

# What a call may return besides the program's own status
FORM, STALE, NOT_FINITE = -1, -2, -3

_SOURCE = '''"""Hands {count} arrays to a compiled program.

frame: its length; the program's machine code; its table and the table's length; a counter and what it
has to be; the program's {numbers} numbers; for each array, how many entries of the table it has, and which.
"""
from numba import njit

from codegen.frames import call, flat, words

jit = njit(error_model="numpy", fastmath={{"reassoc", "nsz"}}, forceinline=True)
entry = njit(error_model="numpy")


@jit
def lies_well(array):
    """In C order, and every element where one can be."""
    step = array.itemsize
    for axis in range(array.ndim - 1, -1, -1):
        if array.shape[axis] != 1 and array.strides[axis] != step:
            return False
        step *= array.shape[axis]
    return array.ctypes.data % array.itemsize == 0


@jit
def apart(a, b):
    """Have two arrays no memory in common?"""
    a_start, b_start = a.ctypes.data, b.ctypes.data
    return a_start + a.size * a.itemsize <= b_start or b_start + b.size * b.itemsize <= a_start


@jit
def finite(array):
    """x·0 is 0 for a finite x and NaN for any other."""
    total = array.dtype.type(0)
    for value in flat(array):
        total += value * array.dtype.type(0)
    return total == 0


@jit
def place(frame, at, table, array):
    """Enter an array into the table; returns where the next one's entries stand."""
    count = frame[at]
    for k in range(at + 1, at + 1 + count):
        table[frame[k]] = array.ctypes.data
    return at + 1 + count


@entry
def run(start, {names}):
    frame = words(start, words(start, 1)[0])
    if words(frame[4], 1)[0] != frame[5]:
        return {stale}
{checks}
    table = words(frame[2], frame[3])
    at = {fixed}
{places}
    return call(frame[1], table, frame[6:], "{kinds}")


ENTRY = {{"run": "int64(int64, {types})"}}
'''


class Direct:
    """A program whose inputs and outputs are given in each call; all others lie in the binding.

    `run(frame, *arrays)` returns the program's status; FORM where an array is not in C order or an
    output shares memory with another; STALE where the watched counter has moved on; or NOT_FINITE.
    Nothing has run in these three cases. The caller sees to it that the arrays have the dtypes and
    shapes that the binding is for (where there are no axes, one of length 1).
    """

    def __init__(
        self, executable: Executable, binding: Binding, numbers: Sequence[Any],
        inputs: Sequence[ir.Buffer], outputs: Sequence[ir.Buffer], guarded: bool, watched: np.ndarray,
    ) -> None:  # fmt: skip
        """guarded: must inputs be finite? watched: a counter, int64."""
        table = executable.table(binding)
        kinds = [v.dtype for v in executable.emitted.parameters]
        head = [executable.address, _at(table.words), table.words.size, _at(watched), watched[0]]
        entries = [_entries(executable, table.starts, b) for b in (*inputs, *outputs)]
        tail = [w for places in entries for w in (len(places), *places)]
        words = [*head, *map(_word, numbers, kinds), *tail]
        self._frame = np.array([1 + len(words), *words], np.int64)
        self._kept = (executable, binding, watched)  # what the frame's addresses lead to
        self.frame = _at(self._frame)
        made = cache.load(_source(inputs, outputs, guarded, kinds), "direct").run
        self.run = next(iter(made.overloads.values())).entry_point


def _source(
    inputs: Sequence[ir.Buffer], outputs: Sequence[ir.Buffer], guarded: bool, kinds: Sequence[str]
) -> str:
    names = {b: f"x{k}" for k, b in enumerate(inputs, 1)}
    names |= {b: f"out{k}" for k, b in enumerate(outputs, 1)}
    conditions = [(f"lies_well({n})", FORM) for n in names.values()]
    conditions += [
        (f"apart({names[a]}, {names[b]})", FORM)
        for k, b in enumerate(outputs)
        for a in (*inputs, *outputs[:k])
    ]
    floats = [b for b in inputs if guarded and b.dtype.startswith("float")]
    conditions += [(f"finite({names[b]})", NOT_FINITE) for b in floats]
    return _SOURCE.format(
        count=len(names),
        numbers=len(kinds),
        names=", ".join(names.values()),
        fixed=6 + len(kinds),
        stale=STALE,
        checks="\n".join(f"    if not {test}:\n        return {code}" for test, code in conditions),
        places="\n".join(f"    at = place(frame, at, table, {n})" for n in names.values()),
        kinds=" ".join(kinds),
        types=", ".join(map(_array_type, names)),
    )


def _array_type(buffer: ir.Buffer) -> str:
    return f"{buffer.dtype}[{', '.join(':' * max(1, len(buffer.shape)))}]"


def _entries(executable: Executable, starts: Sequence[int], buffer: ir.Buffer) -> list[int]:
    """Where the table holds the address of a buffer, under all its shapes."""
    return [
        starts[k] for k, b in enumerate(executable.emitted.buffers) if buffer in (b, b.root)
    ]


def _at(array: np.ndarray) -> int:
    return array.ctypes.data


def _word(number: Any, dtype: str) -> int:
    """A number's bits, in the lower end of a word of eight bytes."""
    word = np.zeros(1, np.int64)
    word.view(dtype)[0] = number
    return int(word[0])
