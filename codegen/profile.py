"""What each kernel costs: arithmetic, bytes, and the time it takes on its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from codegen import ir, memory
from codegen.executable import Binding, Executable


@dataclass(frozen=True)
class Cost:
    """One item of a program at given sizes."""

    note: str
    flops: int  # additions, multiplications, comparisons and calls, one each
    bytes: int  # of memory read and written, each element of a buffer once
    seconds: float | None = None

    def __str__(self) -> str:
        rate = ""
        if self.seconds:
            rate = (
                f"{self.seconds * 1e6:9.2f} µs {self.flops / self.seconds / 1e9:8.2f} GFLOP/s "
                f"{self.bytes / self.seconds / 1e9:8.2f} GB/s  "
            )
        return f"{rate}{self.flops:>12,} flop {self.bytes:>12,} B  {self.note}"


def costs(program: ir.Program, sizes: Mapping[str, int]) -> list[Cost]:
    """Arithmetic and bytes of each item, without running it."""
    return [Cost(_title(i), flops(i, sizes), traffic(i, sizes)) for i in program.items]


def flops(item: ir.Item, sizes: Mapping[str, int]) -> int:
    """The number of scalar operations of an item."""
    if isinstance(item, ir.MatMul):
        inner = memory.shape(item.a, sizes)[0 if item.ta else 1]
        rows, columns = memory.shape(item.out, sizes)
        return 2 * rows * inner * columns
    if isinstance(item, ir.Kernel):
        return _flops(item.body, sizes)
    if isinstance(item, ir.Repeat):
        return sum(flops(i, {**sizes, **turn}) for turn in item.turns for i in item.items)
    return sum(memory.nbytes(b, sizes) // np.dtype(b.dtype).itemsize for b in ir.reads(item))


def _flops(body: Sequence[ir.Stmt], sizes: Mapping[str, int]) -> int:
    total = 0
    for s in body:
        if isinstance(s, ir.Loop):
            total += memory.value(s.extent, sizes) * _flops(s.body, sizes)
        else:
            total += sum(
                isinstance(p, ir.Apply) and p.fn != "cast" for p in ir.subexpressions(s.expr)
            ) + bool(getattr(s, "op", None))
    return total


def traffic(item: ir.Item, sizes: Mapping[str, int]) -> int:
    """The bytes that an item must move: every buffer it reads and every one it writes, once."""
    touched = [*ir.reads(item), *ir.writes(item)]
    return sum(memory.nbytes(b, sizes) for b in touched)


def timed(
    executable: Executable, binding: Binding, numbers: Sequence[Any], sizes: Mapping[str, int]
) -> list[Cost]:
    """The costs with the time that each item takes by itself, its data in cache.

    Each item is compiled and run alone on the memory of the binding: values in variables and temps
    are not kept.
    """
    found = []
    for item, cost in zip(executable.program.items, costs(executable.program, sizes), strict=True):
        alone = Executable(executable.program.with_items([item]), name="kernel", registers=False)
        part = Binding(binding.arrays, [], binding.plan, binding.arena)
        part.flat = [_placed(binding.arrays, b) for b in alone.emitted.buffers]
        alone.run(part, numbers)
        found.append(Cost(cost.note, cost.flops, cost.bytes, _seconds(alone, part, numbers)))
    return found


def _placed(arrays: Mapping[ir.Buffer, np.ndarray], buffer: ir.Buffer) -> np.ndarray:
    array = arrays.get(buffer)
    if array is None:
        array = np.zeros((1,) * max(1, len(buffer.shape)), buffer.dtype)
    return array if array.ndim else array.reshape(1)


def _seconds(executable: Executable, binding: Binding, numbers: Sequence[Any]) -> float:
    times = []
    for _ in range(30):
        start = time.perf_counter()
        executable.run(binding, numbers)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _title(item: ir.Item) -> str:
    lines = item.note.splitlines()
    return (
        f"{lines[0]} … ({len(lines)} lines)" if len(lines) > 1 else item.note or type(item).__name__
    )
