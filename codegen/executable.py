"""A program that runs: its compiled function, the memory it works in, what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from codegen import cache, cost, cpu, ir, memory, team
from codegen.arguments import Table
from codegen.optimisations import on
from codegen.pace import Pace

if TYPE_CHECKING:
    from codegen.epochs import Shuffle

Arrays = Mapping[ir.Buffer, np.ndarray]


@dataclass(eq=False)
class Binding:
    """One set of sizes: every array the function takes, in its order."""

    arrays: dict[ir.Buffer, np.ndarray]
    flat: list[np.ndarray]  # in the function's order; scalars as arrays of one element
    plan: memory.Plan
    arena: np.ndarray  # the bytes in which temps lie
    pace: Pace | None = None  # of a team
    table: Table | None = None  # of `flat`, once the function was called
    meanwhile: Callable[[], None] | None = None  # what to do while a device does the next run

    def put(self, at: int, array: np.ndarray) -> None:
        """Another array in the function's order; its form is the same."""
        self.flat[at] = array if array.ndim else array.reshape(1)
        if self.table is not None:
            self.table.put(at, self.flat[at])

    def apart(self) -> Binding:
        """The same temps, but places of its own for everything else."""
        return Binding(dict(self.arrays), list(self.flat), self.plan, self.arena, pace=self.pace)


