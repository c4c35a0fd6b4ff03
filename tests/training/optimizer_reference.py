"""Optimizers and schedules in NumPy, from the papers and Keras's documentation, and the cases to try.

Nothing here is shared with graphdl. A rule changes one weight in place: rule(w, g, s, η, t, …) with
the weight's own state s, filled with zeros at first use, at the update number t = 1, 2, …
"""

import math
from collections import defaultdict

import numpy as np


def sgd(w, g, s, rate, t, momentum=0.0, nesterov=False):
    s["v"] = momentum * s["v"] - rate * g
    w += momentum * s["v"] - rate * g if nesterov and momentum else s["v"]


def adam(w, g, s, rate, t, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False):
    s["m"] = beta_1 * s["m"] + (1 - beta_1) * g
    s["v"] = beta_2 * s["v"] + (1 - beta_2) * g**2
    s["top"] = np.maximum(s["top"], s["v"])
    second = s["top"] if amsgrad else s["v"]
    scale = rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    w -= scale * s["m"] / (np.sqrt(second) + epsilon)


def adamax(w, g, s, rate, t, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s["m"] = beta_1 * s["m"] + (1 - beta_1) * g
    s["u"] = np.maximum(beta_2 * s["u"], abs(g))
    w -= rate / (1 - beta_1**t) * s["m"] / (s["u"] + epsilon)


def nadam(w, g, s, rate, t, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    momentum = [beta_1 * (1 - 0.5 * 0.96**i) for i in range(1, t + 2)]
    s["m"] = beta_1 * s["m"] + (1 - beta_1) * g
    s["v"] = beta_2 * s["v"] + (1 - beta_2) * g**2
    m = momentum[t] * s["m"] / (1 - math.prod(momentum))
    m = m + (1 - momentum[t - 1]) * g / (1 - math.prod(momentum[:t]))
    w -= rate * m / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)


def adagrad(w, g, s, rate, t, initial_accumulator_value=0.1, epsilon=1e-7):
    s["a"] = s["a"] + g**2
    w -= rate * g / np.sqrt(initial_accumulator_value + s["a"] + epsilon)


def adadelta(w, g, s, rate, t, rho=0.95, epsilon=1e-7):
    s["a"] = rho * s["a"] + (1 - rho) * g**2
    move = -np.sqrt(s["d"] + epsilon) / np.sqrt(s["a"] + epsilon) * g
    s["d"] = rho * s["d"] + (1 - rho) * move**2
    w += rate * move


def rmsprop(w, g, s, rate, t, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    s["v"] = rho * s["v"] + (1 - rho) * g**2
    s["mean"] = rho * s["mean"] + (1 - rho) * g
    variance = s["v"] - s["mean"] ** 2 if centered else s["v"]
    s["m"] = momentum * s["m"] + rate * g / np.sqrt(variance + epsilon)
    w -= s["m"]


def ftrl(w, g, s, rate, t, learning_rate_power=-0.5, initial_accumulator_value=0.1,
         l1_regularization_strength=0.0, l2_regularization_strength=0.0,
         l2_shrinkage_regularization_strength=0.0, beta=0.0):  # fmt: skip
    old = initial_accumulator_value + s["n"]
    s["n"] = s["n"] + g**2
    new, p = initial_accumulator_value + s["n"], -learning_rate_power
    shrunk = g + 2 * l2_shrinkage_regularization_strength * w
    s["z"] = s["z"] + shrunk - (new**p - old**p) / rate * w
    l1, l2 = l1_regularization_strength, l2_regularization_strength + beta / (2 * rate)
    inside = np.clip(s["z"], -l1, l1)
    w[...] = (inside - s["z"]) / (new**p / rate + 2 * l2)


def lion(w, g, s, rate, t, beta_1=0.9, beta_2=0.99):
    w -= rate * np.sign(beta_1 * s["m"] + (1 - beta_1) * g)
    s["m"] = beta_2 * s["m"] + (1 - beta_2) * g


RULES = {
    "SGD": sgd, "Adam": adam, "AdamW": adam, "Adamax": adamax, "Nadam": nadam, "Adagrad": adagrad,
    "Adadelta": adadelta, "RMSprop": rmsprop, "Ftrl": ftrl, "Lion": lion,
}  # fmt: skip


# ------------------------------------------------------------------ schedules


def _half_wave(p):
    return 0.5 * (1 + math.cos(math.pi * p))


def exponential(k, initial_learning_rate, decay_steps, decay_rate, staircase=False):
    return initial_learning_rate * decay_rate ** (
        k // decay_steps if staircase else k / decay_steps
    )


def inverse_time(k, initial_learning_rate, decay_steps, decay_rate, staircase=False):
    p = k // decay_steps if staircase else k / decay_steps
    return initial_learning_rate / (1 + decay_rate * p)


def polynomial(
    k, initial_learning_rate, decay_steps, end_learning_rate=1e-4, power=1.0, cycle=False
):
    if cycle:
        decay_steps *= max(1, math.ceil(k / decay_steps))
    left = 1 - min(k, decay_steps) / decay_steps
    return (initial_learning_rate - end_learning_rate) * left**power + end_learning_rate


def piecewise(k, boundaries, values):
    return values[sum(k > b for b in boundaries)]


def cosine(k, initial_learning_rate, decay_steps, alpha=0.0, warmup_target=None, warmup_steps=0):
    start = initial_learning_rate
    if warmup_target is not None:
        if k < warmup_steps:
            return start + (warmup_target - start) * k / warmup_steps
        k, start = k - warmup_steps, warmup_target
    return start * ((1 - alpha) * _half_wave(min(k / decay_steps, 1)) + alpha)


def restarts(k, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0):
    length, height = first_decay_steps, 1.0
    while k >= length:
        k, length, height = k - length, length * t_mul, height * m_mul
    return initial_learning_rate * ((1 - alpha) * height * _half_wave(k / length) + alpha)


SCHEDULES = {
    "ExponentialDecay": exponential, "InverseTimeDecay": inverse_time,
    "PolynomialDecay": polynomial, "PiecewiseConstantDecay": piecewise, "CosineDecay": cosine,
    "CosineDecayRestarts": restarts,
    "ConstantLearningRate": lambda k, learning_rate: learning_rate,
}  # fmt: skip


# ------------------------------------------------------------------ around the rule


class Reference:
    """An optimizer with all that is around its rule, on a list of weights changed in place."""

    def __init__(
        self, name, learning_rate, weight_decay=None, clipnorm=None, clipvalue=None,
        global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
        gradient_accumulation_steps=1, **rule,
    ):  # fmt: skip
        self.rule, self.rate = lambda *a: RULES[name](*a, **rule), learning_rate
        self.decay = 0.004 if name == "AdamW" and weight_decay is None else weight_decay or 0.0
        self.clip = clipnorm, clipvalue, global_clipnorm
        self.ema, self.momentum, self.every = use_ema, ema_momentum, ema_overwrite_frequency
        self.period, self.batches = gradient_accumulation_steps, 0
        self.states = defaultdict(lambda: defaultdict(float))
        self.sums = self.averages = None

    def clipped(self, gradients):
        norm, value, together = self.clip
        if value is not None:
            return [np.clip(g, -value, value) for g in gradients]
        if norm is not None:
            return [g * min(1, norm / np.linalg.norm(g)) for g in gradients]
        if together is not None:
            whole = np.linalg.norm(np.concatenate([g.ravel() for g in gradients]))
            return [g * min(1, together / whole) for g in gradients]
        return gradients

    def apply(self, weights, gradients):
        done, self.batches = self.batches // self.period, self.batches + 1
        self.sums = [g + s for g, s in zip(gradients, self.sums or [0] * len(weights), strict=True)]
        if self.batches % self.period == 0:
            rate = self.rate
            if isinstance(rate, tuple):
                rate = SCHEDULES[rate[0]](self.batches - 1, **rate[1])
            mean, self.sums = [s / self.period for s in self.sums], None
            for k, (w, g) in enumerate(zip(weights, self.clipped(mean), strict=True)):
                w -= w * self.decay * rate
                self.rule(w, g, self.states[k], rate, done + 1)
        if self.ema:
            self.average(weights, done)

    def average(self, weights, done):
        m = self.momentum if done else 0.0
        old = self.averages or weights
        self.averages = [m * a + (1 - m) * w for a, w in zip(old, weights, strict=True)]
        if self.every and (done + 1) % self.every == 0:
            self.finish(weights)

    def finish(self, weights):
        for w, a in zip(weights, self.averages or weights, strict=True):
            w[...] = a


# ------------------------------------------------------------------ cases

WARM = ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 12, "alpha": 0.1,
                        "warmup_target": 0.1, "warmup_steps": 5})  # fmt: skip
