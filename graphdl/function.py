"""Compiled callables: `gd.function(inputs, outputs, updates)`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from codegen import ir, memory
from graphdl import config
from graphdl.calls import Calls, own_place
from graphdl.compile import compile_graph
from graphdl.core.errors import DTypeError, GraphError, NonFiniteError, ShapeError
from graphdl.core.graph import Graph, Node, Variable, about_to_change
from graphdl.core.interpret import Sizes, interpret
from graphdl.core.sizes import Size
from graphdl.door import as_array, check_rank, in_form, learn_sizes
from graphdl.explain import explain
from graphdl.footprint import products
from graphdl.ops.build import constant
from graphdl.prepared import Ready, first, prepare


class Function:
    """A graph that is called with arrays. Compiled at the first call, for every batch size at once.

    Attributes: `target`, `graph` (simplified), `program`, `source`, `source_file`; `explain()` tells
    the passes, the rules that fired and the kernels.
    """

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Any,
        updates: Mapping[Variable, Any] | None = None,
        *,
        target: str = "cpu",
        check_finite: bool = True,
        name: str = "function",
        matmul_precision: str = "float32",
    ) -> None:
        self.inputs = _checked_inputs(inputs)
        self._outputs = outputs
        results = _flat(outputs)
        new = _checked_updates(updates or {})
        checks = (
            [n for n in (*results, *new.values()) if n.type.is_float]
            if new and check_finite
            else []
        )
        graph = Graph(self.inputs, results, new, checks)
        self._compiled = compile_graph(
            graph, target, name="function", matmul_precision=matmul_precision
        )
        self._lowered = self._compiled.lowered
        self._executable = self._compiled.executable
        self._recipe = _size_recipe(self._compiled.simplified, self._lowered)
        self._call = Calls(self._compiled)
        self._lock = threading.Lock()
        self._calls = 0
        self.name = name

    # -------------------------------------------------- calling

    def __call__(self, *args: Any) -> Any:
        """The outputs for these inputs; then the updates are made, all or none.

        target="cuda": arrays that lie on the GPU are used where they are, and the outputs then are
        arrays there (`gd.to_device`).
        Raises DTypeError or ShapeError on an input that does not fit and NonFiniteError when an
        output or a new value is not finite (where there are updates); nothing has changed then.
        """
        arrays = self._taken(args)
        sizes = self._sizes(arrays)
        with self._lock:
            outputs = self._run(arrays, sizes)
        return _shaped(self._outputs, iter(outputs))

    def prepared(self, *example: Any) -> Callable[..., Any]:
        """This function for arrays of the example's shapes alone: a call costs less than a
        microsecond more than what it computes. See `Prepared`; GraphError where there are updates.
        """
        arrays = self._arrays(example)
        sizes = self._sizes(arrays)
        needed = {v.name: sizes[v.name] for v in self._lowered.program.sizes}
        forms = [(np.dtype(b.dtype), memory.shape(b, needed)) for b in self._lowered.outputs]
        several = isinstance(self._outputs, (list, tuple))
        ready = Ready(
            compiled=self._compiled,
            bind=lambda: own_place(self._compiled, needed),
            sizes=needed,
            door=self._arrays,
            shaped=(lambda r: _shaped(self._outputs, iter(r)))
            if several or not forms[0][1]
            else first,
            names=tuple(f"input {_name(n)}" for n in self.inputs),
            inputs=tuple((a.dtype, a.shape) for a in arrays),
            outputs=tuple(forms),
        )
        return prepare(ready)

    def _arrays(self, args: Sequence[Any]) -> list[np.ndarray]:
        if len(args) != len(self.inputs):
            names = ", ".join(_name(n) for n in self.inputs)
            raise TypeError(f"expected {len(self.inputs)} inputs ({names}), got {len(args)}")
        return [
            as_array(a, n.dtype, f"input {_name(n)}")
            for a, n in zip(args, self.inputs, strict=True)
        ]

    def _taken(self, args: Sequence[Any]) -> list[Any]:
        """The same, but for what lies on the device already."""
        if not self._executable.borrows or len(args) != len(self.inputs):
            return self._arrays(args)
        taken = []
        for value, node in zip(args, self.inputs, strict=True):
            found = self._executable.as_it_is(value)
            given = value if found is None else found
            taken.append(in_form(given, node.dtype, f"input {_name(node)}"))
        return taken

    def _sizes(self, arrays: list[np.ndarray]) -> dict[str, int]:
        """The values of named sizes: straight from the axes that have them, checked for agreement."""
        sizes = {}
        for (position, axis), var in zip(self._recipe.sources, self._recipe.vars, strict=True):
            array = arrays[position]
            if axis >= array.ndim:
                self._explain_mismatch(arrays)
            sizes[var] = array.shape[axis]
        for array, expected in zip(arrays, self._recipe.shapes, strict=True):
            if len(expected) != array.ndim:
                self._explain_mismatch(arrays)
            for have, want in zip(array.shape, expected, strict=True):
                if have != (sizes[want] if isinstance(want, str) else want):
                    return self._solved_sizes(arrays)
        return sizes

    def _solved_sizes(self, arrays: list[np.ndarray]) -> dict[str, int]:
        """The general way: every equality of the graph and the arrays, solved together."""
        sizes = Sizes(self._compiled.simplified.facts)
        for node, array in zip(self.inputs, arrays, strict=True):
            learn_sizes(sizes, node.type.shape, array, f"input {_name(node)}")
        return {
            v.name: sizes.value(d)
            for v, d in zip(self._lowered.program.sizes, self._lowered.sizes, strict=True)
        }

    def _explain_mismatch(self, arrays: list[np.ndarray]) -> None:
        for node, array in zip(self.inputs, arrays, strict=True):
            check_rank(array, self._compiled.graph.shape(node), f"input {_name(node)}")

    def _run(self, arrays: list[np.ndarray], sizes: dict[str, int]) -> list[np.ndarray]:
        if self._compiled.graph.updates:
            about_to_change(self._compiled.graph.updates)
        needed = {v.name: sizes[v.name] for v in self._lowered.program.sizes}
        status, outputs = self._call(arrays, needed, self._calls)
        if status:
            raise self._not_finite(arrays)
        self._calls += 1
        return outputs

    def _not_finite(self, arrays: list[np.ndarray]) -> NonFiniteError:
        """Which value it was: the graph is interpreted up to the first one that is not finite."""
        if any(not a.size for a in arrays):
            return NonFiniteError(
                "an input is empty, so a mean is not a number; nothing was changed"
            )
        graph = self._compiled.graph
        env = dict(zip(graph.inputs, map(np.asarray, arrays), strict=True))
        values = interpret(graph.checks, env, seed=config.seed(), step=self._calls)
        for node, value in zip(graph.checks, values, strict=True):
            if not np.isfinite(value).all():
                target = next((v for v, n in graph.updates.items() if n is node), None)
                what = f"the new value of {_name(target)}" if target is not None else _name(node)
                return NonFiniteError(
                    f"{what} is not finite ({np.count_nonzero(~np.isfinite(value))} of "
                    f"{value.size} elements); no variable was changed. A smaller learning rate or "
                    "scaled inputs help; check_finite=False switches this check off"
                )
        return NonFiniteError("a value is not finite; no variable was changed")

    # -------------------------------------------------- reading

    @property
    def target(self) -> str:
        """What it was compiled for; where "auto" was asked for, what that picked."""
        return self._compiled.target.name

    @property
    def graph(self) -> Graph:
        """The simplified graph that is run."""
        return self._compiled.simplified

    @property
    def program(self) -> ir.Program:
        """The loop-level form."""
        return self._executable.program

    @property
    def source(self) -> str:
        """The generated module, with the user's names for its arrays in front."""
        return with_names(self._executable.source, self._lowered.labels)

    @property
    def source_file(self) -> str:
        """Where the generated module lies."""
        return self._executable.source_file

    def explain(self, beside: Function | None = None, **sizes: int) -> str:
        """Stages with their times, the rules that fired, kernels with flops and bytes, memory.

        Named sizes that are not given count as 32, the usual batch. `beside` another function, say
        that of the gradient, the flops of matrix products are compared with its own.
        """
        other = None if beside is None else products(beside.program, beside._named_sizes(sizes))
        return explain(self._compiled, self._named_sizes(sizes), other)

    def _named_sizes(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """The program's sizes, from what the user calls them."""
        pairs = zip(self.program.sizes, self._lowered.sizes, strict=True)
        return {v.name: sizes.get(str(d), 32) for v, d in pairs}


def with_names(source: str, labels: Mapping[ir.Buffer, str]) -> str:
    """The source after a table of what its arrays are called in the user's program."""
    rows = [f"#   {b.name} is {label!a}" for b, label in labels.items() if label]
    return (
        "\n".join(["# names in the program that was compiled:", *rows, source]) if rows else source
    )


def function(
    inputs: Sequence[Node],
    outputs: Any,
    updates: Mapping[Variable, Any] | None = None,
    *,
    target: str = "cpu",
    check_finite: bool = True,
    matmul_precision: str = "float32",
) -> Function:
    """Compile outputs (a node, or a list or tuple of nodes) and updates over inputs.

    updates: variable -> its new value, computed from the old ones. With updates, a value that is not
    finite stops the call before anything has changed, unless `check_finite=False`. target: "cpu",
    "python" (the generated module un-jitted), "cuda" (see docs/cuda.md), or "auto": cuda where it can
    be used, else cpu; the function's `target` and `explain()` say which, and why.
    matmul_precision: products of float32 matrices are at least so precise: "float32", or on target
    "cuda", where they then may be faster, of factors rounded to 10 ("tf32") or 7 ("bf16") bits after
    the point and added up in float32. TargetError where a library for that is missing.
    """
    return Function(
        inputs, outputs, updates, target=target, check_finite=check_finite,
        matmul_precision=matmul_precision,
    )  # fmt: skip


# ------------------------------------------------------------------ parts


class _Recipe:
    """How the sizes follow from the inputs' axes."""

    def __init__(
        self, vars_: list[str], sources: list[tuple[int, int]], shapes: list[tuple[int | str, ...]]
    ) -> None:
        self.vars, self.sources, self.shapes = vars_, sources, shapes


def _size_recipe(graph: Graph, lowered: Any) -> _Recipe:
    names = {d: v.name for v, d in zip(lowered.program.sizes, lowered.sizes, strict=True)}
    shapes = [graph.shape(n) for n in graph.inputs]
    where: dict[Any, tuple[int, int]] = {}
    for position, shape in enumerate(shapes):
        for axis, d in enumerate(shape):
            if isinstance(d, Size):
                where.setdefault(d, (position, axis))
    if any(d not in where for d in names):
        missing = next(d for d in names if d not in where)
        raise ShapeError(f"the size {missing} does not follow from the shape of any input")
    unused = {d for s in shapes for d in s if isinstance(d, Size) and d not in names}
    for k, d in enumerate(sorted(unused, key=str)):
        names[d] = f"unused{k}"
    expected = [tuple(names[d] if isinstance(d, Size) else d for d in s) for s in shapes]
    return _Recipe(list(names.values()), [where[d] for d in names], expected)


def _flat(outputs: Any) -> list[Node]:
    items = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    found = [] if outputs is None else list(items)
    for node in found:
        if not isinstance(node, Node):
            raise GraphError(f"an output is a node, got {type(node).__name__}: {node!r:.60}")
    return found


def _shaped(outputs: Any, values: Any) -> Any:
    """The arrays in the form in which the outputs were given; a scalar as a NumPy number."""
    if outputs is None:
        return None
    if isinstance(outputs, (list, tuple)):
        return type(outputs)(_number(next(values)) for _ in outputs)
    return _number(next(values))


def _number(value: Any) -> Any:
    """An array without axes as a NumPy number."""
    return value[()] if isinstance(value, np.ndarray) else value


def _checked_inputs(inputs: Sequence[Node]) -> list[Node]:
    if not isinstance(inputs, (list, tuple)):
        raise GraphError(f"inputs are a list of symbols, such as [x], got {inputs!r:.80}")
    for node in inputs:
        if not isinstance(node, Node) or node.op.name != "tensor":
            raise GraphError(f"an input is a symbol made by gd.tensor, got {node!r:.80}")
    return list(inputs)


def _checked_updates(updates: Mapping[Variable, Any]) -> dict[Variable, Node]:
    checked = {}
    for variable, value in updates.items():
        if not isinstance(variable, Variable):
            raise GraphError(f"only a gd.Variable can be updated, got {variable!r:.80}")
        node = value if isinstance(value, Node) else constant(value, variable.dtype)
        if node.dtype != variable.dtype:
            raise DTypeError(
                f"the update of {_name(variable)} is {node.dtype}, the variable {variable.dtype}"
            )
        if node.shape != variable.shape:
            raise ShapeError(
                f"the update of {_name(variable)} has shape {node.type}, "
                f"the variable {variable.type}"
            )
        checked[variable] = node
    return checked


def _name(node: Node) -> str:
    label = node.attrs.get("name")
    return repr(label) if label else f"the result of {node.op.name!r} (at {node.origin})"
