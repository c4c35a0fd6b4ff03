"""What a program is run on, on a device: arrays of the host with their mirrors, temps in one arena."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from codegen import ir, memory
from codegen.cuda.arrays import DeviceArray
from codegen.cuda.interface import Device, Pointer
from codegen.cuda.mirrors import (
    Mirror,
    Mirrors,
    Owner,
    Value,
    allocated,
    base_of,
    value_of,
)
from codegen.cuda.replay import Replay
from codegen.executable import Binding

KEPT = 4  # replays of a binding, for other sizes or numbers
OF_VARIABLES = ("variable", "arena")  # roles of arrays of the host that hold variables


class Arena:
    """Memory of the device for all temps; allocated when it is first asked for."""

    def __init__(self, device: Device, nbytes: int) -> None:
        self._device, self._nbytes = device, nbytes
        self._address: int | None = None

    @property
    def needed(self) -> int:
        """Bytes that are still to be had."""
        return 0 if self._address is not None else self._nbytes

    @property
    def address(self) -> int:
        if self._address is None:
            self._address = allocated(self, self._device, self._nbytes, "the program's temps")
        return self._address


@dataclass(eq=False, kw_only=True)
class OnDevice(Binding):
    """One set of sizes on a device. The host's arrays are looked at again when they were put anew."""

    temps: dict[ir.Buffer, tuple[int, int]]  # offset, elements
    space: Arena
    shared: Mirrors
    moved: set[int] = field(default_factory=set)  # places at which an array was put
    mirrors: dict[int, Mirror | DeviceArray] = field(default_factory=dict)  # by place
    owners: list[tuple[Owner, np.ndarray, bool]] = field(default_factory=list)
    homes: list[Mirror] = field(default_factory=list)  # of the owners' values
    values: list[tuple[Owner, Value, bool]] = field(default_factory=list)
    found: dict[ir.Buffer, Pointer] | None = None  # where buffers are, until one is put anew
    replays: dict[object, Replay] = field(default_factory=dict)

    def put(self, at: int, array: np.ndarray) -> None:
        """The same array may hold other numbers."""
        super().put(at, array)
        self.moved.add(at)
        if not isinstance(array, DeviceArray):
            self.shared.renew(self.flat[at])

    def apart(self) -> OnDevice:
        return OnDevice(
            dict(self.arrays), list(self.flat), self.plan, self.arena, temps=self.temps,
            space=self.space, shared=self.shared, moved=self.moved | set(self.mirrors),
        )  # fmt: skip

    def settle(self, buffers: tuple[ir.Buffer, ...]) -> int:
        """Find the mirrors of what was put; returns the bytes of the device that are still needed."""
        in_use = {m for at, m in self.mirrors.items() if at not in self.moved}
        for at in sorted(self.moved):
            array, before = self.flat[at], self.mirrors.get(at)
            before = before if isinstance(before, Mirror) else None
            if isinstance(array, DeviceArray):
                found = array
            elif buffers[at].root.role in OF_VARIABLES:
                found = self.shared.of_variable(array, self)
            else:
                found = self.shared.of_data(array, self, None if before in in_use else before)
            self.mirrors[at] = found
            in_use.add(found)
        if self.moved:
            self.found = None
        self.moved.clear()
        if len(self.values) != len(self.owners):
            self._settle_owners()
        needed = {m: m.needed for m in (*self.mirrors.values(), *self.homes)}
        return sum(needed.values()) + self.space.needed

    def _settle_owners(self) -> None:
        self.homes = [self.shared.of_variable(array, self) for _, array, _ in self.owners]
        self.values = [
            (owner, value_of(mirror, array), changes)
            for mirror, (owner, array, changes) in zip(self.homes, self.owners, strict=True)
        ]

    def bring(self, buffers: tuple[ir.Buffer, ...]) -> None:
        """Upload what the device does not have yet. No value has left the host before all is there."""
        for at, mirror in self.mirrors.items():
            if buffers[at].root.role not in (*OF_VARIABLES, "output"):
                mirror.renew()
        for owner, value, _ in self.values:
            value.take(owner)
        for _, value, changes in self.values:
            value.changed |= changes

    def pointers(self, buffers: tuple[ir.Buffer, ...]) -> dict[ir.Buffer, Pointer]:
        """Where the device finds each buffer."""
        if self.found is not None:
            return self.found
        found: dict[ir.Buffer, Pointer] = {}
        for at, b in enumerate(buffers):
            if at in self.mirrors:
                array = self.flat[at]
                found[b] = Pointer(self.mirrors[at].place_of(array), b.dtype, array.size)
            elif b.root in self.temps:
                offset, count = self.temps[b.root]
                found[b] = Pointer(self.space.address + offset, b.dtype, count)
            elif b.role == "arena":
                count = self.plan.size // np.dtype(b.dtype).itemsize
                found[b] = Pointer(self.space.address, b.dtype, count)
            else:
                raise TypeError(f"nothing was placed for {b}")
        self.found = found
        return found


def tables(program: ir.Program, binding: OnDevice) -> Iterator[tuple[ir.Buffer, np.ndarray]]:
    """Where the buffers of repeats lie: the offsets, and the arenas that are arrays of the host.

    Mirrors are laid out as the host's arrays are; temps have no other arena than that of the device.
    """
    for item in program.items:
        if isinstance(item, ir.Repeat):
            for arena, b in dict(zip(item.arenas, item.table[0], strict=True)).items():
                if b.role == "variable":
                    yield arena, base_of(binding.arrays[b])
            rows = zip(item.table, item.turns, strict=True)
            numbers = [[*(_offset(b, binding) for b in row), *turn.values()] for row, turn in rows]
            yield item.offsets, np.array(numbers, np.int64)


def _offset(b: ir.Buffer, binding: OnDevice) -> int:
    """Where a buffer begins in its arena, in elements."""
    if b.role == "temp":
        return binding.temps[b][0] // np.dtype(b.dtype).itemsize
    return memory.offset(binding.arrays[b], base_of(binding.arrays[b]))


def places_of_temps(
    program: ir.Program, plan: memory.Plan, sizes: Mapping[str, int]
) -> dict[ir.Buffer, tuple[int, int]]:
    """Where temps begin in the arena, in bytes, and their elements; members of packs too."""
    found = {b: (offset, _count(b, sizes)) for b, offset in plan.offsets.items()}
    for pack in program.packs:
        if pack.whole in found:
            offset, _ = found[pack.whole]
            for member in pack.members:
                found[member] = offset, _count(member, sizes)
                offset += memory.nbytes(member, sizes)
    return found


def _count(b: ir.Buffer, sizes: Mapping[str, int]) -> int:
    return memory.nbytes(b, sizes) // np.dtype(b.dtype).itemsize
