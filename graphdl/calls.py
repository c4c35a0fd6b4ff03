"""Calls of a compiled graph, one after another: what stays in place between them is placed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from codegen import memory
from codegen.executable import Binding
from codegen.optimisations import on
from graphdl import config
from graphdl.compile import Compiled
from graphdl.storage import have_moved, place_variables


class Calls:
    """Calls a program with arrays in their normal form (see `graphdl.door`), at any sizes."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._places: dict[tuple[int, ...], _Place] = {}

    def __call__(
        self, arrays: Sequence[np.ndarray], sizes: Mapping[str, int], time: int
    ) -> tuple[int, list[np.ndarray]]:
        """(0 or the status of the guard that refused, fresh arrays of outputs)

        `sizes` are those of the program, in its order; `time` numbers the random draws.
        """
        key = tuple(sizes.values())
        place = self._places.get(key) if on("places") else None
        compiled = self._compiled.at(sizes) if place is None else place.compiled
        executable, lowered = compiled.executable, compiled.lowered
        binding = executable.binding(sizes)
        if place is None or place.binding is not binding or place.outdated():
            self._places = {k: p for k, p in self._places.items() if p.binding is not binding}
            place = self._places[key] = _Place(compiled, binding, sizes)
        outputs = place.put(arrays)
        numbers = (config.seed(), time, *key, *lowered.scalars)
        return executable.run(binding, numbers), outputs


def call_once(compiled: Compiled, arrays: Sequence[Any], sizes: Mapping[str, int]) -> list[Any]:
    """The outputs of a program without updates, in memory that ends with the call."""
    place = _Place(compiled, compiled.executable.own_binding(sizes), sizes)
    outputs = place.put(arrays)
    numbers = (config.seed(), 0, *sizes.values(), *compiled.lowered.scalars)
    compiled.executable.run(place.binding, numbers)
    return outputs


def own_place(compiled: Compiled, sizes: Mapping[str, int]) -> tuple[Binding, tuple[Any, ...]]:
    """Memory shared with no other call, in which zeros lie as inputs; and the numbers of a run."""
    place = _Place(compiled, compiled.executable.own_binding(sizes), sizes)
    inputs = [np.zeros(memory.shape(b, sizes), b.dtype) for _, b in compiled.lowered.inputs]
    place.put(inputs)
    return place.binding, (config.seed(), 0, *sizes.values(), *compiled.lowered.scalars)


class _Place:
    """Where inputs and outputs go at one set of sizes; variables and constants are there already."""

    def __init__(self, compiled: Compiled, binding: Binding, sizes: Mapping[str, int]) -> None:
        executable, lowered = compiled.executable, compiled.lowered
        self.compiled, self.binding = compiled, binding
        inputs = [b for _, b in lowered.inputs]
        self._outputs = [(memory.shape(b, sizes), b.dtype) for b in lowered.outputs]
        moving = [*inputs, *lowered.outputs]
        where = {b: k for k, b in enumerate(executable.emitted.buffers)}
        self._at = [where.get(b) for b in moving]
        self._views = []
        for buffer, value in lowered.constants:
            executable.place(binding, buffer, value)
        self.places = place_variables(compiled, binding)
        for b in executable.emitted.buffers:
            if b.view_of is None or b.root.role == "temp":
                continue
            shape = memory.shape(b, sizes)
            if b.root in moving:
                self._views.append((where[b], moving.index(b.root), shape))
            else:
                executable.place(binding, b, binding.arrays[b.root].reshape(shape))
        executable.tables(binding)

    def outdated(self) -> bool:
        """Has another program moved a variable since?"""
        return have_moved(self.compiled, self.places)

    def put(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Let the program find these inputs and fresh outputs, which are returned."""
        room = self.compiled.executable.room
        outputs = [room(shape, dtype, arrays) for shape, dtype in self._outputs]
        everything = [*arrays, *outputs]
        for at, array in zip(self._at, everything, strict=True):
            if at is not None:
                self.binding.put(at, array)
        for at, source, shape in self._views:
            self.binding.put(at, everything[source].reshape(shape))
        return outputs
