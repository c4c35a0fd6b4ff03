"""`GradientTape`: records what is computed with variables, and gives gradients of it."""

from __future__ import annotations

import functools
import itertools
import operator
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphdl.compile import require_target
from graphdl.core.errors import (
    DisconnectedError,
    NotDifferentiableError,
    SlideWarning,
    TapeError,
)
from graphdl.core.graph import Node, Variable, walk
from graphdl.core.tensor import Tensor, off_tape, recording
from graphdl.core.types import FLOATS
from graphdl.differentiate.chain_rule import gradients
from graphdl.ops.reduce import sum as sum_
from graphdl.tape.bounded import Bounded
from graphdl.tape.programs import KEPT
from graphdl.tape.record import Record

_gradients = Bounded(KEPT)


class GradientTape:
    """Inside `with gd.GradientTape() as tape:` operations build graphs and give tensors.

    `tape.gradient(loss, variables)` gives the gradients, as tensors: once, or as often as you like
    with `persistent=True`. Values are computed when they are asked for, all that are still needed in
    one program, compiled once for each structure; `optimizer.apply_gradients` joins its step to it.
    Variables are watched by themselves, tensors and arrays after `tape.watch(x)`.
    A value asked for later is the value at recording time, whatever was assigned in between.
    """

    def __init__(self, persistent: bool = False, *, target: str = "cpu") -> None:
        require_target(target)
        self.persistent, self.target = bool(persistent), target
        self.record: Record | None = None
        self._used = False
        self._watched: list[Any] = []
        self._token: Any = None
        self._into: Record | None = None  # while the block runs

    def __enter__(self) -> GradientTape:
        if self._token is not None:
            raise TapeError("this tape is recording already; nest another GradientTape inside it")
        record = recording.get() or Record(self.target)  # a tape inside a tape: one recording
        record.open_for(self)
        self.record = self._into = record
        self._used, self._watched = False, []
        self._token = recording.set(record)
        return self

    def __exit__(self, *_: object) -> None:
        recording.reset(self._token)
        self._token = self._into = None

    def needs(self, record: Record) -> bool:
        """May a gradient of that recording, or an operation in it, still come?"""
        return record is self.record or record is self._into

    def watch(self, values: Any) -> None:
        """Take gradients for these tensors or arrays too (a variable is watched by itself).

        What is watched is the value at this moment: an array changed in place later is not seen.
        """
        if self.record is None:
            raise TapeError("watch works while the tape records: with gd.GradientTape() as tape: …")
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if isinstance(value, Variable):
                continue
            if not isinstance(value, (Tensor, np.ndarray)):
                raise TypeError(
                    f"a tape watches tensors and arrays, got {type(value).__name__}; make the number "
                    "a tensor first, with tf.constant(…) or np.asarray(…)"
                )
            self.record.watch(value)
            self._watched.append(value)

    # -------------------------------------------------- gradients

    def gradient(self, target: Any, sources: Any, *, unconnected_gradients: str = "none") -> Any:
        """∂target/∂source for each source, in the structure in which the sources are given.

        target: a tensor computed inside the tape; of one with axes the elements are summed.
        sources: a variable, a watched tensor or array, or lists, tuples, dicts of them.
        unconnected_gradients: "zero" gives zeros where the target does not depend on the source;
        otherwise that is a DisconnectedError which says what may have happened.
        """
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(
                f"unconnected_gradients is 'none' or 'zero', got {unconnected_gradients!r}"
            )
        record = self._recorded()
        flat = _flat(sources)
        node = self._target(target, record)
        wrt = tuple(record.versions(self._source(s, record)) for s in flat)
        for value in (target, *flat):
            _require_float(value)
        or_zero = unconnected_gradients == "zero"
        found = _gradients.get((node, wrt, or_zero), lambda: _derive(node, wrt, or_zero))
        if not self.persistent:
            self.record, self._used = None, True
        return _like(sources, iter(record.wrap(found)))

    def _recorded(self) -> Record:
        if self.record is None and self._used:
            raise TapeError(
                "this tape has given its gradient: it does so once. Use "
                "gd.GradientTape(persistent=True) for several, or record anew"
            )
        if self.record is None:
            raise TapeError(
                "this tape has recorded nothing: compute the loss inside "
                "`with gd.GradientTape() as tape:` first"
            )
        return self.record

    def _target(self, target: Any, record: Record) -> Node:
        node = record.entered(target) if isinstance(target, (Tensor, Variable)) else None
        if node is None:
            raise DisconnectedError(
                "the target of tape.gradient was not computed inside this tape (it is "
                f"{_what(target)} from elsewhere): both the forward pass and the loss stand inside "
                "`with gd.GradientTape() as tape:`"
            )
        return node

    def _source(self, source: Any, record: Record) -> Node:
        if isinstance(source, Node) and not isinstance(source, Variable):
            raise TypeError("tape.gradient takes variables and tensors; for nodes use gd.grad")
        if not isinstance(source, (Variable, Tensor, np.ndarray)):
            raise TypeError(
                f"a source of tape.gradient is a variable or a watched tensor, got {_what(source)}"
            )
        node = record.entered(source)
        if node is None:
            raise DisconnectedError(
                f"{_what(source)} was not used inside this tape, so no gradient leads to it: call "
                "tape.watch(…) on it before the computation, or make it a gd.Variable"
            )
        unwatched = not any(source is w for w in self._watched)
        if isinstance(source, Tensor) and unwatched and record.is_leaf(node):
            _warn_unwatched()
        return node


