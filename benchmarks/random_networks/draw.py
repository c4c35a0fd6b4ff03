"""Networks drawn at random, and their seeded data. Only NumPy is needed: any interpreter will do."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

DEPTHS, WIDTHS, BATCHES = (1, 12), (1, 2048), (1, 1024)
ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
    "sparse_sigmoid", "sparsemax", "squareplus", "tanh", "tanh_shrink", "threshold",
)  # fmt: skip
LOSSES = {  # what a loss learns from: the activation of the outputs, and the kind of targets
    "mean_squared_error": ("linear", "numbers"),
    "mean_absolute_error": ("linear", "numbers"),
    "mean_absolute_percentage_error": ("linear", "numbers"),
    "mean_squared_logarithmic_error": ("softplus", "numbers"),
    "huber": ("linear", "numbers"),
    "log_cosh": ("linear", "numbers"),
    "cosine_similarity": ("linear", "numbers"),
    "poisson": ("softplus", "numbers"),
    "hinge": ("linear", "signs"),
    "squared_hinge": ("linear", "signs"),
    "binary_crossentropy": ("sigmoid", "truths"),
    "binary_focal_crossentropy": ("sigmoid", "truths"),
    "dice": ("sigmoid", "truths"),
    "tversky": ("sigmoid", "truths"),
    "categorical_hinge": ("softmax", "one-hot"),
    "kl_divergence": ("softmax", "one-hot"),
    "categorical_crossentropy": ("softmax", "one-hot"),
    "categorical_focal_crossentropy": ("softmax", "one-hot"),
    "sparse_categorical_crossentropy": ("softmax", "classes"),
}
RATES = {  # so small that an epoch's loss hardly depends on the order of the batches
    "sgd": 1e-3, "momentum": 1e-4, "nesterov": 1e-4, "adam": 1e-5, "adamw": 1e-5, "adamax": 1e-5,
    "nadam": 1e-5, "adadelta": 1e-2, "adagrad": 1e-4, "rmsprop": 1e-5, "ftrl": 1e-2, "lion": 1e-6,
}  # fmt: skip
MOMENTUM = 0.9
SCALES = {"exponential": 0.2, "log_softmax": 0.1}  # of kernels: deep networks would overflow
EPOCH_SECONDS = 0.2
ROWS = 8192  # that an epoch of a small network has
STEPS = 4  # that an epoch has at least


class Data(NamedTuple):
    """Rows, their targets, and the kernel and bias of each layer that both sides start from."""

    x: np.ndarray
    y: np.ndarray
    parameters: list[np.ndarray]


@dataclass(frozen=True)
class Network:
    """A dense network and how it is trained. All hidden layers have one activation."""

    sizes: tuple[int, ...]
    """The features, then what each layer puts out."""
    activation: str
    loss: str
    optimizer: str
    batch: int

    @property
    def output(self) -> str:
        """The activation of the last layer, as the loss needs it."""
        return LOSSES[self.loss][0]

    @property
    def targets(self) -> str:
        return LOSSES[self.loss][1]

    @property
    def activations(self) -> tuple[str, ...]:
        return (self.activation,) * (len(self.sizes) - 2) + (self.output,)

    @property
    def kernels(self) -> tuple[tuple[int, int], ...]:
        """The shape of each layer's kernel; a glu halves what a product gives."""
        doubled = [1 + (name == "glu") for name in self.activations]
        return tuple((m, n * k) for (m, n), k in zip(pairwise(self.sizes), doubled, strict=True))

    @property
    def rate(self) -> float:
        return RATES[self.optimizer]

    @property
    def steps(self) -> int:
        """Batches of an epoch, all of them full: about `ROWS` rows, fewer where that takes long."""
        weights = sum(m * n for m, n in self.kernels)
        outputs = self.batch * sum(n for _, n in self.kernels)
        step_seconds = weights * (6 * self.batch / 5e10 + 4e-9) + outputs * 5e-9
        return max(STEPS, min(ROWS // self.batch, int(EPOCH_SECONDS / step_seconds)))

    @property
    def rows(self) -> int:
        return self.steps * self.batch

    def __str__(self) -> str:
        return "-".join(map(str, self.sizes))


def draw(seed: int, index: int) -> Network:
    """The network `index` of a seed. Depth, widths and batch are uniform in their logarithm."""
    rng = np.random.default_rng([seed, index])
    loss = str(rng.choice(list(LOSSES)))
    classes = LOSSES[loss][0] == "softmax"  # of one class there is nothing to learn
    features, *hidden = (_size(rng, *WIDTHS) for _ in range(_size(rng, *DEPTHS)))
    outputs = _size(rng, 1 + classes, WIDTHS[1])
    activation = str(rng.choice(ACTIVATIONS))
    if activation == "softmax":  # of one unit it is 1, which graphdl refuses
        hidden = [max(2, width) for width in hidden]
    optimizer, batch = str(rng.choice(list(RATES))), _size(rng, *BATCHES)
    return Network((features, *hidden, outputs), activation, loss, optimizer, batch)


def _size(rng: np.random.Generator, least: int, most: int) -> int:
    return int(math.exp(rng.uniform(math.log(least), math.log(most + 1))))


def make_data(network: Network, seed: int = 0) -> Data:
    """Normal features, targets that do not depend on them, kernels that keep the variance."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((network.rows, network.sizes[0]), dtype=np.float32)
    scale = SCALES.get(network.activation, 1.0)
    parameters = []
    for fan_in, fan_out in network.kernels:
        kernel = rng.standard_normal((fan_in, fan_out), dtype=np.float32)
        parameters += [
            kernel * np.float32(scale / math.sqrt(fan_in)),
            np.zeros(fan_out, np.float32),
        ]
    return Data(x, _targets(network, rng), parameters)


def _targets(network: Network, rng: np.random.Generator) -> np.ndarray:
    shape = rows, outputs = network.rows, network.sizes[-1]
    if network.targets == "numbers":
        return rng.random(shape, dtype=np.float32) + np.float32(0.5)
    if network.targets in ("truths", "signs"):
        truths = rng.integers(2, size=shape)
        return (truths if network.targets == "truths" else 2 * truths - 1).astype(np.float32)
    classes = rng.integers(outputs, size=rows)
    if network.targets == "classes":
        return classes
    hot = np.zeros(shape, np.float32)
    hot[np.arange(rows), classes] = 1
    return hot
