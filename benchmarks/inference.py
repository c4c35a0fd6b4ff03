"""python -m benchmarks.inference: predict, evaluate and Hessian products against their limits.

A row: a prepared function beside an empty compiled one on the same arrays. Many rows: predict and
evaluate beside the same matrix products through the same tiles. H·v: its time in gradients, beside
its matrix products in those of the gradient. All alternate; the median ratio counts.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

import graphdl as gd
from benchmarks.workloads import WORKLOADS, make_data
from graphdl.footprint import products

ROWS = {"lecture": 1_000_000, "digits": 200_000, "mnist-like": 10_000}
ROUNDS = 9


def main() -> None:
    for name, rows in ROWS.items():
        workload = WORKLOADS[name]
        print(workload.name, "-".join(map(str, workload.sizes)))
        model = _model(workload)
        _one_row(model, workload.sizes)
        _many_rows(model, workload.sizes, rows)
        _hessian_product(workload)


def _model(workload):
    last = "sigmoid" if workload.binary else "softmax"
    layers = [gd.layers.Dense(n, activation="relu") for n in workload.sizes[1:-1]]
    model = gd.Sequential([gd.layers.Input(shape=(workload.sizes[0],)), *layers,
                           gd.layers.Dense(workload.sizes[-1], activation=last)])  # fmt: skip
    loss = "binary_crossentropy" if workload.binary else "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=["accuracy"])
    for weight, value in zip(model.weights, sum(make_data(workload).parameters, ()), strict=True):
        weight.assign(value)
    return model


def _one_row(model, sizes) -> None:
    import numba

    empty = numba.njit(lambda x, out: None)
    x, out = np.zeros((1, sizes[0]), np.float32), np.zeros((1, sizes[-1]), np.float32)
    f = model.predict_function(rows=1)
    y = np.zeros(1)
    calls = {
        "empty": lambda: empty(x, out),
        "prepared, out=": lambda: f(x, out=out),
        "prepared": lambda: f(x),
        "predict": lambda: model.predict(x),
        "model(x)": lambda: model(x),
        "test_on_batch": lambda: model.test_on_batch(x, y),
        "train_on_batch": lambda: model.train_on_batch(x, y),
    }
    _report("one row", _alternating({k: _repeated(c, 2000 if k[0] in "ep" and k != "predict" else 50)
                                     for k, c in calls.items()}), 1e6, "µs")  # fmt: skip


def _many_rows(model, sizes, rows) -> None:
    x = np.random.default_rng(0).standard_normal((rows, sizes[0]), dtype=np.float32)
    y = np.zeros(rows)
    kernels = tuple(np.ascontiguousarray(w.value) for w in model.weights if w.value.ndim == 2)
    outs = tuple(np.empty((32, n), np.float32) for n in sizes[1:])
    alone = _products()
    calls = {
        "products": lambda: alone(x, kernels, outs),
        "predict": lambda: model.predict(x),
        "evaluate": lambda: model.evaluate(x, y, verbose=0),
    }
    _report(f"{rows:,} rows", _alternating(calls), 1e3, "ms")


def _products() -> Callable[..., None]:
    """The products of a forward pass, batch by batch, and nothing else."""
    import numba

    from codegen.products import multiply

    @numba.njit
    def run(x, kernels, outs):
        for start in range(0, len(x), len(outs[0])):
            a = x[start : start + len(outs[0])]
            for k in range(len(kernels)):
                multiply(a, kernels[k], outs[k][: len(a)])
                a = outs[k][: len(a)]

    return run


def _hessian_product(workload) -> None:
    x = gd.tensor("x", shape=("n", workload.sizes[0]))
    y = gd.tensor("y", shape=("n", workload.sizes[-1]))
    given = make_data(workload).parameters
    parameters = [gd.Variable(np.asarray(p)) for layer in given for p in layer]
    h = x
    for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        h = gd.relu(h @ W + b)
    z = h @ parameters[-2] + parameters[-1]
    binary = workload.binary
    cost = gd.losses.binary_crossentropy if binary else gd.losses.categorical_crossentropy
    J = gd.mean(cost(y, gd.sigmoid(z) if binary else gd.softmax(z)))
    vectors = [gd.tensor(f"v{k}", shape=p.shape) for k, p in enumerate(parameters)]
    gradient = gd.function([x, y], [J, *gd.grad(J, parameters)])
    product = gd.function([x, y, *vectors], gd.hvp(J, parameters, vectors))
    rng, n = np.random.default_rng(0), workload.batch
    rows = rng.standard_normal((n, workload.sizes[0]), dtype=np.float32)
    labels = np.eye(workload.sizes[-1], dtype=np.float32)[np.zeros(n, int)]
    directions = [rng.standard_normal(p.shape, dtype=np.float32) for p in parameters]
    counts = [
        products(f.program, {v.name: n for v in f.program.sizes}) for f in (gradient, product)
    ]
    calls = {
        "gradient": _repeated(lambda: gradient(rows, labels), 50),
        "H·v": _repeated(lambda: product(rows, labels, *directions), 50),
    }
    _report(f"batch {n}", _alternating(calls), 1e6, "µs")
    print(f"    products {counts[1][0]} beside {counts[0][0]}: {counts[1][1] / counts[0][1]:.2f} ×")


def _repeated(call: Callable[[], object], times: int) -> Callable[[], float]:
    """Seconds a call, over so many."""

    def run() -> float:
        start = time.perf_counter()
        for _ in range(times):
            call()
        return (time.perf_counter() - start) / times

    run.measures = True
    return run


def _alternating(calls: dict[str, Callable]) -> dict[str, list[float]]:
    """Seconds of each, one after the other in each round; the first round warms up."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(1 + ROUNDS):
        for name, call in calls.items():
            timed = call if hasattr(call, "measures") else _repeated(call, 1)
            found[name].append(timed())
    return {name: seconds[1:] for name, seconds in found.items()}


def _report(title: str, found: dict[str, list[float]], unit: float, name: str) -> None:
    base = next(iter(found.values()))
    for what, seconds in found.items():
        ratio = statistics.median(s / b for s, b in zip(seconds, base, strict=True))
        print(f"  {title:16} {what:16} {min(seconds) * unit:10.2f} {name}  {ratio:8.2f} ×")


if __name__ == "__main__":
    main()