def _warn_unwatched() -> None:
    warnings.warn(
        "a gradient was asked for a tensor that is not watched; it is given here, TensorFlow would "
        "answer None. `w = w - rate * gradient` makes a tensor of a variable: write "
        "`w.assign_sub(rate * gradient)`, or call tape.watch(w)",
        SlideWarning,
        stacklevel=5,
    )


def _derive(target: Node, wrt: Sequence[tuple[Node, ...]], or_zero: bool) -> list[Node]:
    """∂target/∂source; a variable that changed meanwhile collects those of all its values."""
    with off_tape():
        total = sum_(target) if target.rank else target
        reached = set(walk([total]))
        used = [[n for n in of_one if n in reached] or [of_one[0]] for of_one in wrt]
        try:
            found = iter(gradients(total, [n for of_one in used for n in of_one], or_zero=or_zero))
        except DisconnectedError as error:
            raise DisconnectedError(
                f"{error}. The tape saw no path from it to the target: is the forward pass, such as "
                "model(x), outside of `with gd.GradientTape() as tape:`, or was a value turned into "
                "a NumPy array on the way? (unconnected_gradients='zero' gives zeros instead)"
            ) from None
        return [functools.reduce(operator.add, itertools.islice(found, len(u))) for u in used]


def _require_float(value: Any) -> None:
    if value.dtype not in FLOATS:
        raise NotDifferentiableError(
            f"{_what(value)} is {value.dtype}; a derivative needs floating-point values"
        )


def _what(value: Any) -> str:
    if isinstance(value, Variable):
        return f"the variable {value.name!r}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {value.shape}"
    shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
    return f"{type(value).__name__}{shape}"


def _flat(sources: Any) -> list[Any]:
    if isinstance(sources, Mapping):
        return [s for v in sources.values() for s in _flat(v)]
    if isinstance(sources, (list, tuple)):
        return [s for v in sources for s in _flat(v)]
    return [sources]


def _like(sources: Any, found: Any) -> Any:
    """The gradients in the structure of the sources."""
    if isinstance(sources, Mapping):
        return {k: _like(v, found) for k, v in sources.items()}
    if isinstance(sources, (list, tuple)):
        return type(sources)([_like(v, found) for v in sources])
    return next(found)
