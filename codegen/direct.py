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
FORM, STALE = -1, -2

_SOURCE = '''"""Hands {count} arrays to a compiled program.

frame: its length; the program's machine code; its table and the table's length; a counter and
what it has to be; the program's {numbers} numbers; the shapes of the arrays; for each array, how
many entries of the table it has, and which.
"""
from numba import njit

from codegen.frames import call, words
from codegen.pipeline import INNER, OUTER

jit = njit(error_model="numpy", forceinline=True, **INNER)
entry = njit(error_model="numpy", **OUTER)  # arrays are taken as they come, none is counted


@jit
def lies_well(array, shape):
    """Of this shape, in C order, and every element where one can be."""
    step = array.itemsize
    for axis in range(array.ndim - 1, -1, -1):
        if array.shape[axis] != shape[axis]:
            return False
        if shape[axis] != 1 and array.strides[axis] != step:
            return False
        step *= shape[axis]
    return array.ctypes.data % array.itemsize == 0


@jit
def apart(a, b):
    """Have two arrays no memory in common?"""
    a_start, b_start = a.ctypes.data, b.ctypes.data
    return a_start + a.size * a.itemsize <= b_start or b_start + b.size * b.itemsize <= a_start


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
    at = {entries}
{places}
    return call(frame[1], table, frame[6:], "{kinds}")


ENTRY = {{"run": "int64(int64, {types})"}}
'''


class Direct:
    """A program whose inputs and outputs are given in each call; all others lie in a binding.

    `run(frame, *arrays)` returns the program's status; FORM where an array has not the shape that was
    bound, or is not in C order, or an output shares memory with another; or STALE where the watched
    counter is not what it was when `bind` was called. Nothing has run in these two cases. The caller
    sees to it that arrays have the right dtypes and numbers of axes (at least one).
    """

    def __init__(
        self, executable: Executable, inputs: Sequence[ir.Buffer], outputs: Sequence[ir.Buffer],
        watched: np.ndarray,
    ) -> None:  # fmt: skip
        """watched: a counter, int64, that `run` compares with what it was at the last `bind`."""
        self._executable, self._moving = executable, (*inputs, *outputs)
        self._kinds = [v.dtype for v in executable.emitted.parameters]
        self._entries = [_entries(executable, b) for b in self._moving]
        size = _FIXED + len(self._kinds) + sum(map(_axes, self._moving))
        size += sum(1 + len(e) for e in self._entries)
        self._frame = np.zeros(size, np.int64)
        self._watched = watched
        self.frame = address(self._frame)
        made = cache.load(_source(inputs, outputs, self._kinds), "direct").run
        self.run = next(iter(made.overloads.values())).entry_point

    def bind(
        self, binding: Binding, numbers: Sequence[Any], shapes: Sequence[tuple[int, ...]]
    ) -> None:
        """Work in this memory, with these numbers, on arrays of these shapes. Calls by other threads
        find the frame STALE until it is whole."""
        now = int(self._watched[0])
        table = self._executable.table(binding)
        words = list(map(word, numbers, self._kinds))
        words += [n for shape in shapes for n in shape or (1,)]
        for places in self._entries:
            words += [len(places), *(table.starts[k] for k in places)]
        frame = self._frame
        frame[5] = -1
        frame[:5] = (
            len(frame),
            self._executable.address,
            address(table.words),
            table.words.size,
            address(self._watched),
        )
        frame[_FIXED:] = words
        self._binding = binding  # what the frame's addresses lead to
        frame[5] = now


_FIXED = 6  # words before the numbers


def _source(inputs: Sequence[ir.Buffer], outputs: Sequence[ir.Buffer], kinds: Sequence[str]) -> str:
    names = {b: f"x{k}" for k, b in enumerate(inputs, 1)}
    names |= {b: f"out{k}" for k, b in enumerate(outputs, 1)}
    shapes = _FIXED + len(kinds)
    conditions = []
    for b, n in names.items():
        conditions.append((f"lies_well({n}, frame[{shapes}:])", FORM))
        shapes += _axes(b)
    conditions += [
        (f"apart({names[a]}, {names[b]})", FORM)
        for k, b in enumerate(outputs)
        for a in (*inputs, *outputs[:k])
    ]
    return _SOURCE.format(
        count=len(names),
        numbers=len(kinds),
        names=", ".join(names.values()),
        entries=shapes,
        stale=STALE,
        checks="\n".join(f"    if not {test}:\n        return {code}" for test, code in conditions),
        places="\n".join(f"    at = place(frame, at, table, {n})" for n in names.values()),
        kinds=" ".join(kinds),
        types=", ".join(map(_array_type, names)),
    )


def _array_type(buffer: ir.Buffer) -> str:
    return f"{buffer.dtype}[{', '.join(':' * _axes(buffer))}]"


def _axes(buffer: ir.Buffer) -> int:
    return max(1, len(buffer.shape))


def _entries(executable: Executable, buffer: ir.Buffer) -> list[int]:
    """Which arrays of the function are this buffer, under any of its shapes."""
    return [k for k, b in enumerate(executable.emitted.buffers) if buffer in (b, b.root)]


def address(array: np.ndarray) -> int:
    """Where the elements of an array begin."""
    return array.ctypes.data


def word(number: Any, dtype: str) -> int:
    """A number's bits, in the lower end of a word of eight bytes."""
    word = np.zeros(1, np.int64)
    word.view(dtype)[0] = number
    return int(word[0])
