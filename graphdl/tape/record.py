"""A recording: what the leaves of the graphs of one turn are, and who waits for which value.

The graphs themselves are nodes like any others. The k-th array that enters a recording becomes the
k-th leaf of its shape class, the same node in every turn, so that interning finds the nodes of the
turn before instead of making new ones, and the programs compiled for them with them. Of a shape the
first axis is open (the number of examples), the others are structure.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from graphdl import config
from graphdl.constraints import constrained
from graphdl.core.errors import ShapeError, SlideWarning
from graphdl.core.graph import Node, Variable, about_to_change, add_witness, replace, walk
from graphdl.core.sizes import Size
from graphdl.core.tensor import Tensor, off_tape
from graphdl.ops.build import SYMBOLIC, cast, kinds
from graphdl.prediction import Prediction
from graphdl.tape import leaves, numbers, traces
from graphdl.tape.programs import Program, extent, programs


class Record:
    """What one outermost tape has seen."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.time = config.next_turn()  # of the random draws
        self.home = weakref.ref(self)
        self.values: dict[Node, np.ndarray] = {}  # of the leaves
        self.extents: dict[str, int] = {}  # of their first axes, by the name of the size
        self.updates: dict[Variable, Node] = {}  # what layers change; made with the first values
        self.draws = 0  # random draws of layers so far
        self.calls: dict[Any, int] = {}  # how often a layer was called on the same nodes
        self._entered: dict[int, tuple[Any, Node]] = {}  # what is known by identity
        self._former: dict[Variable, list[Node]] = {}  # what stands for values changed since
        self._tensors: list[weakref.ref[Tensor]] = []
        self._tapes: list[weakref.ref[Any]] = []
        add_witness(self)

    # -------------------------------------------------- recording

    def apply(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any],
        with_numbers: bool,
    ) -> Any:  # fmt: skip
        """The function on nodes in place of what it was called with; a tensor comes out."""
        dtype = leaves.float_dtype((*args, *kwargs.values()))
        with off_tape():
            nodes = [self.node(a, dtype) for a in args]
            if with_numbers:
                nodes = numbers.entered(self, function, nodes)
            options = {k: self.node(v, dtype) for k, v in kwargs.items()} if kwargs else {}
            found = traces.result(function, nodes, options)
        return self.wrap(found)

    def call_layer(self, layer: Any, inputs: Any, training: bool) -> Any:
        """A layer on tensors and arrays; on symbols what it is without a tape."""
        many = isinstance(inputs, (list, tuple)) and any(
            isinstance(i, (Node, Tensor, np.ndarray)) for i in inputs
        )
        with off_tape():
            if kinds((inputs,)) == SYMBOLIC:
                return layer(inputs, training=training)
            nodes = [self.batch(layer, i) for i in (inputs if many else [inputs])]
            output = traces.layer_call(self, layer, tuple(nodes), many, training)
        return self.wrap(output)

    def node(self, value: Any, dtype: str | None = None) -> Any:
        """What stands for a value in graphs: its node, a leaf, or (what is no array) itself."""
        if isinstance(value, Tensor):
            mine = value.node_in(self)
            return self._known(value, value.array, value.dtype) if mine is None else mine
        if isinstance(value, (list, tuple)):
            arrays = any(isinstance(v, (np.ndarray, Tensor, Node)) for v in value)
            return type(value)(self.node(v, dtype) for v in value) if arrays else value
        if not isinstance(value, (np.ndarray, np.generic)):
            return value
        known = self._entered.get(id(value))
        if known is not None:
            return known[1] if value.dtype.kind != "f" else cast(known[1], dtype or known[1].dtype)
        if isinstance(value, Prediction) and value.source:
            return self._forward_again(value, *value.source)
        return self.leaf(value, leaves.dtype_of(value, dtype))

    def batch(self, layer: Any, value: Any) -> Any:
        """What stands for a batch of examples: its first axis is open even when it holds one."""
        if not isinstance(value, (Tensor, Node)):
            value = np.asarray(value)
        if self.entered(value) is None and value.shape[:1] == (1,):
            self._name(1)
        floats = layer.dtype if isinstance(value, np.ndarray) and value.dtype.kind == "f" else None
        return self.node(value, floats)

    def leaf(self, value: Any, dtype: str) -> Node:
        """A new leaf with a copy of the value: what the caller does to the array later is its own."""
        array = leaves.copied(value, dtype)
        shape = array.shape
        known = (self._axis(shape[0]), *shape[1:]) if shape else ()
        node = leaves.place(len(self.values), known, dtype)
        self.values[node] = array
        return node

    def _axis(self, n: int) -> int | Size:
        """The name of an axis of n elements; 1 itself where it has none (such an axis is repeated)."""
        return 1 if n == 1 and 1 not in self.extents.values() else self._name(n)

    def _name(self, n: int) -> Size:
        """The named size of the axes of this extent."""
        for name, known in self.extents.items():
            if known == n:
                return leaves.size(name)
        name = f"n{len(self.extents) or ''}"
        self.extents[name] = n
        return leaves.size(name)

    def _known(self, value: Any, array: Any, dtype: str) -> Node:
        """The leaf of an object that is told by its identity."""
        if id(value) not in self._entered:
            self._entered[id(value)] = (value, self.leaf(array, dtype))
        return self._entered[id(value)][1]

    def _forward_again(self, value: Any, model: Any, inputs: Any, training: bool) -> Any:
        """The node of a prediction that was made outside of the tape."""
        warnings.warn(
            f"{model.name!r} was called before the tape began, so no gradient would lead to its "
            "weights; the forward pass is recorded now. Move it into the block: "
            "`with gd.GradientTape() as tape: prediction = model(x); loss = …`",
            SlideWarning,
            stacklevel=6,
        )
        node = self.call_layer(model, inputs, training)._node
        self._entered[id(value)] = (value, node)
        return node

    def watch(self, value: Any) -> Node:
        """The leaf of a tensor or an array that a gradient will be taken for."""
        if isinstance(value, Tensor):
            return self.node(value)
        return self._known(value, value, leaves.dtype_of(value, None))

    def entered(self, value: Any) -> Node | None:
        """The node of what has entered, if it has."""
        if isinstance(value, Node):
            return value
        mine = value.node_in(self) if isinstance(value, Tensor) else None
        return mine if mine is not None else self._entered.get(id(value), (None, None))[1]

    def is_leaf(self, node: Node) -> bool:
        """Did the node enter from outside, rather than being computed here?"""
        return node in self.values

    def versions(self, source: Node) -> tuple[Node, ...]:
        """The leaves under which graphs of this recording know a source: one for each value it had."""
        return (source, *self._former.get(source, ()))  # type: ignore[call-overload]

    def wrap(self, result: Any) -> Any:
        """Nodes as tensors of this recording."""
        if isinstance(result, (list, tuple)):
            return type(result)(map(self.wrap, result))
        if not isinstance(result, Node):
            return result
        if result.facts.known:
            self._check_sizes(result)
        made = Tensor(None, result, self)
        self._tensors.append(weakref.ref(made))
        return made

    def _check_sizes(self, node: Node) -> None:
        """Equalities that an operation needs must hold for the arrays that are there."""
        for name, (value, where) in node.facts.known.items():
            have, want = extent(leaves.size(name), self.extents), extent(value, self.extents)
            if have != want:
                raise ShapeError(f"sizes do not fit in {where}: {have} is not {want}")

    def shape(self, node: Node) -> tuple[int, ...]:
        """The node's shape in numbers."""
        return tuple(extent(d, self.extents) for d in node.type.shape)

    # -------------------------------------------------- values

    def settle(self) -> None:
        """Compute every value that somebody still holds on to, in one program."""
        self._run(self._waiting(), (), lambda: ({}, {}))

    def step(
        self, optimizer: Any, gradients: Sequence[Tensor], variables: tuple[Variable, ...]
    ) -> None:
        """The optimizer's step and every value that somebody holds on to, in one program."""
        sent: tuple[Any, ...] = tuple(g._node for g in gradients)

        def make() -> tuple[dict[Variable, Node], dict[Node, str]]:
            names = [f"the gradient of {v.name!r}" for v in variables]
            # in the order in which backpropagation finds them
            checks = dict(reversed(list(zip(sent, names, strict=True))))
            return constrained(optimizer.updates(variables, sent)), checks

        self._run(self._waiting(), (optimizer, optimizer.learning_rate, sent, variables), make)

    def _run(
        self, waiting: list[Tensor], step: tuple,
        make: Callable[[], tuple[dict[Variable, Node], dict[Node, str]]],
    ) -> None:  # fmt: skip
        outputs = [t._node for t in waiting]
        key = (self.target, tuple(outputs), tuple(self.updates.items()), step)
        program = programs.get(key, lambda: self._program(outputs, make))
        if program.updates:
            about_to_change(program.updates, but=None if self._open() else self)
        arrays = program(self.values, self.extents, self.time)
        self.updates = {}
        found = dict(zip(program.outputs, arrays, strict=True))
        for t, node in zip(waiting, outputs, strict=True):
            t.settle(found[node])

    def _program(self, outputs: list[Any], make: Callable[[], tuple[dict, dict]]) -> Program:
        with off_tape():
            updates, checks = make()
            return Program(
                list(dict.fromkeys(outputs)), updates | self.updates, checks, self.target
            )

    def _waiting(self) -> list[Tensor]:
        """The pending tensors that are still there, in the order in which they were made."""
        return [t for ref in self._tensors if (t := ref()) is not None and t.pending is not None]

    # -------------------------------------------------- variables that change

    def keep(self, variables: Iterable[Variable]) -> None:
        """Variables are about to change: leaves with their values take their place in what there is.

        What is recorded from then on means the new values.
        """
        self._tensors = [ref for ref in self._tensors if ref() is not None]
        alive = [t for ref in self._tensors if (t := ref()) is not None]
        tensors = alive if self._open() else self._waiting()
        roots = [*(t._node for t in tensors), *self.updates.values()]
        used = set(walk(roots)).intersection(variables)
        stand_ins: dict[Node, Node] = {}
        for v in (v for v in variables if v in used):
            former = self._former.setdefault(v, [])
            stand_ins[v] = leaves.stand_in(v, len(former))
            former.append(stand_ins[v])
            self.values[stand_ins[v]] = v.value
        if stand_ins:
            new = replace(roots, stand_ins)
            for t, node in zip(tensors, new, strict=False):
                t._node = node
            self.updates = dict(zip(self.updates, new[len(tensors) :], strict=True))

    def open_for(self, tape: Any) -> None:
        """As long as the tape may ask for gradients, values must be kept."""
        self._tapes.append(weakref.ref(tape))

    def _open(self) -> bool:
        return any((t := ref()) is not None and t.needs(self) for ref in self._tapes)
