"""A program in Numba's CUDA simulator, on the arrays and by the calls of `codegen.executable`.

The host counts the steps and hands over launch after launch; all that differs from step to step is on
the device, in the clock.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from codegen import cache, ir
from codegen.cuda.clock import FIELDS
from codegen.cuda.device import require_device
from codegen.cuda.emit import emit, emit_in_one_block
from codegen.cuda.kernels import SIMULATOR
from codegen.cuda.launch import Launch, launch
from codegen.cuda.one_block import fits
from codegen.executable import Binding, Executable

BLOCKS = 2  # at most, in the simulator: they run one after the other


class CudaExecutable(Executable):
    """Runs a program as CUDA kernels."""

    def __init__(self, program: ir.Program, *, name: str = "program") -> None:
        require_device()
        super().__init__(program, jit=False, name=name)

    def _emit(self, registers: bool) -> Any:
        way = emit_in_one_block if fits(self.program) else emit
        return way(self.program, self.name, SIMULATOR)

    @cached_property
    def module(self) -> ModuleType:
        """The generated module."""
        return cache.load(self.emitted.source, self.name, jit=None)

    def tables(self, binding: Binding) -> None:
        """Nothing: rows of repeats are launches of their own."""

    def run(self, binding: Binding, numbers: Sequence[Any]) -> int:
        """Run the program; returns 0, or 1 + the step that a guard refused."""
        clock, steps, sizes, scalars = self._start(numbers)
        calls = self.emitted.calls
        launches = [launch(call, sizes, scalars, BLOCKS) for call in calls]
        simulation = _Simulation(self.module, clock)
        arrays = dict(zip(self.emitted.buffers, binding.flat, strict=True))
        with _simulating():
            for _ in range(1 if self.emitted.once else steps):
                for one in launches:
                    simulation.run(one, [arrays[b] for b in one.buffers])
                if clock[FIELDS["status"]]:
                    break
        return int(clock[FIELDS["status"]])

    def _start(
        self, numbers: Sequence[Any]
    ) -> tuple[np.ndarray, int, dict[str, int], dict[str, Any]]:
        """The clock before the first step, the number of steps, sizes and scalars by name."""
        names = [v.name for v in self.program.scalars]
        if self.program.batches:
            first, last, batch, total, seed, time, *scalars = numbers
            set_to = {"now": first, "last": last, "batch": batch, "total": total}
            set_to |= {"seed": seed, "time": time}
            sizes = {v.name: batch for v in self.program.sizes} | {"total": total}
            steps = last - first
        else:
            sizes_of = [v.name for v in self.program.sizes]
            seed, time, *rest = numbers
            sizes = dict(zip(sizes_of, rest, strict=False))
            scalars = rest[len(sizes_of) :]
            set_to, steps = {"now": 1, "step": time, "seed": seed}, 1
        clock = np.zeros(len(FIELDS), np.int64)
        for field, value in set_to.items():
            clock[FIELDS[field]] = value
        return clock, steps, sizes, dict(zip(names, scalars, strict=True))


class _Simulation:
    """Launches in the simulator, on arrays that stay where they are."""

    def __init__(self, module: ModuleType, clock: np.ndarray) -> None:
        from numba import cuda  # noqa: PLC0415 - it takes a second to load
        from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray  # noqa: PLC0415

        self._module, self._in_place = module, FakeCUDAArray
        self._jit = cuda.jit
        self._clock = clock

    def run(self, one: Launch, arrays: Sequence[np.ndarray]) -> None:
        """One launch, all its threads in turn."""
        kernel = self._jit(getattr(self._module, one.kernel))
        flat = (a.reshape(-1) for a in (self._clock, *arrays))
        given = (self._in_place(a.view(np.uint8) if a.dtype == bool else a) for a in flat)
        kernel[one.grid, one.block](*given, *one.numbers)


def _shared_array(shared: Any, shape: Any, dtype: Any) -> np.ndarray:
    """A block's shared array, known by the line that asks for it: the first thread's, for all.

    In place of the simulator's own function, by which two threads that ask at the same time may each
    get an array of their own.
    """
    from numba.np.numpy_support import as_dtype  # noqa: PLC0415 - it takes a second to load

    asks = sys._getframe(1)
    made = np.empty(shape, dtype if isinstance(dtype, type) else as_dtype(dtype))
    return shared._allocations.setdefault((asks.f_code.co_filename, asks.f_lineno), made)


@contextmanager
def _simulating() -> Iterator[None]:
    """Floats overflow without a word, as they do on a GPU; and the simulator's threads take turns fast.

    It looks for the end of a block in a loop, which holds up the threads it waits for.
    """
    from numba.cuda.simulator.kernelapi import FakeCUDAShared  # noqa: PLC0415 - likewise

    before, own = sys.getswitchinterval(), FakeCUDAShared.array
    FakeCUDAShared.array = _shared_array
    with warnings.catch_warnings():  # in all threads, which NumPy's own switch would not reach
        warnings.simplefilter("ignore", RuntimeWarning)
        sys.setswitchinterval(5e-5)
        try:
            yield
        finally:
            sys.setswitchinterval(before)
            FakeCUDAShared.array = own
