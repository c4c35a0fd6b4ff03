"""Random dense networks of graphdl's layers, activations and losses, and the same in PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import graphdl as gd
from graphdl import activations, losses
from graphdl.layers.core import BATCH
from tests.differential.graphs import Built

HIDDEN = (
    "celu", "elu", "gelu", "hard_sigmoid", "hard_tanh", "leaky_relu", "linear", "log_sigmoid",
    "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh",
)  # fmt: skip
LOSSES = {  # the loss, what the last layer gives, whether it is taken from logits
    "mse": ("mean_squared_error", "linear", False),
    "bce": ("binary_crossentropy", "sigmoid", False),
    "bce from logits": ("binary_crossentropy", "linear", True),
    "cce": ("categorical_crossentropy", "softmax", False),
    "cce from logits": ("categorical_crossentropy", "linear", True),
    "sparse cce": ("sparse_categorical_crossentropy", "softmax", False),
    "sparse cce from logits": ("sparse_categorical_crossentropy", "linear", True),
}
KINK = 1e-5  # the distance that every number in a layer keeps from the kinks of activations
KINKS = (-3, -1, 0, 1, 3, 6)


@dataclass
class Network:
    """Weights, activations, a loss and a batch. A bias may be missing."""

    seed: int
    layers: list[tuple[np.ndarray, np.ndarray | None, str]]
    loss_name: str
    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None  # of the examples

    @property
    def arrays(self) -> list[np.ndarray]:
        """What the loss is differentiated by: each layer's kernel and bias, then the input."""
        found = [w for kernel, bias, _ in self.layers for w in (kernel, bias) if w is not None]
        return [*found, self.x]

    def loss(self, m: Any, tensors: list) -> Any:
        """The loss over library `m`, by formulas of its own."""
        *weights, h = tensors
        rest = iter(weights)
        for _, bias, activation in self.layers:
            h = h @ next(rest)
            h = h if bias is None else h + next(rest)
            h = (
                getattr(m, activation)(h, 0.2)
                if activation == "leaky_relu"
                else getattr(m, activation)(h)
            )
        values = self._per_example(m, h)
        if self.weights is not None:
            values = values * m.constant(self.weights, h)
        return m.mean(values)

    def _per_example(self, m: Any, h: Any) -> Any:
        name, _, logits = LOSSES[self.loss_name]
        y = m.constant(self.y, h)
        if name.startswith("sparse"):
            y = m.one_hot(y, h.shape[-1], h)
        if name == "mean_squared_error":
            return m.mean(m.square(h - y), (1,))
        if name == "binary_crossentropy":
            return m.mean(m.bce(y, h, from_logits=logits), (1,))
        return m.cce(y, h, from_logits=logits)

    def __str__(self) -> str:
        shapes = [(k.shape, a, b is not None) for k, b, a in self.layers]
        return f"seed {self.seed}: batch {len(self.x)}, layers {shapes}, loss {self.loss_name}"


def draw(seed: int) -> Network:
    """A network of one to five layers, drawn anew until no number is near a kink."""
    random = np.random.default_rng([7, seed])
    while True:
        network = _draw(seed, random)
        if _clear(network):
            return network


def _draw(seed: int, random: np.random.Generator) -> Network:
    batch = (1, 2, 7, 32)[seed % 4]
    name = list(LOSSES)[seed % len(LOSSES)]
    widths = random.integers(2, 10, random.integers(2, 7)).tolist()
    widths[0] = int(random.integers(1, 9))
    names = [*random.choice(HIDDEN, len(widths) - 2), LOSSES[name][1]]
    layers = []
    for rows, columns, activation in zip(widths[:-1], widths[1:], names, strict=True):
        kernel = random.normal(size=(rows, columns)) / np.sqrt(rows)
        bias = random.normal(size=columns) * 0.3 if random.integers(4) else None
        layers.append((kernel, bias, str(activation)))
    x = random.normal(size=(batch, widths[0]))
    weights = random.uniform(0, 2, batch) if random.integers(2) else None
    return Network(seed, layers, name, x, _targets(random, name, batch, widths[-1]), weights)


def _targets(random: np.random.Generator, name: str, batch: int, width: int) -> np.ndarray:
    if name.startswith("sparse"):
        return random.integers(0, width, batch)
    if name.startswith("cce"):
        return np.eye(width)[random.integers(0, width, batch)]
    if name.startswith("bce"):
        return random.integers(0, 2, (batch, width)).astype(float)
    return random.normal(size=(batch, width))


def _clear(network: Network) -> bool:
    h = network.x
    for kernel, bias, activation in network.layers:
        h = h @ kernel if bias is None else h @ kernel + bias
        if any((np.abs(h - k) < KINK).any() for k in KINKS):
            return False
        h = activations.get(activation)(h)
    return bool(np.isfinite(h).all() and (np.abs(h) < 15).all())


def build(network: Network, dtype: str) -> Built:
    """The network of graphdl's own layers and losses."""
    x = gd.tensor("x", (BATCH, network.x.shape[1]), dtype)
    name, _, logits = LOSSES[network.loss_name]
    sparse = name.startswith("sparse")
    y = gd.tensor("y", (BATCH, *network.y.shape[1:]), "int64" if sparse else dtype)
    h, variables = x, []
    for kernel, bias, activation in network.layers:
        layer = gd.layers.Dense(kernel.shape[1], activation, use_bias=bias is not None, dtype=dtype)
        layer.build((BATCH, kernel.shape[0]))
        layer.kernel.assign(kernel)
        variables.append(layer.kernel)
        if bias is not None:
            layer.bias.assign(bias)
            variables.append(layer.bias)
        h = layer.call(h)
    symbols, arrays = [x, y], [network.x.astype(dtype), network.y]
    sample_weight = None
    if network.weights is not None:
        sample_weight = gd.tensor("w", (BATCH,), dtype)
        symbols.append(sample_weight)
        arrays.append(network.weights.astype(dtype))
    loss = _loss(name, logits)
    arrays = [a.astype(s.dtype) for a, s in zip(arrays, symbols, strict=True)]
    return Built(symbols, arrays, loss(y, h, sample_weight), [*variables, x])


def _loss(name: str, logits: bool) -> losses.Loss:
    loss = losses.get(name)
    return type(loss)(from_logits=True) if logits else loss
