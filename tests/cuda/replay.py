"""Runs of programs, noted as they happen, to be run again on less data: as kernels and on the CPU."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from codegen import ir, memory
from codegen.executable import Binding, Executable
from codegen.optimisations import without
from graphdl import compile

Arrays = dict[ir.Buffer, np.ndarray]
ROLES = ("input", "constant", "variable", "output")
SMALL = 5  # rows of a batch, and the most that a run-time number may be


@dataclass
class Replay:
    """What a program was run on: everything that it is given, before the run."""

    program: ir.Program
    numbers: tuple[Any, ...]
    given: Arrays

    @property
    def sizes(self) -> dict[str, int]:
        names = [v.name for v in self.program.sizes]
        if self.program.batches is None:
            return dict(zip(names, self.numbers[2:], strict=False))
        return dict.fromkeys(names, self.numbers[2]) | {"total": self.numbers[3]}

    @property
    def scalars(self) -> dict[str, Any]:
        names = [v.name for v in self.program.scalars]
        count = 6 if self.program.batches else 2 + len(self.program.sizes)
        return dict(zip(names, self.numbers[count:], strict=True))

    @property
    def dtype(self) -> str:
        """The dtype that limits how exact results are."""
        return "float32" if any(b.dtype == "float32" for b in self.given) else "float64"

    def small(self, steps: int = 2) -> Replay:
        """The same on the first rows, with a ragged last batch."""
        if self.program.batches:
            _, _, batch, total, seed, time, *scalars = self.numbers
            batch = min(batch, SMALL)
            total = min(total, steps * batch - batch // 2)
            last = -(-total // batch)
            less = replace(self, numbers=(0, last, batch, total, seed, time, *scalars))
        else:
            seed, time, *rest = self.numbers
            count = len(self.program.sizes)
            sizes = [min(n, SMALL) for n in rest[:count]]
            less = replace(self, numbers=(seed, time, *sizes, *rest[count:]))
        less.given = {b: less._cut(b, a) for b, a in self.given.items()}
        return less

    def _cut(self, b: ir.Buffer, array: np.ndarray) -> np.ndarray:
        shape = memory.shape(b, self.sizes)
        if b.name == "order" and b.role == "input":
            return np.arange(shape[0])[::-1].copy()
        return np.array(array[tuple(map(slice, shape))])

    def places(self, scheduled: ir.Program) -> Arrays:
        """An array for every buffer, temps as the scheduled program lays them out: not a number yet."""
        with without("inplace"):
            executable = Executable(self.program, jit=False)
            executable.scheduled = scheduled
            binding = self._bound(executable)
            executable.tables(binding)
            return binding.arrays

    def on_cpu(self) -> Arrays:
        """What the un-jitted module leaves in everything that outlives the run."""
        executable = Executable(self.program, jit=False)
        binding = self._bound(executable)
        executable.views(binding, self.sizes)
        executable.tables(binding)
        assert executable.run(binding, self.numbers) == 0
        return self.lasting(binding.arrays)

    def lasting(self, arrays: Mapping[ir.Buffer, np.ndarray]) -> Arrays:
        """Variables and outputs."""
        roles = ("variable", "output")
        return {b: arrays[b] for b in self.given if b.role in roles and b.view_of is None}

    def _bound(self, executable: Executable) -> Binding:
        binding = executable.own_binding(self.sizes)
        binding.arena[:] = 0xFF  # not a number, in every float
        arrays = {b: a.copy() for b, a in self.given.items() if b.role != "variable"}
        for b, array in (arrays | self._variables()).items():
            executable.place(binding, b, array)
        return binding

    def _variables(self) -> Arrays:
        """Variables by dtype in one array each, those of a pack one after the other."""
        packs = [p for p in self.program.packs if p.whole.role == "variable"]
        wholes = {p.whole for p in packs}
        packed = [m for p in packs for m in p.members]
        alone = [b for b in self.given if b.role == "variable" and b not in {*packed, *wholes}]
        made: Arrays = {}
        for dtype in {b.dtype for b in (*packed, *alone)}:
            members = [b for b in (*packed, *alone) if b.dtype == dtype]
            base = np.concatenate([self.given[b].reshape(-1) for b in members])
            stops = np.cumsum([self.given[b].size for b in members])
            for b, stop in zip(members, stops, strict=True):
                array = self.given[b]
                made[b] = base[stop - array.size : stop].reshape(memory.shape(b, self.sizes))
            for p in packs:
                if p.whole.dtype == dtype:
                    first, last = members.index(p.members[0]), members.index(p.members[-1])
                    start = stops[first] - self.given[members[first]].size
                    made[p.whole] = base[start : stops[last]]
        return made


@contextmanager
def for_threads() -> Iterator[None]:
    """What is compiled meanwhile is optimised as for a GPU, whatever it is to run on."""
    own = compile.optimise
    compile.optimise = lambda program, **_: own(program, parallel=True)
    try:
        yield
    finally:
        compile.optimise = own


@contextmanager
def noting(most: int = 1) -> Iterator[list[Replay]]:
    """Notes the first runs of each program that runs meanwhile, but for those of teams."""
    found: list[Replay] = []
    seen: dict[ir.Program, int] = {}
    run = Executable.run

    def noted(self: Executable, binding: Binding, numbers: Sequence[Any]) -> int:
        if self.program.shares is None and seen.get(self.program, 0) < most:
            seen[self.program] = seen.get(self.program, 0) + 1
            placed = zip(self.emitted.buffers, binding.flat, strict=True)
            found.append(_replay(self.program, numbers, binding.arrays | dict(placed)))
        return run(self, binding, numbers)

    Executable.run = noted
    try:
        with for_threads():
            yield found
    finally:
        Executable.run = run


def _replay(program: ir.Program, numbers: Sequence[Any], arrays: Arrays) -> Replay:
    """The arrays of roots: some are known by a view only."""
    made = Replay(program, tuple(numbers), {})
    roots = {b.root: a for b, a in arrays.items() if b.root.role in ROLES}
    shapes = {b: memory.shape(b, made.sizes) for b in roots}
    for b, a in roots.items():
        flat = a.reshape(-1)[: math.prod(shapes[b])]
        made.given[b] = flat.reshape(shapes[b]).copy()
    return made
