"""Every registered operation: its meaning, its derivatives, and what is compiled for it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.graph import Graph, Node
from graphdl.core.interpret import interpret
from graphdl.core.notation import Written
from graphdl.differentiate.forward import jvp
from graphdl.lower import lower
from graphdl.ops.registry import all_ops
from graphdl.rewrite.expand import expand
from tests.ops.cases import LEAVES, OPS, cases, constant_of, derivatives, differences

NAMES = list(OPS)
DIFFERENTIABLE = [name for name, op in OPS.items() if op.differentiable]
TOLERANCE = {"float64": 1e-13, "float32": 5e-7}


def close(actual, expected, tolerance):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------ declarations


def test_leaves_are_all_that_is_left_out():
    assert set(all_ops()) == {*NAMES, *LEAVES}


@pytest.mark.parametrize("name", NAMES)
def test_is_declared_whole(name):
    op = OPS[name]
    assert op.samples, f"{name} has no samples"
    assert op.differentiable or op.why_not, (
        f"{name} states neither a derivative nor why it has none"
    )


@pytest.mark.parametrize("name", NAMES)
def test_has_a_notation(name):
    for case in cases(OPS[name], "float64"):
        args = [Written(i.attrs["name"], shape=i.shape) for i in case.inputs]
        for notation in (OPS[name].text, OPS[name].latex):
            assert notation(name, args, case.node.attrs).text


@pytest.mark.parametrize("name", NAMES)
def test_can_be_lowered(name):
    for case in cases(OPS[name], "float32"):
        assert lower(expand(Graph(case.inputs, [case.node]))).outputs


# ------------------------------------------------------------------ values


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.body])
def test_formula_means_the_same_as_the_reference(name, dtype):
    for case in cases(OPS[name], dtype):
        body = OPS[name].body(*case.inputs, **case.node.attrs)
        assert body.type == case.node.type
        close(interpret([body], case.env)[0], case.value(), TOLERANCE[dtype])


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_float64_rounded(name):
    op = OPS[name]
    for single, double in zip(cases(op, "float32"), cases(op, "float64"), strict=True):
        close(single.value(), double.value(), 1e-6)
        for (_, a), (_, b) in zip(single.derivatives(), double.derivatives(), strict=True):
            close(interpret([a], single.env)[0], interpret([b], double.env)[0], 2e-6)


# ------------------------------------------------------------------ derivatives


def differs_by(case, node, weights, found, random):
    """⟨derivative, direction⟩ of ⟨weights, node⟩: as stated in `found`, and by differences."""
    directions = [
        random.uniform(-1, 1, a.shape) if a.dtype.kind == "f" else np.zeros_like(a)
        for a in case.arrays
    ]
    chosen = dict(zip(case.inputs, directions, strict=True))
    values = interpret([g for _, g in found], case.env)
    stated = sum(np.vdot(v, chosen[w]) for v, (w, _) in zip(values, found, strict=True))

    def objective(arrays):
        value = interpret([node], dict(zip(case.inputs, arrays, strict=True)))[0]
        return np.vdot(weights, value)

    return stated, differences(objective, case.arrays, directions)


# stop_gradient is left out: it states another derivative than its value has.
TRUTHFUL = [name for name in DIFFERENTIABLE if name != "stop_gradient"]


@pytest.mark.parametrize("name", TRUTHFUL)
def test_gradient_equals_differences(name):
    random = np.random.default_rng(1)
    for case in cases(OPS[name], "float64") * 2:
        if case.node.dtype == "float64":
            found = case.derivatives()
            close(*differs_by(case, case.node, case.cotangent, found, random), 1e-9)


# References that do not go on into the complex plane: |x| and what is made of it (the stable forms of
# the sigmoid and its kin, a maximum that is subtracted), whole steps, erf, results of a real dtype.
REAL_ONLY = {
    "abs", "sign", "sigmoid", "softplus", "silu", "softsign", "log_sigmoid", "mish", "bce_logits",
    "bce_residual", "softmax", "log_softmax", "logsumexp", "floor", "mod", "erf", "gelu",
    "log_cosh", "soft_shrink", "squareplus", "cast", "size", "iota", "sum_to", "scatter_add",
    "put_along",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in TRUTHFUL if name not in REAL_ONLY])
def test_gradient_equals_the_complex_step(name):
    """Im f(x + i·h·v)/h: no difference is taken, so h may be tiny and all digits hold."""
    random, h = np.random.default_rng(4), 1e-30
    for case in cases(OPS[name], "float64"):
        if case.node.dtype != "float64" or not (found := case.derivatives()):
            continue
        floats = [a.dtype.kind == "f" for a in case.arrays]
        v = [
            random.uniform(-1, 1, a.shape) if f else 0
            for a, f in zip(case.arrays, floats, strict=True)
        ]
        steps = [a + 1j * h * d if f else a for a, d, f in zip(case.arrays, v, floats, strict=True)]
        value = case.node.op.reference(*steps, **case.node.attrs)
        chosen = dict(zip(case.inputs, v, strict=True))
        slopes = interpret([g for _, g in found], case.env)
        stated = sum(np.vdot(s, chosen[w]) for s, (w, _) in zip(slopes, found, strict=True))
        close(np.vdot(case.cotangent, np.imag(value)) / h, stated, 1e-13)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_second_derivative_equals_differences(name):
    """The gradient of ⟨v, Jᵀu⟩ against differences of Jᵀu; none means that Jᵀu is constant."""
    random = np.random.default_rng(2)
    for case in cases(OPS[name], "float64"):
        for _, first in case.derivatives():
            v = random.uniform(0.5, 1.5, first.shape)
            found = derivatives(first, case.inputs, v)
            close(*differs_by(case, first, v, found, random), 1e-8)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_forward_is_the_adjoint_of_reverse(name):
    """⟨J·v, u⟩ = ⟨v, Jᵀu⟩"""
    random = np.random.default_rng(3)
    for case in cases(OPS[name], "float64"):
        for w, reverse in case.derivatives():
            v = random.uniform(-1, 1, w.shape)
            forward, back = interpret([jvp(case.node, w, constant_of(v)), reverse], case.env)
            close(np.vdot(forward, case.cotangent), np.vdot(v, back), 1e-12)


# ------------------------------------------------------------------ compiled


def wanted(dtype, names):
    """Inputs, values and outputs (results and first derivatives) of the ops' samples."""
    inputs: list[Node] = []
    arrays: list[np.ndarray] = []
    outputs: list[Node] = []
    expected: list[np.ndarray] = []
    labels: list[str] = []
    for name in names:
        for case in cases(OPS[name], dtype):
            nodes = [case.node, *(g for _, g in case.derivatives())]
            inputs += case.inputs
            arrays += case.arrays
            outputs += nodes
            expected += interpret(nodes, case.env)
            labels += [case.name] * len(nodes)
    return inputs, arrays, outputs, expected, labels


