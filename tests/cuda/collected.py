"""The programs that must work on a GPU: operations, optimizers, random ones, those of the examples."""

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import graphdl as gd
from codegen import ir
from codegen.executable import Executable
from tests.cuda.replay import for_threads
from tests.differential.oracle import Case
from tests.ops.cases import OPS, cases

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[0-9]*.py"))
GRAPHS, NETWORKS = range(6), range(44)  # seeds of fifty random programs
L = gd.layers
OPTIMIZERS = {
    **{name: name for name in gd.optimizers.KNOWN},
    "momentum": lambda: gd.optimizers.SGD(0.05, momentum=0.9),
    "nesterov": lambda: gd.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "clipped": lambda: gd.optimizers.Adam(0.01, global_clipnorm=0.1),
    "scheduled": lambda: gd.optimizers.Adam(gd.optimizers.schedules.ExponentialDecay(0.01, 2, 0.5)),
}  # fmt: skip


@contextmanager
def programs() -> Iterator[list[ir.Program]]:
    """Notes every program that gets an executable meanwhile, as for a GPU, but for those of teams."""
    found: list[ir.Program] = []
    make = Executable.__init__

    def noted(self, program, **settings):
        if program.shares is None:
            found.append(program)
        make(self, program, **settings)

    Executable.__init__ = noted
    try:
        with for_threads():
            yield found
    finally:
        Executable.__init__ = make


def run_example(path: Path, folder: Path, monkeypatch) -> None:
    """As a reader runs it, in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(path.parent)
    runpy.run_path(str(path), run_name="__main__")


def run_operation(name: str, dtype: str) -> None:
    """All samples of an operation, and the derivatives of each."""
    for case in cases(OPS[name], dtype):
        for nodes in ([case.node], [d for _, d in case.derivatives()]):
            if nodes:
                gd.function(case.inputs, nodes, target="python")(*case.arrays)


def run_random(kind: str, seed: int, dtype: str) -> None:
    """A random value and its gradient."""
    built = Case(kind, seed).built(dtype)
    gd.function(built.symbols, built.outputs, target="python")(*built.arrays)


def data(columns=6, rows=14):
    draw = np.random.default_rng(0)
    x = draw.standard_normal((rows, columns), dtype=np.float32)
    return x, (x[:, :1] * x[:, 1:2] > 0).astype(np.float32)


def network(columns=6, units=8):
    """The lecture's network, with dropout."""
    hidden = L.Dense(units, activation="relu")
    return [L.Input((columns,)), hidden, L.Dropout(0.25), L.Dense(1, activation="sigmoid")]


def deep(depth=5):
    """Equal layers: a repeat."""
    hidden = [L.Dense(5, activation="tanh") for _ in range(depth)]
    return [L.Input((6,)), *hidden, L.Dense(1, activation="sigmoid")]


def normalised():
    """No bias before a normalisation: its gradient is 0 but for roundings, which Adam makes large."""
    norms = [L.BatchNormalization(), L.LayerNormalization()]
    return [L.Input((6,)), L.Dense(5, use_bias=False), *norms, L.Dense(1, activation="sigmoid")]


NETWORKS_BY_NAME = {f.__name__: f for f in (deep, normalised)}


def trained(target, optimizer, layers=network, epochs=2, **settings):
    """Two ragged batches an epoch; then what evaluation and prediction say."""
    gd.set_seed(3)
    layers = layers()
    x, y = data(layers[0].shape[-1])
    model = gd.Sequential(layers)
    chosen = optimizer() if callable(optimizer) else optimizer
    model.compile(chosen, "binary_crossentropy", ["accuracy"], target=target, **settings)
    history = model.fit(x, y, epochs=epochs, batch_size=8, verbose=0).history
    state = [*model.get_weights(), *(v.value for v in model.optimizer.variables)]
    return [
        *state,
        *map(np.array, history.values()),
        model.evaluate(x, y, verbose=0),
        model.predict(x),
    ]
