"""Programs of real graphs, run with chosen passes: what the tests of the passes share."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

import graphdl as gd
from codegen import ir
from codegen.executable import Executable
from codegen.passes import PASSES, optimise
from graphdl import compile as compiling
from graphdl.calls import Calls
from graphdl.core.graph import Graph
from graphdl.lower import lower
from graphdl.rewrite.expand import expand
from graphdl.rewrite.simplify import simplify
from tests.differential import graphs
from tests.training.nets import LABEL, X, compiled

Results = list[np.ndarray]


@contextlib.contextmanager
def only(passes: Collection[str]) -> Iterator[None]:
    """Whatever is compiled meanwhile goes through these passes alone."""
    before = compiling.optimise
    compiling.optimise = functools.partial(optimise, passes=passes)
    try:
        yield
    finally:
        compiling.optimise = before


# ------------------------------------------------------------------ functions


@dataclass(frozen=True)
class FunctionCase:
    """A function that is called a few times, and variables that it updates."""

    name: str
    build: Callable[[], tuple[gd.Function, list[list[np.ndarray]]]]

    @functools.cached_property
    def built(self) -> tuple[gd.Function, list[list[np.ndarray]], Results]:
        with only(()):
            function, calls = self.build()
        return function, calls, [v.value for v in function.graph.variables]

    def with_passes(self, passes: Collection[str], target: str = "python") -> Results:
        """What the calls return and what the variables hold then."""
        function, calls, start = self.built
        for variable, value in zip(function.graph.variables, start, strict=True):
            variable.assign(value)
        function = copy.copy(function)
        program = optimise(function._lowered.program, passes)
        function._executable = Executable(program, jit=target == "cpu", name="function")
        function._compiled = replace(function._compiled, executable=function._executable)
        function._call = Calls(function._compiled)
        results = [a for arrays in calls for a in function(*arrays)]
        return [*results, *(v.value for v in function.graph.variables)]


def _random_graph(seed: int):
    built = graphs.build(graphs.draw(seed), "float64")
    return gd.function(built.symbols, built.outputs, target="python"), [built.arrays]


def _attention():
    x = gd.tensor("x", ("n", 4), "float64")
    q, k, v = (gd.Variable(_array(4, 4, seed=s), name, "float64") for s, name in enumerate("qkv"))
    scores = gd.softmax((x @ q) @ gd.transpose(x @ k) / 2.0, axis=-1)
    loss = gd.mean(gd.square(scores @ (x @ v) - x)).named("J")
    f = gd.function([x], [loss, *gd.grad(loss, [q, k, v])], target="python")
    return f, [[_array(5, 4)], [_array(2, 4)]]


def _embedding():
    """Rows gathered, sums scattered back; the old values are read after the new ones are known."""
    rows = gd.tensor("rows", ("n",), "int64")
    table = gd.Variable(_array(6, 3), "table", "float64")
    seen = gd.Variable(np.zeros(()), "seen", "float64")
    loss = gd.sum(gd.tanh(gd.gather(table, rows)))
    updates = {table: table - 0.3 * gd.grad(loss, [table])[0], seen: seen + gd.sum(table)}
    f = gd.function([rows], [loss], updates, target="python")
    return f, [[np.array([5, 0, 0, 3])], [np.array([2])], [np.array([1, 1])]]


def _normalised():
    """Statistics over rows, running means, and what is computed of both."""
    x = gd.tensor("x", ("n", 5), "float64")
    running = gd.Variable(np.zeros(5), "running", "float64")
    centred = x - gd.mean(x, axis=0)
    scaled = centred / gd.sqrt(gd.mean(gd.square(centred), axis=0) + 1e-3)
    loss = gd.sum(gd.cumsum(scaled, axis=1) * gd.sort(x, axis=0))
    updates = {running: running * 0.9 + 0.1 * gd.mean(x, axis=0)}
    f = gd.function([x], [loss, gd.grad(loss, [x])[0]], updates, target="python")
    return f, [[_array(4, 5, seed=k)] for k in range(3)]


def _adam():
    """The same work on weights of several shapes and ranks, each with two slots."""
    x = gd.tensor("x", ("n", 3), "float64")
    weights = [gd.Variable(_array(*s), "w", "float64") for s in ((3, 4), (4,), (4, 2), (2,))]
    hidden = gd.tanh(x @ weights[0] + weights[1])
    loss = gd.mean(gd.square(hidden @ weights[2] + weights[3]))
    updates = gd.optimizers.Adam(0.1).updates(weights, gd.grad(loss, weights))
    f = gd.function([x], [loss], updates, target="python")
    return f, [[_array(5, 3, seed=k)] for k in range(3)]


def _array(*shape: int, seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


# ------------------------------------------------------------------ training


def network(depth: int, width: int = 4, decay: float = 0.0):
    """`depth` layers of one width between input and output."""
    penalty = gd.regularizers.L2(decay) if decay else None
    hidden = [
        gd.layers.Dense(width, activation="tanh", kernel_regularizer=penalty) for _ in range(depth)
    ]
    first, last = gd.layers.Input(shape=(3,)), gd.layers.Dense(1, activation="sigmoid")
    return gd.Sequential([first, *hidden, last])


OPTIMIZERS = {
    "sgd": lambda: gd.optimizers.SGD(0.2),
    "momentum": lambda: gd.optimizers.SGD(0.1, momentum=0.9),
    "nesterov": lambda: gd.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda: gd.optimizers.Adam(0.05),
    "clipped": lambda: gd.optimizers.Adam(0.05, global_clipnorm=0.1),
}


@dataclass(frozen=True)
class StepCase:
    """A network that is trained, tested and asked."""

    depth: int
    optimizer: str
    decay: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.optimizer}-{self.depth}" + "-decay" * bool(self.decay)

    def with_passes(self, passes: Collection[str], target: str = "python") -> Results:
        """Losses, predictions, weights and slots."""
        with only(passes):
            return train(self.depth, self.optimizer, self.decay, target)


def train(depth: int, optimizer: str, decay: float, target: str) -> Results:
    """The losses and weights of two epochs, the last batch ragged; then other batches and tests."""
    gd.set_seed(0)
    model = compiled(
        network(depth, decay=decay), "binary_crossentropy", OPTIMIZERS[optimizer](), target,
        metrics=["accuracy"],
    )  # fmt: skip
    history = model.fit(X, LABEL, 16, epochs=2, verbose=0).history
    tested = model.evaluate(X, LABEL, 7, verbose=0)
    slots = [s.value for s in model.optimizer.variables]
    return [*map(np.array, (history["loss"], history["accuracy"], tested)), model.predict(X, 9),
            *model.get_weights(), *slots]  # fmt: skip


def runner_of(depth: int, optimizer: str = "adam", decay: float = 0.0):
    """A network, and its training step, un-jitted."""
    model = compiled(network(depth, decay=decay), "binary_crossentropy", OPTIMIZERS[optimizer]())
    model.fit(X[:4], LABEL[:4], verbose=0)
    return model, next(r for (kind, *_), r in model._runners.items() if kind == "train")


def step_program(depth: int, optimizer: str = "adam", decay: float = 0.0) -> ir.Program:
    """The program of a training step as it is lowered, before any pass."""
    return runner_of(depth, optimizer, decay)[1].compiled.lowered.program


def program_of(inputs, outputs, updates=None) -> ir.Program:
    """The program of a graph as it is lowered, before any pass."""
    return lower(expand(simplify(Graph(inputs, outputs, updates))[0])).program


FUNCTIONS = [
    *(
        FunctionCase(f"random-{k}", functools.partial(_random_graph, k))
        for k in range(32)
        if k % 4 < 2
    ),
    *(FunctionCase(f.__name__[1:], f) for f in (_attention, _embedding, _normalised, _adam)),
]
STEPS = [
    StepCase(1, "sgd"), StepCase(3, "sgd", 0.01), StepCase(5, "sgd"),
    StepCase(1, "momentum"), StepCase(4, "momentum", 0.01), StepCase(6, "momentum"),
    StepCase(1, "adam"), StepCase(3, "adam"), StepCase(6, "adam", 0.01),
    StepCase(2, "nesterov"), StepCase(4, "nesterov"), StepCase(4, "clipped"),
]  # fmt: skip
CASES = [*FUNCTIONS, *STEPS]
ALL = tuple(PASSES)
