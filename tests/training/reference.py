"""A trainer of dense networks, written out by hand in NumPy float64: what `fit` must do.

It shares no code with graphdl but the keyed permutation that says in which order examples come.
A weight is an array of a list [W₁, b₁, W₂, b₂, …]; an activation is a pair (value, derivative).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from codegen.random import permutation

SHUFFLE_STREAM = 2**31


def sigmoid(z):
    return 0.5 * (1 + np.tanh(z / 2))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


ACTIVATIONS = {
    "linear": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "softplus": (lambda z: np.log1p(np.exp(z)), sigmoid),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(z)), lambda z: np.where(z > 0, 1, np.exp(z))),
    "softmax": (softmax, None),  # its derivative is taken together with the loss
}


def mean_squared_error(y, p, z):
    """(loss of each example, its derivative by p)"""
    return ((p - y) ** 2).mean(axis=1), 2 * (p - y) / y.shape[1]


def binary_crossentropy(y, p, z):
    """The same for a sigmoid's p; the derivative is by p."""
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=1)
    return loss, (p - y) / (p * (1 - p)) / y.shape[1]


def categorical_crossentropy(y, p, z):
    """The same for a softmax's p; the derivative is by the logits z."""
    return -(y * np.log(p)).sum(axis=1), p - y


def sparse_categorical_crossentropy(y, p, z):
    return categorical_crossentropy(np.eye(p.shape[1])[y], p, z)


LOSSES = {
    f.__name__: f
    for f in (
        mean_squared_error,
        binary_crossentropy,
        categorical_crossentropy,
        sparse_categorical_crossentropy,
    )
}


@dataclass
class SGD:
    """v ← μ·v − η·g, w ← w + v; Nesterov: w ← w + μ·v − η·g"""

    rate: float
    momentum: float = 0.0
    nesterov: bool = False
    velocity: dict = field(default_factory=dict)

    def step(self, k, w, g, t):
        v = self.momentum * self.velocity.get(k, 0.0) - self.rate * g
        self.velocity[k] = v
        return w + self.momentum * v - self.rate * g if self.nesterov else w + v


@dataclass
class Adam:
    """η·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε): ε beside the root of the uncorrected v"""

    rate: float
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    moments: dict = field(default_factory=dict)

    def step(self, k, w, g, t):
        m, v = self.moments.get(k, (0.0, 0.0))
        m = self.beta_1 * m + (1 - self.beta_1) * g
        v = self.beta_2 * v + (1 - self.beta_2) * g**2
        self.moments[k] = m, v
        scale = self.rate * np.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        return w - scale * m / (np.sqrt(v) + self.epsilon)


@dataclass
class Trainer:
    """The network, its optimizer, and all that a run leaves behind."""

    weights: list
    activations: list[str]
    loss: Callable
    optimizer: SGD | Adam
    seed: int
    steps: int = 0

    def forward(self, x):
        """Inputs and pre-activations of each layer, and the prediction."""
        inputs, zs = [], []
        for k, name in enumerate(self.activations):
            inputs.append(x)
            zs.append(x @ self.weights[2 * k] + self.weights[2 * k + 1])
            x = ACTIVATIONS[name][0](zs[-1])
        return inputs, zs, x

    def gradients(self, x, y, weight):
        """(Σ loss·weight / n, its derivative by each weight)"""
        inputs, zs, p = self.forward(x)
        losses, back = self.loss(y, p, zs[-1])
        back = back * (weight / len(x))[:, None]
        found = []
        for k in reversed(range(len(zs))):
            derivative = ACTIVATIONS[self.activations[k]][1]
            dz = back * derivative(zs[k]) if derivative else back
            found[:0] = [inputs[k].T @ dz, dz.sum(axis=0)]
            back = dz @ self.weights[2 * k].T
        return (losses * weight).sum() / len(x), found

    def epoch(self, x, y, batch, weight, shuffled):
        """One pass; returns (mean loss weighted by examples, the weights after each step)."""
        n, total, after = len(x), 0.0, []
        order = np.arange(n)
        if shuffled:
            order = permutation(self.seed, SHUFFLE_STREAM, self.steps, n)
        for first in range(0, n, batch):
            rows = order[first : first + batch]
            loss, gradients = self.gradients(x[rows], y[rows], weight[rows])
            self.steps += 1
            for k, g in enumerate(gradients):
                self.weights[k] = self.optimizer.step(k, self.weights[k], g, self.steps)
            total += loss * len(rows)
            after.append([w.copy() for w in self.weights])
        return total / n, after
