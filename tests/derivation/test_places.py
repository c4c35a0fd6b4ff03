"""Every step of a derivation leads to lines of the generated module, or to the rules that merged it.

The numbers are checked against what the module computes: it is run as plain Python, and what each
line gives its scalar or array is written down.
"""

import sys

import numpy as np
import pytest

import graphdl as gd
from graphdl import config
from graphdl.rewrite.rules.reading import READING
from graphdl.rewrite.simplify import RULES

layers = gd.layers


def lecture():
    return [layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")], "binary_crossentropy"


def deep():
    return [layers.Dense(4, "tanh") for _ in range(4)] + [layers.Dense(1)], "mse"


def classifier():
    hidden = [layers.Dense(5, "gelu", kernel_regularizer="l2"), layers.Dropout(0.4)]
    return [*hidden, layers.Dense(3, "softmax")], "sparse_categorical_crossentropy"


def normalised():
    hidden = [layers.Dense(4, "silu"), layers.BatchNormalization(), layers.Dense(4, "elu")]
    return [*hidden, layers.LayerNormalization(), layers.Dense(1, "sigmoid")], "binary_crossentropy"


NETWORKS = [lecture, deep, classifier, normalised]


def model_of(network, optimizer="sgd"):
    gd.set_seed(3)
    stack, loss = network()
    model = gd.Sequential([layers.Input(shape=(3,)), *stack])
    model.compile(optimizer, loss, target="python")
    return model


def data_of(model):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(6, 3)).astype("float32")
    classes = model.output_shape[1]
    return x, draw.integers(0, max(classes, 2), size=(6, 1) if classes == 1 else (6,))


class Watch:
    """What lines of the module give their targets, call by call."""

    def __init__(self, source, lines):
        self.targets = {n: source.splitlines()[n - 1].strip() for n in lines}
        self.seen = {n: [] for n in lines}

    def __enter__(self):
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(None)

    def _call(self, frame, event, arg):
        if frame.f_code.co_name != "run" or "arrays" not in frame.f_code.co_varnames:
            return None
        last = [None]

        def line(frame, event, arg):
            if last[0] in self.seen:
                self.seen[last[0]].append(self._value(last[0], frame.f_locals))
            last[0] = frame.f_lineno
            return line

        return line

    def _value(self, number, names):
        text = self.targets[number]
        if text.startswith("multiply("):
            return np.array(eval(text[text.rindex(", ") + 2 : -1], {}, dict(names)))
        target = text.partition(" += " if " += " in text else " = ")[0]
        if " += " in text:
            return np.array(names[target.partition("[")[0]])
        return np.float64(eval(target, {}, dict(names)))

    def gave(self, number, value):
        """Did the line compute the value? In any order of loops, and perhaps for other layers too."""
        found = self.seen[number]
        assert found, self.targets[number]
        if " += " in self.targets[number]:  # a sum is there when its loop is done
            found = found[-1:]
        flat = np.concatenate([np.ravel(v) for v in found])
        layers = np.sort(flat[: flat.size // value.size * value.size].reshape(-1, value.size))
        wanted = np.sort(np.ravel(value))
        return any(np.allclose(row, wanted, rtol=2e-4, atol=2e-6) for row in layers)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.__name__)
def test_every_step_leads_to_lines_or_rules(network):
    model = model_of(network)
    known = set(RULES) | {rule.name for rule in READING}
    for weight in model.trainable_weights:
        d = model.derive(weight.name)
        lines = d.source.splitlines()
        for step in d.steps:
            place = d.where(step)
            if step.kind in ("question", "chain"):
                continue
            assert place.lines or place.rules, (weight.name, step.number, step.kind)
            assert all(0 < n <= len(lines) for n in place.lines)
            assert set(place.rules) <= known | {"a constant"}, place.rules
            assert step.kind not in ("gradient", "update") or place.lines
    assert model.derive("dense/kernel").where(model.derive("dense/kernel").steps[0]).lines == ()


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.__name__)
def test_numbers_of_steps_are_those_of_the_lines(network):
    model = model_of(network)
    x, y = data_of(model)
    checked = 0
    for weight in model.trainable_weights:
        d = model.derive(weight.name)
        found = d.evaluate({"x": x, "y": y}, seed=config.seed())
        wanted = {
            d.where(s).lines: found.of(s.nodes[0])
            for s in d.steps
            if s.kind in ("cotangent", "gradient") and d.where(s).lines
        }
        before = model.get_weights()
        with Watch(d.source, {n for lines in wanted for n in lines}) as watch:
            model.optimizer.iterations.assign(0)
            model.train_on_batch(x, y)
        model.set_weights(before)
        for lines, value in wanted.items():
            assert watch.gave(lines[-1], value), d.module.text(lines[-1])
            checked += 1
    assert checked >= len(model.trainable_weights)


def test_the_module_is_that_of_the_training_step():
    model = model_of(lecture, "adam")
    x, y = data_of(model)
    d = model.derive("dense/kernel")
    model.train_on_batch(x, y)
    assert d.source == model.compiled_step.executable.source


def test_of_a_function_of_its_own():
    x, w = gd.tensor("x", (3,), "float64"), gd.Variable(np.ones(3), "w", "float64")
    d = gd.derive(gd.sum(gd.tanh((w * x).named("z")).named("h")).named("J"), w)
    (gradient,) = [s for s in d.steps if s.kind == "gradient"]
    assert d.where(gradient).lines
    assert d.text("code").startswith("δ_h : no line of its own: ")
