"""A compiled function made ready for arrays of one form: `gd.function(…).prepared(x)`,
`model.predict_function(rows=1)`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from codegen import memory
from codegen.direct import Direct
from codegen.executable import Binding
from graphdl.compile import Compiled
from graphdl.core.errors import DTypeError, GraphError, ShapeError
from graphdl.core.streams import stream_numbers
from graphdl.storage import MOVES

Form = tuple[np.dtype, tuple[int, ...]]


@dataclass(frozen=True)
class Ready:
    """What a prepared function is made of, by whoever knows the program."""

    compiled: Compiled
    bind: Callable[[], tuple[Binding, Sequence[Any]]]  # memory of its own, and the run's numbers
    sizes: Mapping[str, int]  # the program's
    door: Callable[[tuple[Any, ...]], Sequence[np.ndarray]]  # any arguments, checked, or an error
    shaped: Callable[[list[np.ndarray]], Any]  # outputs, as the caller expects them
    names: tuple[str, ...]  # of the inputs
    inputs: tuple[Form, ...]
    outputs: tuple[Form, ...]
    finite: bool  # are NaN and infinity refused?
    looks_up: bool = False  # are values indices, which the door has to see?


class Prepared:
    """A function of arrays of one form, whose call costs little more than that of any compiled one.

    An array in C order, of the dtype and shape it was prepared for, is used as it lies; others are
    converted or refused as by the function that it was made from. The result is a fresh array;
    `out=` takes one (a list for several outputs) to be filled instead, and returns it. Variables have
    the values of the moment. May be called from several threads: one call runs after the other.
    """

    def __init__(self, ready: Ready) -> None:
        _refuse_changing(ready.compiled)
        self._ready = ready
        self._lock = threading.Lock()
        self._bind()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each input, by name."""
        return {n: shape for n, (_, shape) in zip(self._ready.names, self._ready.inputs, strict=True)}

    def __call__(self, *arrays: Any, out: Any = None) -> Any:
        """The outputs for these arrays. Raises what the function that it was made from raises."""
        checked = self._checked(arrays)
        given = None if out is None else self._given(out)
        results = self._fresh() if given is None else given
        shared = [any(np.may_share_memory(a, r) for r in results) for a in checked]
        self._compute([a.copy() if s else a for a, s in zip(checked, shared, strict=True)], results)
        return self._ready.shaped(results) if out is None else out

    # -------------------------------------------------- arguments

    def _checked(self, arrays: tuple[Any, ...]) -> list[np.ndarray]:
        checked = list(self._ready.door(arrays))
        for array, (name, shape) in zip(checked, self.shapes.items(), strict=True):
            if array.shape != shape:
                raise ShapeError(
                    f"{name} has shape {array.shape}, but this function is prepared for {shape}; "
                    "prepare another one for other shapes"
                )
        return checked

    def _fresh(self) -> list[np.ndarray]:
        return [np.empty(shape, dtype) for dtype, shape in self._ready.outputs]

    def _given(self, out: Any) -> list[np.ndarray]:
        """The arrays to be filled."""
        found = list(out) if isinstance(out, (list, tuple)) else [out]
        if len(found) != len(self._ready.outputs):
            raise ShapeError(f"out: expected {len(self._ready.outputs)} arrays, got {len(found)}")
        for k, (array, (dtype, shape)) in enumerate(zip(found, self._ready.outputs, strict=True)):
            if not isinstance(array, np.ndarray) or array.dtype != dtype:
                got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise DTypeError(f"out: expected an array of {dtype}, got {got}")
            if array.shape != shape:
                raise ShapeError(f"out: expected shape {shape}, got {array.shape}")
            if not array.flags.carray:
                raise ValueError("out: expected a writable array in C order")
            if any(np.may_share_memory(array, other) for other in found[:k]):
                raise ValueError("out: two outputs would share memory; give each its own array")
        return found

    # -------------------------------------------------- running

    def _bind(self) -> None:
        """Find the variables where they lie now."""
        executable, lowered = self._ready.compiled.executable, self._ready.compiled.lowered
        self._moves = int(MOVES[0])
        binding, numbers = self._ready.bind()
        if executable.jit:
            inputs = [b for _, b in lowered.inputs]
            finite, outputs = self._ready.finite, lowered.outputs
            self._direct = Direct(executable, binding, numbers, inputs, outputs, finite, MOVES)
        self._binding, self._numbers = binding, numbers

    def _compute(self, arrays: list[np.ndarray], results: list[np.ndarray]) -> None:
        """Run on arrays in their final form, wherever the variables have gone."""
        moving = [a if a.ndim else a.reshape(1) for a in (*arrays, *results)]
        with self._lock:
            if self._moves != MOVES[0]:
                self._bind()
            if not self._ready.compiled.executable.jit:
                self._interpret(moving)
            elif self._direct.run(self._direct.frame, *moving):
                raise ValueError("an input was changed by another thread during the call")

    def _interpret(self, arrays: list[np.ndarray]) -> None:
        """The same by the un-jitted module."""
        executable, lowered = self._ready.compiled.executable, self._ready.compiled.lowered
        moving = [*(b for _, b in lowered.inputs), *lowered.outputs]
        for k, buffer in enumerate(executable.emitted.buffers):
            if buffer.root in moving:
                shape = memory.shape(buffer, self._ready.sizes) or (1,)
                self._binding.put(k, arrays[moving.index(buffer.root)].reshape(shape))
        executable.run(self._binding, self._numbers)


class _OneArray(Prepared):
    """From one array to one array: two comparisons, one allocation, one call."""

    def __init__(self, ready: Ready) -> None:
        super().__init__(ready)
        (self._dtype, self._shape), (self._out_dtype, self._out_shape) = (
            ready.inputs[0], ready.outputs[0],
        )  # fmt: skip

    def __call__(self, x: Any, out: Any = None) -> Any:  # type: ignore[override]
        direct = self._direct  # held: another thread may replace it
        result = empty(self._out_shape, self._out_dtype) if out is None else out
        try:
            if (
                x.dtype is self._dtype
                and x.shape == self._shape
                and (out is None or self._fits(out))
                and not direct.run(direct.frame, x, result)
            ):
                return result
        except (AttributeError, TypeError):  # x is no array
            pass
        return super().__call__(x, out=out)

    def _fits(self, out: Any) -> bool:
        right = out.dtype is self._out_dtype and out.shape == self._out_shape
        return right and out.flags.writeable


empty = np.empty  # a global name is found faster than an attribute


def prepare(ready: Ready) -> Prepared:
    """The callable for one form."""
    forms = [*ready.inputs, *ready.outputs]
    simple = len(ready.inputs) == len(ready.outputs) == 1 and all(shape for _, shape in forms)
    plain = ready.shaped is first and not ready.looks_up and ready.compiled.executable.jit
    return (_OneArray if simple and plain else Prepared)(ready)


def first(results: list[np.ndarray]) -> np.ndarray:
    """The only output."""
    return results[0]


def _refuse_changing(compiled: Compiled) -> None:
    if compiled.graph.updates:
        raise GraphError("a prepared function computes, it updates no variable: call this one itself")
    if stream_numbers(compiled.graph.nodes):
        raise GraphError(
            "a prepared function gives the same for the same arrays, but this one draws random "
            "numbers: call it itself"
        )
