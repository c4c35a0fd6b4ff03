"""What functions and layers made of nodes, remembered: the next turn calls them on the same nodes.

A function of graphdl's gives the same nodes for the same nodes. A layer or a loss object is traced,
not run, here as everywhere, and traced again when one of its attributes has changed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphdl.core.graph import Node, Variable
from graphdl.layers.base import Layer, Trace, tracing
from graphdl.tape.bounded import Bounded

_results = Bounded(256)
_traces = Bounded(128)


def result(function: Callable[..., Any], nodes: list[Any], options: dict[str, Any]) -> Any:
    """The function's value on nodes; what holds more than nodes is not remembered."""
    if options or not all(isinstance(n, Node) or n is None for n in nodes):
        return function(*nodes, **options)
    owner = getattr(function, "__self__", None)  # of a method: a loss, a regularizer
    state = [] if owner is None else list(vars(owner).values())
    key = (function, *nodes)
    found = _results.peek(key)
    if found is None or not _same(found[1], state):
        found = function(*nodes), state
        _results.put(key, found)
    return found[0]


@dataclass(frozen=True)
class _Traced:
    output: Any
    updates: dict[Variable, Node]
    draws: int  # random draws of the recording, after it
    state: list[Any]  # the attributes of the layer and those inside it, when it was traced


def layer_call(
    record: Any, layer: Layer, inputs: tuple[Node, ...], many: bool, training: bool
) -> Any:
    """The layer's output on nodes.

    The second call on the same nodes in one recording is another trace: its random draws differ.
    """
    place = (layer, inputs, training, record.draws)
    count = record.calls[place] = record.calls.get(place, 0) + 1
    found = _traces.peek((*place, count))
    if found is None or not _same(found.state, _state(layer)):
        trace = Trace(training, draws=record.draws)
        argument = list(inputs) if many else inputs[0]
        with tracing(trace):
            layer._ensure_built(argument)
            output = layer.traced(argument, training)
        found = _Traced(output, trace.updates, trace.draws, _state(layer))
        _traces.put((*place, count), found)
    record.updates.update(found.updates)
    record.draws = found.draws
    return found.output


def _state(layer: Layer) -> list[Any]:
    state = list(layer.__dict__.values())
    for inner in layer.sublayers:
        state += _state(inner)
    return state


def _same(before: list[Any], now: list[Any]) -> bool:
    """Is every attribute the object that it was?"""
    return len(now) == len(before) and all(map(operator.is_, now, before))
