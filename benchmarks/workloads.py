"""The networks that are compared, and their seeded data.

The data is synthetic and has the shape of the set it is named after: what an epoch costs depends
on shapes, not on values, and so no peer needs a download or scikit-learn. A tenth of the labels
is drawn at random, so that gradients stay alive however long a run trains.
"""

import json
from dataclasses import asdict, dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

LEARNING_RATE = {"adam": 1e-3, "sgd": 1e-2}
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
LABEL_NOISE = 0.1

Parameters = list[tuple[np.ndarray, np.ndarray]]
"""Kernel `(fan_in, fan_out)` and bias `(fan_out,)` of every layer, first to last."""


class Data(NamedTuple):
    """Rows, their labels, and the parameters that every peer starts from."""

    x: np.ndarray
    """float32, `(rows, features)`."""
    labels: np.ndarray
    """int64, `(rows,)`: 0 or 1 for one output unit, else the class."""
    parameters: Parameters


@dataclass(frozen=True)
class Workload:
    """A dense network with relu hidden layers and how it is trained.

    One output unit means sigmoid and binary cross-entropy, more mean softmax and cross-entropy.
    """

    name: str
    rows: int
    sizes: tuple[int, ...]
    batch: int
    optimizer: str
    goal: float | None = None
    """How many times the fastest peer's speed graphdl sets out to reach on one core."""

    @property
    def binary(self) -> bool:
        return self.sizes[-1] == 1

    @property
    def learning_rate(self) -> float:
        return LEARNING_RATE[self.optimizer]

    @property
    def full_batches(self) -> int:
        return self.rows // self.batch

    @property
    def steps(self) -> int:
        """Batches an epoch, the ragged last one included."""
        return -(-self.rows // self.batch)

    @property
    def network(self) -> str:
        """784-512-512-10, or 64-(64×10)-10 where widths repeat."""
        runs = [(width, len(list(same))) for width, same in groupby(self.sizes)]
        folded = [(w, n) if n > 2 else (w, 1) for w, n in runs for _ in range(1 if n > 2 else n)]
        return "-".join(f"({w}×{n})" if n > 1 else str(w) for w, n in folded)

    @property
    def json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Workload":
        fields = json.loads(text)
        return cls(**{**fields, "sizes": tuple(fields["sizes"])})

    def __str__(self) -> str:
        size = f"batch {self.batch}, {self.optimizer}, {self.rows} rows"
        return f"{self.name}: {self.network}, {size}"


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("perceptron", 2000, (2, 1), 1, "sgd", goal=9.0),
        Workload("lecture", 569, (30, 16, 1), 32, "adam", goal=8.0),
        Workload("digits", 1797, (64, 128, 64, 10), 32, "adam", goal=2.0),
        Workload("deep", 4096, (64,) * 11 + (10,), 64, "adam", goal=1.7),
        Workload("mnist-like", 12800, (784, 512, 512, 10), 128, "adam", goal=1.0),
        # two steps an epoch: a step takes about a second
        Workload("wide", 1024, (1024, 4096, 4096, 10), 512, "sgd", goal=1.0),
    )
}
QUICK = ("perceptron", "lecture", "digits")


def make_data(workload: Workload, seed: int = 0) -> Data:
    """Normal features, labels by a random linear rule with noise, He-normal kernels."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((workload.rows, workload.sizes[0]), dtype=np.float32)
    classes = max(workload.sizes[-1], 2)
    labels = (x @ rng.standard_normal((workload.sizes[0], classes), dtype=np.float32)).argmax(1)
    noisy = rng.random(workload.rows) < LABEL_NOISE
    labels[noisy] = rng.integers(classes, size=noisy.sum())
    return Data(x, labels, _he_normal(workload.sizes, rng))


def mean_loss(workload: Workload, data: Data, parameters: Parameters) -> float:
    """Cross-entropy over all rows: shows that two peers train the same network alike."""
    z = data.x
    for kernel, bias in parameters[:-1]:
        z = np.maximum(z @ kernel + bias, 0)
    z = (z @ parameters[-1][0] + parameters[-1][1]).astype(np.float64)
    if workload.binary:  # one logit against a second one that is always 0
        z = np.hstack([np.zeros_like(z), z])
    z -= z.max(axis=1, keepdims=True)
    true = np.take_along_axis(z, data.labels[:, None], axis=1)[:, 0]
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - true))


def _he_normal(sizes: tuple[int, ...], rng: np.random.Generator) -> Parameters:
    def layer(fan_in: int, fan_out: int) -> tuple[np.ndarray, np.ndarray]:
        kernel = rng.standard_normal((fan_in, fan_out), dtype=np.float32)
        return kernel * np.float32(np.sqrt(2 / fan_in)), np.zeros(fan_out, np.float32)

    return [layer(*pair) for pair in pairwise(sizes)]
