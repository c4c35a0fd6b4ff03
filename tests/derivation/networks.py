"""Random dense networks of all that the vocabulary has, with a batch and the values of all leaves.

A network is drawn from a seed alone: two to eight dense layers of two to five units, activations,
dropout, normalisation, penalties, a layer called twice, skip connections, one of all losses with
targets it takes. It is drawn anew until its loss is an ordinary number.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

import graphdl as gd
from graphdl import activations
from graphdl.core.graph import Node, Variable, walk
from graphdl.core.interpret import Sizes, interpret
from graphdl.core.notation import plain
from graphdl.core.sizes import named
from graphdl.derivation.derivation import Derivation

L, R = gd.layers, gd.regularizers
SATURATED = 1e-6  # beyond the clip of a loss the merged derivative is another, and says so
EVEN = 4  # the width before glu, which halves it
ACTIVATIONS: dict[str, str | Callable] = {n: n for n in sorted(activations.KNOWN)} | {
    "threshold": lambda a: activations.threshold(a, 0.1, -0.2),
    "capped relu": lambda a: activations.relu(a, 0.1, 1.5, 0.05),
}
PENALTIES = (R.L1(0.02), R.L2(0.03), R.L1L2(0.01, 0.02))


def numbers(random, batch, width):
    return random.normal(size=(batch, width))


def counts(random, batch, width):
    return random.integers(0, 4, (batch, width)).astype(float)


def truths(random, batch, width):
    return random.integers(0, 2, (batch, width)).astype(float)


def signs(random, batch, width):
    return 2 * truths(random, batch, width) - 1


def one_hot(random, batch, width):
    return np.eye(width)[random.integers(0, width, batch)]


def shares(random, batch, width):
    y = random.uniform(0.1, 1, (batch, width))
    return y / y.sum(1, keepdims=True)


def classes(random, batch, width):
    return random.integers(0, width, batch)


LOSSES = {  # the loss, activations of the last layer that fit it, its targets
    "mse": (gd.losses.MeanSquaredError, ("linear", "tanh", "relu"), numbers),
    "mae": (gd.losses.MeanAbsoluteError, ("linear", "elu"), numbers),
    "mape": (gd.losses.MeanAbsolutePercentageError, ("linear",), numbers),
    "msle": (gd.losses.MeanSquaredLogarithmicError, ("softplus",), counts),
    "huber": (lambda: gd.losses.Huber(0.6), ("linear", "softsign"), numbers),
    "log_cosh": (gd.losses.LogCosh, ("linear",), numbers),
    "cosine": (gd.losses.CosineSimilarity, ("linear", "tanh"), numbers),
    "hinge": (gd.losses.Hinge, ("linear", "tanh"), signs),
    "hinge of truths": (gd.losses.Hinge, ("linear",), truths),
    "squared hinge": (gd.losses.SquaredHinge, ("linear",), signs),
    "categorical hinge": (gd.losses.CategoricalHinge, ("linear", "softmax"), one_hot),
    "kl": (gd.losses.KLDivergence, ("softmax", "sigmoid"), shares),
    "poisson": (gd.losses.Poisson, ("softplus", "exponential"), counts),
    "bce": (gd.losses.BinaryCrossentropy, ("sigmoid", "hard_sigmoid"), truths),
    "bce from logits": (lambda: gd.losses.BinaryCrossentropy(True), ("linear",), truths),
    "bce smoothed": (
        lambda: gd.losses.BinaryCrossentropy(label_smoothing=0.1), ("sigmoid",), truths,
    ),
    "cce": (gd.losses.CategoricalCrossentropy, ("softmax", "softplus"), one_hot),
    "cce from logits": (lambda: gd.losses.CategoricalCrossentropy(True), ("linear",), shares),
    "sparse cce": (gd.losses.SparseCategoricalCrossentropy, ("softmax",), classes),
    "sparse cce from logits": (
        lambda: gd.losses.SparseCategoricalCrossentropy(True), ("linear",), classes,
    ),
    "sparse cce ignoring 1": (
        lambda: gd.losses.SparseCategoricalCrossentropy(ignore_class=1), ("softmax",), classes,
    ),
    "binary focal": (
        lambda: gd.losses.BinaryFocalCrossentropy(True, gamma=1.5), ("sigmoid",), truths,
    ),
    "categorical focal": (gd.losses.CategoricalFocalCrossentropy, ("softmax",), one_hot),
    "dice": (gd.losses.Dice, ("sigmoid",), truths),
    "tversky": (lambda: gd.losses.Tversky(0.3, 0.7), ("sigmoid",), truths),
}  # fmt: skip


@dataclass
class Network:
    """A compiled model, a batch, and what was chosen."""

    model: gd.Model
    x: np.ndarray
    y: np.ndarray
    choices: list[str]

    @property
    def weights(self) -> list[str]:
        """The names of the weights that the loss reaches."""
        reached = set(walk([self.model.symbolic_loss(training=True)]))
        return [w.name for w in self.model.trainable_weights if w in reached]

    def values(self, nodes: list[Node]) -> list[np.ndarray]:
        """Values in one training step, by graphdl's interpreter."""
        names = {"x": self.x, "y": self.y}
        env = {
            n: names[n.attrs["name"]]
            for n in walk(nodes)
            if n.op.name == "tensor" and n.attrs["name"] in names
        }
        sizes = Sizes()
        sizes.learn((named("n"),), (len(self.x),), "x")
        return interpret(nodes, env, sizes)

    def leaves(self, derivation: Derivation) -> dict[str, np.ndarray]:
        """Values by printed name: data, the size of the batch, weights, random draws and masks."""
        found = {"n": np.int64(len(self.x)), "x": self.x, "y": self.y}
        order = walk([derivation.result, derivation.gradient])
        found |= {
            plain(derivation.names.get(v, v.name)): v.storage
            for v in order
            if isinstance(v, Variable)
        }
        masks = [n for n in order if n.op.name == "named" and n.inputs[0].dtype == "bool"]
        found |= {n.attrs["name"]: v for n, v in zip(masks, self.values(masks), strict=True)}
        return found

    def __str__(self) -> str:
        return ", ".join(self.choices)