class Executable:
    """Runs a program on arrays. One compilation serves every size."""

    in_place: Mapping[ir.Buffer, ir.Buffer] = MappingProxyType({})  # as the text has it
    borrows = False  # do values of variables leave the host?

    def __init__(
        self,
        program: ir.Program,
        *,
        jit: bool = True,
        name: str = "program",
        registers: bool = True,
    ) -> None:
        self.program, self.jit, self.name = program, jit, name
        self.scheduled = self._scheduled()
        self.emitted = self._emit(registers)
        self._bindings: dict[tuple[int, ...], Binding] = {}
        self._position = {b: k for k, b in enumerate(self.emitted.buffers)}
        self._paces: dict[tuple[int, ...], Pace] = {}
        self._planned: tuple[object, memory.Plan] | None = None

    def _emit(self, registers: bool) -> Any:
        """The module's text and the arrays it takes, in order."""
        made = cpu.emit(self.program, self.name, registers=registers)
        self.in_place = made.in_place
        return made

    @cached_property
    def module(self) -> ModuleType:
        """The generated module, compiled at first need."""
        return cache.load(self.emitted.source, self.name, jit=self.jit)

    @property
    def ready(self) -> bool:
        """Is the module there already?"""
        return "module" in vars(self)

    def make(self) -> None:
        """Make the machine code, unless it is there."""
        _ = self.module

    @property
    def source(self) -> str:
        return self.emitted.source

    @property
    def source_file(self) -> str:
        return self.module.__graphdl__["path"]  # type: ignore[attr-defined]

    @property
    def compile_seconds(self) -> float:
        return float(self.module.__graphdl__["compile_seconds"])  # type: ignore[attr-defined]

    @property
    def cached(self) -> bool:
        """Did the machine code come from the cache?"""
        return bool(self.module.__graphdl__["cached"])  # type: ignore[attr-defined]

    def notes(self, sizes: Mapping[str, int]) -> list[str]:
        """What else there is to say of a run at these sizes, a line each."""
        return []

    def binding(self, sizes: Mapping[str, int]) -> Binding:
        """Memory for temps and outputs at these sizes, kept for the next call."""
        key = tuple(sizes.values())
        found = self._bindings.get(key)
        if found is None:
            if len(self._bindings) >= 8:
                self._bindings.pop(next(iter(self._bindings)))
            found = self._bindings[key] = self.own_binding(sizes)
        return found

    def arena_bytes(self, sizes: Mapping[str, int]) -> int:
        """The memory that temps take at these sizes."""
        found = self._bindings.get(tuple(sizes.values()))
        return (found.plan if found else self.plan(sizes)).size

    def _scheduled(self) -> ir.Program:
        """The program, its items as they are run."""
        return self.program

    def plan(self, sizes: Mapping[str, int]) -> memory.Plan:
        """Where temps lie; that of the last sizes is kept: who measures mostly allocates next."""
        key = (on("reuse"), *sizes.items())
        if self._planned is None or self._planned[0] != key:
            skip = frozenset(self.program.arguments)
            plan = memory.plan(self.scheduled, sizes, skip, self.in_place)
            self._planned = key, plan
        return self._planned[1]

    def _pace(self, sizes: dict[str, int]) -> Pace:
        """What is known of the time at these sizes, whoever runs them."""
        key = tuple(sizes.values())
        if key not in self._paces:
            self._paces[key] = Pace(lambda threads: cost.seconds(self.program, sizes, threads))
        return self._paces[key]

    def own_binding(self, sizes: Mapping[str, int]) -> Binding:
        """The same, shared with nobody."""
        plan = self.plan(sizes)
        arena, arrays = memory.allocate(plan, sizes)
        binding = Binding(arrays, [_EMPTY] * len(self.emitted.buffers), plan, arena)
        if self.program.shares is not None:
            binding.pace = self._pace(dict(sizes))
        for pack in self.program.packs:
            if pack.whole in arrays:
                parts = memory.members(pack, arrays[pack.whole], sizes)
                arrays |= dict(zip(pack.members, parts, strict=True))
        for b in list(arrays):
            self.place(binding, b, arrays[b])
        for b in self.emitted.buffers:
            if b.view_of is not None and b.root in arrays:
                self.place(binding, b, arrays[b.root].reshape(memory.shape(b, sizes)))
        return binding

    def place(self, binding: Binding, buffer: ir.Buffer, array: np.ndarray) -> None:
        """Let the function find this array as that buffer."""
        at = self._position.get(buffer)
        binding.arrays[buffer] = array
        if at is not None:
            if array.dtype != buffer.dtype or not array.flags.c_contiguous:
                raise TypeError(f"{buffer} takes C-ordered {buffer.dtype}, got {array.dtype}")
            if array.ndim != len(buffer.shape):
                raise TypeError(f"{buffer} has {len(buffer.shape)} axes, got {array.ndim}")
            binding.put(at, array)

    def views(self, binding: Binding, sizes: Mapping[str, int]) -> None:
        """The other shapes under which arguments are used."""
        for b in self.emitted.buffers:
            if b.view_of is not None and b.root.role != "temp":
                array = binding.arrays[b.root].reshape(memory.shape(b, sizes))
                self.place(binding, b, array)

    def tables(self, binding: Binding) -> None:
        """Where the buffers of repeats lie, once all of them are placed."""
        for item in self.program.items:
            if not isinstance(item, ir.Repeat):
                continue
            for a in dict.fromkeys(item.arenas):
                column = item.arenas.index(a)
                self.place(binding, a, _arena(binding, a, item.table[0][column]))
            rows = [
                [memory.offset(binding.arrays[b], binding.arrays[a])
                 for b, a in zip(row, item.arenas, strict=True)] + list(turn.values())
                for row, turn in zip(item.table, item.turns, strict=True)
            ]  # fmt: skip
            self.place(binding, item.offsets, np.array(rows, np.int64))

    def as_it_is(self, value: Any) -> Any | None:
        """An input that is where the program needs it, though it is no array of NumPy's; else None."""
        return None

    def room(self, shape: tuple[int, ...], dtype: str, beside: Sequence[Any]) -> Any:
        """A fresh output beside such inputs."""
        return np.empty(shape, dtype)

    def borrow(self, binding: Binding, owners: Sequence[tuple[Any, np.ndarray, bool]]) -> None:
        """To be called with the owners of variables, where these lie, and whether they are changed."""

    def renew(self, array: np.ndarray) -> None:
        """To be called when the host has written into an array of data that was placed before."""

    def supply(
        self, binding: Binding, arrays: Sequence[np.ndarray], rows: slice, aside: bool
    ) -> None:
        """To be called when the host has written these rows of arrays, one part after the other.

        aside: a run is under way, and needs none of them.
        """

    def run(self, binding: Binding, numbers: Sequence[Any]) -> int:
        """Run the program; returns 0, or 1 + the step that a guard refused."""
        if not self.jit:
            with np.errstate(all="ignore"):
                return self._once(binding.flat, numbers, 1)
        words = self.table(binding).words
        if binding.pace is None:
            return self._entry(words, *numbers)
        return self._in_pace(binding.pace, words, numbers)

    def epochs(
        self, binding: Binding, numbers: Sequence[Any], shuffle: Shuffle | None,
        states: Sequence[np.ndarray], count: int,
    ) -> Any:  # fmt: skip
        """So many epochs that are run without a look at each: see `codegen.epochs.Epochs`."""
        from codegen.epochs import Epochs  # noqa: PLC0415 - built on this module

        return Epochs(self, binding, numbers, shuffle, states, count)

    def _in_pace(self, pace: Pace, words: np.ndarray, numbers: Sequence[Any]) -> int:
        """The steps by as many threads as are done first."""
        (first, last), rest = (numbers[:2], numbers[2:]) if self.program.batches else ((0, 1), None)
        for threads, steps in pace.plan(last - first):
            start = time.perf_counter()
            part = numbers if rest is None else (first, first + steps, *rest)
            status = self._once(words, part, threads)
            pace.note(threads, steps, time.perf_counter() - start)
            if status:
                return status
            first += steps
        return 0

    def _once(self, words: Any, numbers: Sequence[Any], threads: int) -> int:
        if self.program.shares is None:
            return int(self._entry(words, *numbers))
        return team.run(self._entry, words, numbers, threads)

    def table(self, binding: Binding) -> Table:
        """What the machine code takes for the arrays of a binding."""
        if binding.table is None:
            for buffer, array in zip(self.emitted.buffers, binding.flat, strict=True):
                if array.ndim != max(1, len(buffer.shape)):
                    raise TypeError(f"nothing was placed for {buffer}")
            binding.table = Table(binding.flat)
        return binding.table

    @property
    def address(self) -> int:
        """Where the machine code of `run` begins (Numba's own calling convention)."""
        return cache.machine_code(self.module.run)  # type: ignore[attr-defined]

    @cached_property
    def _entry(self) -> Callable[..., int]:
        """The machine code itself: `place` has checked every array, so types need no second look."""
        run = self.module.run
        compiled = list(getattr(run, "overloads", {}).values())
        return compiled[0].entry_point if self.jit and compiled else run


def _arena(binding: Binding, arena: ir.Buffer, example: ir.Buffer) -> np.ndarray:
    """The flat array that all buffers of a column are parts of."""
    if example.role == "temp":
        count = binding.arena.nbytes // np.dtype(arena.dtype).itemsize
        return binding.arena[: count * np.dtype(arena.dtype).itemsize].view(arena.dtype)
    base = binding.arrays[example].base
    assert isinstance(base, np.ndarray) and base.ndim == 1
    return base


_EMPTY = np.array(0.0)  # without axes: no array that a program takes
