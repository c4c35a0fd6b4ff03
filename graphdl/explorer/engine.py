"""The step of a model as the page runs it: one program, every named value among its outputs."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.compile import Compiled, compile_graph
from graphdl.constraints import constrained
from graphdl.core.graph import Graph, Node, Variable, walk
from graphdl.core.interpret import interpret
from graphdl.core.sizes import Dim
from graphdl.core.streams import stream_numbers
from graphdl.derivation.record import Factor
from graphdl.explorer.naming import short_names, with_names
from graphdl.explorer.stations import Journey, is_one, journey
from graphdl.explorer.widen import symbol_for, widened
from graphdl.ops.build import tensor
from graphdl.ops.shape import broadcast_to
from graphdl.training import step

Shape = tuple[Dim, ...]

SEED = 0  # of the draws: the one of `Derivation.evaluate`, so that both give the same numbers


@dataclass(frozen=True, eq=False)
class Engine:
    """A program over data and state. `outputs` maps a key such as "value:z1" to its node.

    Keys: value:, cotangent:, gradient: and new: with the name of a station or of a state; local: and
    sent: with the number of a factor.
    """

    journey: Journey
    data: tuple[Node, ...]
    state: dict[Variable, Node]  # every variable of the step, and the symbol that stands for it
    outputs: dict[str, Node]
    compiled: Compiled

    def values(self, arrays: Sequence[np.ndarray], step_number: int = 0) -> dict[str, np.ndarray]:
        """Every output by its key, for the state as it is now: what the page must show."""
        env: dict[Node, Any] = dict(zip(self.data, arrays, strict=True))
        env |= {symbol: v.value for v, symbol in self.state.items()}
        found = interpret(self.outputs.values(), env, seed=SEED, step=step_number)
        return dict(zip(self.outputs, found, strict=True))


def engine_of(model: Any, target: tuple[tuple[int, ...], str]) -> Engine:
    """The training step of a compiled model, in float64, with nothing hidden.

    target: the shape of one target and its dtype.
    """
    batch = step.symbols(model._symbols, target, weighted=False)
    loss, _, trace = step.batch_loss(model, batch, model.loss, True)
    weights = model.trainable_weights
    names = short_names(model)
    data = {n: symbol_for(n, str(n.attrs["name"])) for n in batch.all}
    slopes = {w: tensor(f"d{w.name}", w.type.shape, w.dtype) for w in weights}
    updates = _updates(model.optimizer, weights, slopes) | trace.updates
    variables = Graph([*data, *slopes.values()], [loss], updates).variables
    state = {v: symbol_for(v, names.get(v, v.name)) for v in variables}
    leaves = {**data, **state}
    (wide_loss,) = widened([loss], leaves)
    wide_loss = with_names(wide_loss, {state[w] for w in weights})
    way = journey(wide_loss, [state[w] for w in weights], list(data.values()))
    gradients = {slopes[w]: way.gradients[state[w]] for w in weights}
    new = dict(zip(updates, widened(updates.values(), {**leaves, **gradients}), strict=True))
    outputs = _outputs(way, {state[v].attrs["name"]: n for v, n in new.items()})
    graph = Graph([*data.values(), *state.values()], outputs.values())
    compiled = compile_graph(graph, target="python", name="explorer")
    return Engine(way, tuple(data.values()), state, outputs, compiled)


def _updates(
    optimizer: Any, weights: Sequence[Variable], slopes: Mapping[Variable, Node]
) -> dict[Variable, Node]:
    """The optimizer's step over symbols for the gradients; a twin, so that no slot is made for good."""
    twin = copy.copy(optimizer)
    twin.slots = dict(optimizer.slots)
    return dict(constrained(twin.updates(weights, list(slopes.values()))))


def _outputs(way: Journey, new: Mapping[str, Node]) -> dict[str, Node]:
    """All that a reader may ask for."""
    found: dict[str, Node] = {}
    names = {s.node: s.name for s in way.stations}
    for s in way.stations:
        if s.parents:
            found[f"value:{s.name}"] = s.node
    for node, cotangent in way.cotangents.items():
        if node is not way.loss and node not in way.gradients:
            found[f"cotangent:{names[node]}"] = broadcast_to(cotangent, node.type.shape)
    found |= {f"gradient:{names[w]}": g for w, g in way.gradients.items()}
    arrivals = Counter(f.wrt for f in way.factors)
    for number, factor in enumerate(way.factors):
        if arrivals[factor.wrt] > 1:  # else it is the whole cotangent
            found[f"sent:{number}"] = broadcast_to(factor.after, factor.wrt.type.shape)
        if has_numbers(factor):
            found[f"local:{number}"] = broadcast_to(factor.local.node, _shape_of_local(factor))
    return found | {f"new:{name}": node for name, node in new.items()}


def has_numbers(factor: Factor) -> bool:
    """Is the local derivative a number for each element? (Not a matrix, a map, or 1 throughout.)"""
    local = factor.local
    if local.node is None or local.kind not in ("times", "sum") or is_one(local.node):
        return False
    return _repeats_to(local.node.type.shape, _shape_of_local(factor))


def _shape_of_local(factor: Factor) -> Shape:
    """That of v, where v is not the loss itself."""
    return factor.before.type.shape or factor.wrt.type.shape


def _repeats_to(shape: Shape, target: Shape) -> bool:
    """Can it be broadcast to the target?"""
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(a in (1, b) for a, b in pairs)


@dataclass(frozen=True, eq=False)
class Predictor:
    """The prediction over the two features of an input, as a program of its own."""

    input: Node
    compiled: Compiled


def predictor_of(model: Any, engine: Engine) -> Predictor | None:
    """The model's prediction as in inference, where its input can be drawn as a plane."""
    (symbol, *others), outputs = model._symbols, model.symbolic_outputs()
    one = not others and len(outputs) == 1 and outputs[0].rank == 2
    if not one or symbol.type.shape[1:] != (2,) or not symbol.type.is_float:
        return None
    plane = symbol_for(symbol, str(symbol.attrs["name"]))
    (output,) = widened(outputs, {symbol: plane, **engine.state})
    needed = set(walk([output]))
    graph = Graph([plane, *(s for s in engine.state.values() if s in needed)], [output])
    return Predictor(plane, compile_graph(graph, target="python", name="predictor"))


def draws(engine: Engine) -> bool:
    """Does the step draw random numbers?"""
    return bool(stream_numbers(engine.compiled.graph.nodes))
