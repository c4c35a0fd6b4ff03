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
from codegen.optimisations import on
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
        lowered = ready.compiled.lowered
        inputs, outputs = [b for _, b in lowered.inputs], lowered.outputs
        self._is_direct = ready.compiled.executable.jit and on("direct")
        if self._is_direct:
            self._direct = Direct(ready.compiled.executable, inputs, outputs, watched=MOVES)
        self._bind()

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
        ready = self._ready
        for array, name, (_, shape) in zip(checked, ready.names, ready.inputs, strict=True):
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
        self._moves = int(MOVES[0])
        self._binding, self._numbers = self._ready.bind()
        if self._is_direct:
            shapes = [shape for _, shape in (*self._ready.inputs, *self._ready.outputs)]
            self._direct.bind(self._binding, self._numbers, shapes)

    def _compute(self, arrays: list[np.ndarray], results: list[np.ndarray]) -> None:
        """Run on arrays in their final form, wherever the variables have gone."""
        moving = [a if a.ndim else a.reshape(1) for a in (*arrays, *results)]
        with self._lock:
            if self._moves != MOVES[0]:
                self._bind()
            if not self._is_direct:
                self._place_and_run(moving)
            elif self._direct.run(self._direct.frame, *moving):
                raise ValueError("an input was changed by another thread during the call")

    def _place_and_run(self, arrays: list[np.ndarray]) -> None:
        """The same by placing the arrays anew."""
        executable, lowered = self._ready.compiled.executable, self._ready.compiled.lowered
        moving = [*(b for _, b in lowered.inputs), *lowered.outputs]
        for k, buffer in enumerate(executable.emitted.buffers):
            if buffer.root in moving:
                shape = memory.shape(buffer, self._ready.sizes) or (1,)
                self._binding.put(k, arrays[moving.index(buffer.root)].reshape(shape))
        executable.run(self._binding, self._numbers)


def prepare(ready: Ready) -> Callable[..., Any]:
    """The callable for one form: a `Prepared`, or a plain function before it that is faster still."""
    prepared = Prepared(ready)
    forms = [*ready.inputs, *ready.outputs]
    single = len(ready.inputs) == len(ready.outputs) == 1 and all(shape for _, shape in forms)
    plain = ready.shaped is first and not ready.looks_up and prepared._is_direct
    return _from_array_to_array(prepared, *forms) if single and plain else prepared


def _from_array_to_array(prepared: Prepared, given: Form, made: Form) -> Callable[..., Any]:
    """Two comparisons, one allocation, one call; whatever is not plain is left to `prepared`."""
    dtype, axes, (out_dtype, out_shape) = given[0], len(given[1]), made
    out_axes = len(out_shape)
    run, frame, empty = prepared._direct.run, prepared._direct.frame, np.empty

    def call(x: Any, out: Any = None) -> Any:
        try:
            if x.dtype is dtype and x.ndim == axes:
                if out is None:
                    result = empty(out_shape, out_dtype)
                    if not run(frame, x, result):
                        return result
                elif (
                    out.dtype is out_dtype
                    and out.ndim == out_axes
                    and out.flags.writeable
                    and not run(frame, x, out)
                ):
                    return out
        except (AttributeError, TypeError):  # no arrays
            pass
        return prepared(x, out=out)

    call.__doc__, call.prepared = Prepared.__doc__, prepared  # type: ignore[attr-defined]
    return call


def first(results: list[np.ndarray]) -> np.ndarray:
    """The only output."""
    return results[0]


def _refuse_changing(compiled: Compiled) -> None:
    if compiled.graph.updates:
        raise GraphError(
            "a prepared function computes, it updates no variable: call this one itself"
        )
    if stream_numbers(compiled.graph.nodes):
        raise GraphError(
            "a prepared function gives the same for the same arrays, but this one draws random "
            "numbers: call it itself"
        )