EXPONENTIAL = {"initial_learning_rate": 0.1, "decay_steps": 8, "decay_rate": 0.5}
INVERSE = {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}
POLYNOMIAL = {"initial_learning_rate": 0.1, "decay_steps": 7, "end_learning_rate": 0.01}
PIECEWISE = {"boundaries": [3, 9], "values": [0.1, 0.05, 0.02]}
RESTARTS = {"initial_learning_rate": 0.1, "first_decay_steps": 4, "alpha": 0.05}
PENALTIES = {"l1_regularization_strength": 0.01, "l2_regularization_strength": 0.1,
             "l2_shrinkage_regularization_strength": 0.02, "beta": 0.25}  # fmt: skip

RATES = {
    "SGD": 0.1, "Adam": 0.01, "AdamW": 0.01, "Adamax": 0.01, "Nadam": 0.01, "Adagrad": 0.1,
    "Adadelta": 1.0, "RMSprop": 0.01, "Ftrl": 0.1, "Lion": 0.005,
}  # fmt: skip

#: name of the case: (class, arguments)
CASES = {
    **{name: (name, {"learning_rate": rate}) for name, rate in RATES.items()},
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}),
    "amsgrad": ("Adam", {"learning_rate": 0.05, "beta_2": 0.5, "amsgrad": True}),
    "Adam's constants": ("Adam", {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.75,
                                  "epsilon": 0.125}),
    "AdamW, amsgrad": ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.5, "amsgrad": True}),
    "Adamax's constants": ("Adamax", {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.75,
                                      "epsilon": 0.125}),
    "Nadam's constants": ("Nadam", {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.75,
                                    "epsilon": 0.125}),
    "Adagrad's constants": ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.5,
                                        "epsilon": 0.125}),
    "Adadelta's constants": ("Adadelta", {"learning_rate": 0.5, "rho": 0.75, "epsilon": 1e-3}),
    "centered": ("RMSprop", {"learning_rate": 0.01, "centered": True, "epsilon": 1e-3}),
    "RMSprop, momentum": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5, "rho": 0.75}),
    "centered, momentum": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5, "centered": True,
                                       "epsilon": 1e-3}),
    "Ftrl's penalties": ("Ftrl", {"learning_rate": 0.1, **PENALTIES}),
    "Ftrl's power": ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.25,
                              "initial_accumulator_value": 0.5}),
    "Lion's constants": ("Lion", {"learning_rate": 0.005, "beta_1": 0.5, "beta_2": 0.75}),
    "weight decay": ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.25}),
    "clipnorm": ("SGD", {"learning_rate": 0.1, "clipnorm": 0.25}),
    "clipvalue": ("SGD", {"learning_rate": 0.1, "clipvalue": 0.125}),
    "global_clipnorm": ("Adam", {"learning_rate": 0.01, "global_clipnorm": 0.25}),
    "average": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.75}),
    "average, overwriting": ("Adam", {"learning_rate": 0.01, "use_ema": True, "ema_momentum": 0.5,
                                      "ema_overwrite_frequency": 4}),
    "accumulation": ("SGD", {"learning_rate": 0.1, "gradient_accumulation_steps": 2}),
    "accumulation, average": ("Nadam", {
        "learning_rate": 0.01, "gradient_accumulation_steps": 3, "use_ema": True,
        "ema_momentum": 0.75, "ema_overwrite_frequency": 2, "clipnorm": 0.5}),
    "exponential": ("SGD", {"learning_rate": ("ExponentialDecay", EXPONENTIAL)}),
    "exponential, stairs": ("SGD", {
        "learning_rate": ("ExponentialDecay", EXPONENTIAL | {"staircase": True})}),
    "inverse time": ("SGD", {"learning_rate": ("InverseTimeDecay", INVERSE)}),
    "inverse time, stairs": ("SGD", {
        "learning_rate": ("InverseTimeDecay", INVERSE | {"staircase": True})}),
    "polynomial": ("SGD", {"learning_rate": ("PolynomialDecay", POLYNOMIAL | {"power": 2.0})}),
    "polynomial, cycle": ("SGD", {"learning_rate": ("PolynomialDecay", POLYNOMIAL | {
        "cycle": True})}),
    "piecewise": ("SGD", {"learning_rate": ("PiecewiseConstantDecay", PIECEWISE)}),
    "cosine": ("SGD", {"learning_rate": ("CosineDecay", {
        "initial_learning_rate": 0.1, "decay_steps": 12})}),
    "warm-up": ("SGD", {"learning_rate": WARM, "momentum": 0.5}),
    "restarts": ("SGD", {"learning_rate": ("CosineDecayRestarts", RESTARTS | {"m_mul": 0.75})}),
    "restarts, even": ("SGD", {"learning_rate": ("CosineDecayRestarts", RESTARTS | {
        "t_mul": 1.0, "m_mul": 0.75})}),
}  # fmt: skip