@contextmanager
def float64():
    before = gd.floatx()
    gd.set_floatx("float64")
    try:
        yield
    finally:
        gd.set_floatx(before)


def draw(seed: int) -> Network:
    """The network of a seed."""
    random = np.random.default_rng([23, seed])
    with float64():
        while True:
            network = _Builder(seed, random).network()
            loss = network.model.symbolic_loss(training=True)
            gradients = gd.grad(loss, [network.model.weight(w) for w in network.weights])
            shares = [n for n in walk([loss]) if n.op.name in ("sigmoid", "softmax")]
            found = network.values([loss, *gradients])
            if not all(np.isfinite(v).all() and np.abs(v).max() < 1e6 for v in found):
                continue
            if all((np.abs(v - 0.5) < 0.5 - SATURATED).all() for v in network.values(shares)):
                return network


class _Builder:
    """One network being put together."""

    def __init__(self, seed: int, random: np.random.Generator) -> None:
        self.seed, self.random = seed, random
        self.choices = [f"seed {seed}"]

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def one_of(self, values):
        return values[int(self.random.integers(len(values)))]

    def network(self) -> Network:
        width = int(self.random.integers(2, 6))
        x = L.Input((width,))
        depth = int(self.random.integers(1, 8))  # and the last layer
        h = self.shared(x) if self.seed % 6 == 0 else x
        for k in range(depth):
            h = self.block(h, list(ACTIVATIONS)[(self.seed * 5 + k * 3) % len(ACTIVATIONS)])
        name = list(LOSSES)[self.seed % len(LOSSES)]
        make, lasts, target = LOSSES[name]
        last = self.one_of(lasts)
        self.choices += [last, name]
        units = int(self.random.integers(2, 5))
        model = gd.Model(x, L.Dense(units, last, kernel_regularizer=self.penalty())(h))
        model.compile("sgd", make())
        for w in model.weights:
            spread = self.random.normal(size=w.storage.shape)
            w.assign(np.exp(0.2 * spread) if w.storage.ndim < 2 else 0.7 * spread)
        batch = int(self.random.integers(2, 6))
        data = self.random.normal(size=(batch, width))
        return Network(model, data, target(self.random, batch, units), self.choices)

    def penalty(self):
        return self.one_of(PENALTIES) if self.chance(0.2) else None

    def block(self, h, activation):
        """A dense layer, and what may come before and after it."""
        if self.chance(0.15):
            h = self.noted(L.Dropout(0.3))(h)
        units = EVEN if activation == "glu" else int(self.random.integers(2, 6))
        skips = self.chance(0.2) and activation != "glu"
        units = h.shape[-1] if skips else units
        dense = L.Dense(
            units,
            ACTIVATIONS[activation],
            use_bias=self.chance(0.8),
            kernel_regularizer=self.penalty(),
            bias_regularizer=self.penalty(),
            activity_regularizer=self.penalty(),
        )
        self.choices.append(activation)
        out = dense(h)
        if skips:
            out = self.noted(self.one_of((L.Add, L.Concatenate, L.Multiply))())([h, out])
        if self.chance(0.2):
            layer = self.one_of((L.BatchNormalization, L.LayerNormalization, L.RMSNormalization))
            out = self.noted(layer())(out)
        return out

    def shared(self, x):
        """One layer called twice."""
        dense = L.Dense(x.shape[-1], self.one_of(("tanh", "softplus", "relu")))
        self.choices.append("shared")
        return dense(dense(x))

    def noted(self, layer):
        self.choices.append(type(layer).__name__)
        return layer
