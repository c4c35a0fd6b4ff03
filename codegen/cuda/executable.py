"""A program on a device, on the arrays and by the calls of `codegen.executable`.

Data, variables and temps lie on the device between calls. Data is uploaded when it was placed, or
said to have changed (`renew`); a variable when the host has had it; outputs are downloaded after each
run, a variable when the host asks for it. The host says where a run begins and ends; all that differs
from step to step is on the device, in the clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from codegen import ir, memory
from codegen.cuda.arrays import DeviceArray, is_on_device
from codegen.cuda.binding import KEPT, Arena, OnDevice, places_of_temps, tables
from codegen.cuda.clock import FIELDS
from codegen.cuda.current import current_device, mirrors
from codegen.cuda.device import DeviceError
from codegen.cuda.early import early
from codegen.cuda.emit import emit, emit_in_one_block
from codegen.cuda.epilogues import with_epilogues
from codegen.cuda.epochs import EpochsOnDevice
from codegen.cuda.interface import Device, Image, Pointer
from codegen.cuda.large import LargeProducts
from codegen.cuda.launch import launch
from codegen.cuda.mirrors import Owner, allocated
from codegen.cuda.one_block import fits
from codegen.cuda.replay import Replay
from codegen.cuda.start import Start, spans, start_of
from codegen.cuda.taking import empty, to_device
from codegen.epochs import Shuffle
from codegen.executable import _EMPTY, Binding, Executable
from codegen.optimisations import on, without

APART = 1 << 24  # bytes of temps: a part of a GPU's cache, so that none leaves it for more room


class CudaExecutable(Executable):
    """Runs a program as CUDA kernels."""

    borrows = True

    def __init__(
        self, program: ir.Program, *, name: str = "program", matmul_precision: str = "float32"
    ) -> None:
        self.device: Device = current_device()
        self.large = LargeProducts(self.device, matmul_precision)
        super().__init__(program, jit=False, name=name)
        self._clock = np.zeros(len(FIELDS), np.int64)

    def _scheduled(self) -> ir.Program:
        if fits(self.program):
            return with_epilogues(self.program)
        return with_epilogues(early(self.program), self.large.is_ours)

    def _emit(self, registers: bool) -> Any:
        if fits(self.program):
            return emit_in_one_block(self.scheduled, self.name, self.device.shape)
        return emit(self.scheduled, self.name, self.device.shape, self.large.precision)

    # -------------------------------------------------- machine code

    @cached_property
    def image(self) -> Image:
        """The kernels on the device, compiled at first need."""
        with self.device.lock:
            return self.device.load(self.emitted, self.name)

    def notes(self, sizes: Mapping[str, int]) -> list[str]:
        return [self.large.report(self.emitted.calls, sizes)]

    @property
    def ready(self) -> bool:
        return "image" in vars(self)

    def make(self) -> None:
        _ = self.image

    @property
    def source_file(self) -> str:
        return self.image.origin.path

    @property
    def compile_seconds(self) -> float:
        return self.image.origin.compile_seconds

    @property
    def cached(self) -> bool:
        return self.image.origin.cached

    # -------------------------------------------------- memory

    def plan(self, sizes: Mapping[str, int]) -> memory.Plan:
        """Where temps lie: each in a place of its own, where that is little memory in all.

        Launches that share a place wait for one another, though neither needs what the other makes.
        """
        shared = super().plan(sizes)
        if shared.unshared > APART or not on("branches"):
            return shared
        with without("reuse"):
            return super().plan(sizes)

    def own_binding(self, sizes: Mapping[str, int]) -> OnDevice:
        """Places for everything on the device; nothing is allocated there yet."""
        plan = self.plan(sizes)
        return OnDevice(
            {}, [_EMPTY] * len(self.emitted.buffers), plan, _EMPTY,
            temps=places_of_temps(self.program, plan, sizes), space=Arena(self.device, plan.size),
            shared=mirrors(self.device),
        )  # fmt: skip

    def arena_bytes(self, sizes: Mapping[str, int]) -> int:
        """The memory of the host that temps take: none. The device is asked when it runs."""
        return 0

    def tables(self, binding: Binding) -> None:
        """What the one block finds the rows of repeats by; else each row has launches of its own."""
        assert isinstance(binding, OnDevice)
        for b, array in tables(self.program, binding) if self.emitted.once else ():
            self.place(binding, b, array)

    def as_it_is(self, value: Any) -> DeviceArray | None:
        """An array on the GPU, whoever made it."""
        return to_device(value, self.device) if is_on_device(value) else None

    def room(self, shape: tuple[int, ...], dtype: str, beside: Sequence[Any]) -> Any:
        if not any(isinstance(a, DeviceArray) for a in beside):
            return super().room(shape, dtype, beside)
        return empty(shape, dtype, self.device)

    def borrow(
        self, binding: Binding, owners: Sequence[tuple[Owner, np.ndarray, bool]]
    ) -> None:  # fmt: skip
        """The variables of the program: who owns each, where it lies, and whether it is changed."""
        assert isinstance(binding, OnDevice)
        binding.owners, binding.values = list(owners), []

    def renew(self, array: np.ndarray) -> None:
        """The host has written into an array of data that was placed before."""
        if not isinstance(array, DeviceArray):
            mirrors(self.device).renew(array)

    def supply(
        self, binding: Binding, arrays: Sequence[np.ndarray], rows: slice, aside: bool
    ) -> None:
        assert isinstance(binding, OnDevice)
        with self.device.lock:
            self._require(binding.settle(self.emitted.buffers))
            for array in arrays:
                mirror = binding.shared.find(array)
                if mirror is not None:  # else the program does not need the array
                    mirror.supply(array[rows], aside)

    # -------------------------------------------------- running

    def run(self, binding: Binding, numbers: Sequence[Any]) -> int:
        """Run the program; returns 0, or 1 + the step that a guard refused."""
        assert isinstance(binding, OnDevice)
        start = start_of(self.program, numbers)
        with self.device.lock:
            steps = self._steps(binding, start)
            self.device.upload(self._clock_at, start.clock)
            steps()
            meanwhile, binding.meanwhile = binding.meanwhile, None
            if meanwhile is not None:
                meanwhile()
            status = self._status()
            self._give_back(binding, start)
        return status

    def _steps(self, binding: OnDevice, start: Start) -> Callable[[], None]:
        """What hands over all steps of a run; what they need is on the device by now."""
        replays = self._ready(binding, start)

        def hand_over() -> None:
            for replay, steps in replays:
                replay.run(1 if self.emitted.once else steps, self._ended)

        return hand_over

    def epochs(
        self, binding: Binding, numbers: Sequence[Any], shuffle: Shuffle | None,
        states: Sequence[np.ndarray], count: int,
    ) -> EpochsOnDevice:  # fmt: skip
        assert isinstance(binding, OnDevice)
        start = start_of(self.program, numbers)
        ready = partial(self._steps, binding, start)
        return EpochsOnDevice(
            self.device, ready, start.clock, self._clock_at, shuffle, states, binding, count
        )

    def profile(self, binding: Binding, numbers: Sequence[Any]) -> list[tuple[str, float]]:
        """Run one step, launch by launch: each kernel's name and its milliseconds."""
        assert isinstance(binding, OnDevice)
        start = start_of(self.program, numbers)
        with self.device.lock:
            replay, _ = self._ready(binding, start)[0]
            self.device.upload(self._clock_at, start.clock)
            marks = [self.device.mark()]
            for prepared in replay.step:
                self.device.launch(prepared)
                marks.append(self.device.mark())
            self._give_back(binding, start)
            spent = map(self.device.milliseconds, marks, marks[1:])
            return [(c.kernel.name, t) for c, t in zip(self.emitted.calls, spent, strict=True)]

    def _ready(self, binding: OnDevice, start: Start) -> list[tuple[Replay, int]]:
        """The launches and for how many steps, all that they need on the device; nothing has changed
        before all of it is there.
        """
        _ = self.image
        buffers = self.emitted.buffers
        self._require(binding.settle(buffers))
        pointers = binding.pointers(buffers)
        replays = [(self._replay(binding, s, pointers), s.steps) for s in self._spans(start)]
        binding.bring(buffers)
        return replays

    def _spans(self, start: Start) -> list[Start]:
        """What the same launches run: all, but where a library has a part in a step. It does not read
        the rows from the clock, so a ragged batch has launches of its own.
        """
        parts = spans(self.program, start)
        if parts[0] is start or not self.large.are_in(self.emitted.calls, start.sizes):
            return [start]
        return parts

    def _require(self, needed: int) -> None:
        """Raise DeviceError where the device has not so many bytes left."""
        if not needed:
            return
        free, total = self.device.memory()
        if needed > free:
            self._bindings.clear()  # the arenas of other sizes may go
            free, total = self.device.memory()
        if needed > free:
            raise DeviceError(
                f"{self.name} needs {needed:,} more bytes of {self.device.name}, of whose {total:,} "
                f"{free:,} are free; nothing was changed. Use a smaller batch, less data at once or "
                "float32, or end what else runs on the GPU (see nvidia-smi)"
            )

    def _replay(
        self, binding: OnDevice, start: Start, pointers: Mapping[ir.Buffer, Pointer]
    ) -> Replay:
        """The launches at these numbers and places, packed before or now."""
        places = (p.address for p in pointers.values())
        key = (*start.sizes.values(), *start.scalars.values(), *places)
        if key not in binding.replays:
            while len(binding.replays) >= KEPT:
                binding.replays.pop(next(iter(binding.replays)))
            self._require(self.large.workspace(self.emitted.calls, start.sizes))
            step = list(self._prepared(start, pointers))
            changes = any(changes for _, _, changes in binding.owners)
            binding.replays[key] = Replay(self.device, step, changes)
        return binding.replays[key]

    def _prepared(self, start: Start, pointers: Mapping[ir.Buffer, Pointer]) -> Iterator[Any]:
        clock = Pointer(self._clock_at, "int64", len(FIELDS))
        for call in self.emitted.calls:
            prepared = self.large.prepare(call, start.sizes, pointers)
            if prepared is None:
                made = launch(call, start.sizes, start.scalars, self.device.most_blocks)
                given = [clock, *(pointers[b] for b in made.buffers)]
                prepared = self.device.prepare(self.image, made, given)
            yield prepared

    @cached_property
    def _clock_at(self) -> int:
        return allocated(self, self.device, self._clock.nbytes, "a clock")

    def _status(self) -> int:
        self.device.download(self._clock_at, self._clock)
        return int(self._clock[FIELDS["status"]])

    def _ended(self) -> bool:
        return self._status() != 0

    def _give_back(self, binding: OnDevice, start: Start) -> None:
        """Download the outputs: of a program of batches the rows of this run."""
        outputs = {
            binding.mirrors[at]: (b.root, binding.flat[at].reshape(-1))
            for at, b in enumerate(self.emitted.buffers)
            if b.role == "output" and not isinstance(binding.flat[at], DeviceArray)
        }
        for mirror, (buffer, array) in outputs.items():
            if self.program.batches:
                row = math.prod(memory.value(d, start.sizes) for d in buffer.shape[1:])
                array = array[start.rows.start * row : start.rows.stop * row]
            self.device.download(mirror.place_of(array), array)