def agree(dtype, names, target):
    inputs, arrays, outputs, expected, labels = wanted(dtype, names)
    actual = gd.function(inputs, outputs, target=target)(*arrays)
    for label, a, e in zip(labels, actual, expected, strict=True):
        assert a.dtype == e.dtype and np.shape(a) == e.shape, label
        tolerance = TOLERANCE[dtype]
        size = tolerance * max(1.0, np.abs(e).max(initial=0.0))  # what cancels has no digits left
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=size, err_msg=label)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_emitted_module_agrees_with_the_interpreter(name, dtype):
    agree(dtype, [name], "python")


BUNDLES = [tuple(NAMES[k : k + 6]) for k in range(0, len(NAMES), 6)]


def bundles() -> list:
    """Six ops share one compilation; without `--all` every ninth of them is made."""
    pairs = itertools.product(BUNDLES, ("float64", "float32"))
    return [
        pytest.param(
            names, dtype, id=f"{names[0]}-{dtype}", marks=[] if k % 9 == 0 else [pytest.mark.slow]
        )
        for k, (names, dtype) in enumerate(pairs)
    ]


@pytest.mark.parametrize(("names", "dtype"), bundles())
def test_compiled_module_agrees_with_the_interpreter(names, dtype):
    agree(dtype, names, "cpu")
