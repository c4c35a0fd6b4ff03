"""What layers say while a model is traced, and what a layer's output is before that."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphdl import config
from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, Variable
from graphdl.core.notation import Written, plain
from graphdl.core.op import Op
from graphdl.core.streams import OF_LAYERS

if TYPE_CHECKING:
    from graphdl.layers.base import Layer

AT_ONCE = OF_LAYERS + 2**28  # draws of layers that are called on arrays


@dataclass(frozen=True)
class Lookup:
    """Whole numbers by which a layer looks up rows of a table that has `size` of them."""

    layer: Layer
    indices: Node
    size: int


@dataclass
class Trace:
    """What layers say while a model is traced: updates, extra losses, names of intermediates."""

    training: bool
    updates: dict[Variable, Node] = field(default_factory=dict)
    losses: list[Node] = field(default_factory=list)
    lookups: list[Lookup] = field(default_factory=list)
    shapes: dict[Layer, tuple] = field(default_factory=dict)  # of what came out of each layer
    suffix: str = ""  # of the names that a layer gives its intermediates
    last: bool = False  # is it the layer whose output is the prediction?
    at_once: bool = False  # numbers are computed now, rather than a step described
    draws: int = 0  # random draws so far
    calls: int = 0  # layers that a subclass's own call() has called so far

    def stream(self) -> int:
        """The stream of the next draw: its number within the model, or one never given before."""
        if self.at_once:
            return AT_ONCE + config.next_stream()
        self.draws += 1
        return OF_LAYERS + self.draws


_trace: contextvars.ContextVar[Trace | None] = contextvars.ContextVar("trace", default=None)


def current(what: str) -> Trace:
    """The trace that is open; raises GraphError outside of call()."""
    trace = _trace.get()
    if trace is None:
        raise GraphError(f"{what} works inside call(), while a model is traced")
    return trace


class tracing:
    """A context in which layers are traced."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def __enter__(self) -> Trace:
        self._token = _trace.set(self.trace)
        return self.trace

    def __exit__(self, *_: object) -> None:
        _trace.reset(self._token)


# A layer's output as the user sees it while a model is put together: the node remembers the layer.
call_op = Op(
    name="layer_call",
    infer=lambda rule, *types, layer, output, identity, options: output,
    reference=lambda *inputs, **_: None,
    text=lambda _, args, attrs: Written(
        f"{plain(attrs['layer'].name)}({', '.join(a.text for a in args)})"
    ),
    why_not="it is the inside of a model; differentiate the model's output instead",
)
