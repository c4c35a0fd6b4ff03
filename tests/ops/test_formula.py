"""`gd.elementwise`: formulas of SymPy become operations that stay finite."""

import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import sympy as sp

import graphdl as gd
from graphdl.core.graph import walk

exp, log, sqrt, tanh, cosh, sinh = sp.exp, sp.log, sp.sqrt, sp.tanh, sp.cosh, sp.sinh

# Each overflows, cancels or divides 0 by 0 in float32 somewhere on ±1e4 when computed as written.
FORMULAS = {
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "sigmoid of the other side": lambda x: exp(x) / (1 + exp(x)),
    "sigmoid'": lambda x: exp(-x) / (1 + exp(-x)) ** 2,
    "1 - sigmoid": lambda x: 1 - 1 / (1 + exp(-x)),
    "log sigmoid": lambda x: log(1 / (1 + exp(-x))),
    "log(1 - sigmoid)": lambda x: log(1 - 1 / (1 + exp(-x))),
    "swish": lambda x, beta=1.5: x / (1 + exp(-beta * x)),
    "softplus": lambda x: log(1 + exp(x)),
    "softplus, scaled": lambda x, beta=3: log(1 + exp(beta * x)) / beta,
    "softplus, nested": lambda x: log(1 + log(1 + exp(x))),
    "tanh": lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)),
    "tanh, one exponential": lambda x: (1 - exp(-2 * x)) / (1 + exp(-2 * x)),
    "tanh by sigmoid": lambda x: 2 / (1 + exp(-2 * x)) - 1,
    "sinh/cosh": lambda x: sinh(x) / cosh(x),
    "1 - tanh²": lambda x: 1 - tanh(x) ** 2,
    "log(1 - tanh²)": lambda x: log(1 - tanh(x) ** 2),
    "sech": lambda x: 1 / cosh(x),
    "csch": lambda x: sp.csch(x),
    "log cosh": lambda x: log(cosh(x)),
    "logistic": lambda x, k=2.5: 3 / (2 + 5 * exp(-k * x)),
    "powers of two": lambda x: 1 / (1 + 2 ** (-x)),
    "mish": lambda x: x * tanh(log(1 + exp(x))),
    "mish of exponentials": lambda x: x * ((1 + exp(x)) ** 2 - 1) / ((1 + exp(x)) ** 2 + 1),
    "serf": lambda x: x * sp.erf(log(1 + exp(x))),
    "tanhexp": lambda x: x * tanh(exp(x)),
    "gelu": lambda x: x * (1 + sp.erf(x / sqrt(2))) / 2,
    "elu": lambda x: sp.Piecewise((x, x > 0), (exp(x) - 1, True)),
    "gauss": lambda x: exp(-(x**2) / 2) / sqrt(2 * sp.pi),
    "gompertz": lambda x: exp(-exp(-x)),
    "gumbel": lambda x: exp(-x - exp(-x)),
    "log Σ exp": lambda x: log(exp(x) + exp(2 * x) + exp(-x)),
    "√(1 + eˣ)": lambda x: sqrt(1 + exp(x)),
    "isru": lambda x: x / sqrt(1 + x**2),
    "asinh": lambda x: sp.asinh(x),
}  # fmt: skip
POINTS = np.array(
    [-1e4, -300, -100, -20, -3.1, -0.5, -1e-3, 1e-3, 0.5, 3.1, 20, 100, 300, 1e4], "float32"
)
HUGE = float(np.finfo("float32").max)


def graph(formula, name="f", dtype="float32"):
    """A vector, the formula of it, and its derivative."""
    x = gd.tensor("x", (len(POINTS),), dtype)
    y = gd.elementwise(name, formula)(x)
    return x, y, gd.grad(gd.sum(y), x)


def true_values(e, s):
    """The expression at the points with 60 digits; None where those are not enough."""
    f = sp.lambdify(s, e, "mpmath")
    with mpmath.workdps(60):
        for p in POINTS:
            try:
                value = f(mpmath.mpf(float(p)))
            except ZeroDivisionError:
                value = mpmath.inf
            yield None if mpmath.isinf(value) else value


def assert_right(found, true):
    """Finite wherever the true value is a float32, and equal to it."""
    for p, value, right in zip(POINTS, found, true, strict=True):
        if right is None:
            assert np.isfinite(value), p
        elif abs(right) < HUGE:
            assert value == pytest.approx(float(right), rel=2e-5, abs=3e-7), p


@pytest.mark.parametrize("name", FORMULAS)
def test_value_and_gradient_are_finite_and_right(name):
    s = sp.Symbol("x", real=True)
    e = FORMULAS[name](s)
    x, y, g = graph(FORMULAS[name], name)
    value, slope = gd.interpret([y, g], {x: POINTS})
    assert value.dtype == slope.dtype == "float32"
    assert_right(value, true_values(e, s))
    assert_right(slope, true_values(sp.diff(e, s), s))


def test_compiled_is_what_is_interpreted():
    x = gd.tensor("x", (len(POINTS),))
    ys = [gd.elementwise(name, formula)(x) for name, formula in FORMULAS.items()]
    nodes = [*ys, *(gd.grad(gd.sum(y), x) for y in ys)]
    expected = gd.interpret(nodes, {x: POINTS})
    for found, right in zip(
        gd.function([x], nodes, target="python")(POINTS), expected, strict=True
    ):
        finite = np.isfinite(right)
        np.testing.assert_allclose(found[finite], right[finite], rtol=2e-5, atol=3e-7)


def test_a_formula_is_an_activation():
    swish = gd.elementwise("swish", lambda z: z / (1 + sp.exp(-z)))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 5)).astype("float32")
    y = (x[:, :1] * x[:, 1:2] > 0).astype("float32")

    def train(activation, target):
        gd.set_seed(0)
        hidden = gd.layers.Dense(8, activation=activation)
        output = gd.layers.Dense(1, activation="sigmoid")
        model = gd.Sequential([gd.layers.Input(shape=(5,)), hidden, output])
        model.compile(optimizer="adam", loss="binary_crossentropy", target=target)
        return model.fit(x, y, epochs=3, batch_size=16, verbose=0).history["loss"]

    built_in = train("silu", "python")
    for target in ("python", "cpu"):
        np.testing.assert_allclose(train(swish, target), built_in, rtol=1e-5)


def test_numbers_in_numbers_out_and_several_arguments():
    blend = gd.elementwise("blend", lambda a, b, c, t=0.25: t * a + (1 - t) * b * c)
    assert blend(4.0, 2.0, 2.0) == 4.0
    rows, column = np.arange(3.0), np.arange(2.0)[:, None]
    assert blend(rows, column, 1.0).shape == (2, 3)
    x, y = gd.tensor("x", ("n", 3)), gd.tensor("y", (3,))
    assert blend(x, y, 2.0).type == x.type
    difference = gd.elementwise("difference", sp.Symbol("b") - 2 * sp.Symbol("a"))
    assert difference(1.0, 5.0) == 3.0  # by name: a, b
    with pytest.raises(TypeError, match="blend takes 3 arguments, got 1"):
        blend(x)


def test_constants_are_exact():
    x = gd.tensor("x", (), "float64")
    for number in (0.1 + 0.2, math.pi, 1e-300, 2**-1074, 123456789.123456789):
        held = gd.elementwise("f", lambda z, c=number: sp.Max(z, c))(x)
        assert gd.interpret([held], {x: -1.0})[0] == number
    third = gd.elementwise("f", lambda z: z * sp.Rational(1, 3))
    assert third(np.float64(5)) == 5 / 3
    assert gd.elementwise("f", lambda z: sp.Max(z, sp.pi))(np.float64(0)) == math.pi


def test_kinks_are_the_houses_own():
    x = gd.tensor("x", (3,))
    at = np.array([-1, 0, 1], "float32")

    def slope(formula):
        return gd.interpret([gd.grad(gd.sum(gd.elementwise("f", formula)(x)), x)], {x: at})[0]

    relu = [0, 0, 1]
    assert slope(lambda z: sp.Max(z, 0)).tolist() == relu
    assert slope(lambda z: sp.Piecewise((z, z > 0), (0, True))).tolist() == relu
    assert slope(lambda z: sp.Abs(z)).tolist() == [-1, 0, 1]
    assert slope(lambda z: sqrt(z**2)).tolist() == [-1, 0, 1]
    for step in (sp.sign, sp.floor, sp.Heaviside, lambda z: sp.Piecewise((1, z > 0), (0, True))):
        assert slope(step).tolist() == [0, 0, 0]


def test_nan_stays_and_the_norm_of_nothing_is_flat():
    step = gd.elementwise("step", lambda z: sp.Piecewise((1, z > 0), (0, True)))
    assert np.isnan(step(np.nan)) and step(-1.0) == 0
    a, b = gd.tensor("a"), gd.tensor("b")
    norm = gd.elementwise("norm", lambda a, b: sqrt(a**2 + b**2))(a, b)
    grads = gd.interpret(gd.grad(norm, [a, b]), {a: 0, b: 0})
    assert grads == [0, 0]
    assert gd.interpret([norm], {a: 3e30, b: 4e30})[0] == np.float32(5e30)


def test_nested_formulas_grow_linearly():
    def nested(depth):
        def formula(x):
            for k in range(1, depth + 1):
                x = 1 / (1 + exp(-(x * sp.Rational(k, 3) + tanh(x))))
            return x

        x, y, g = graph(formula)
        return len(walk([y.op.body(x)])), len(walk([g]))

    counts = [nested(depth) for depth in range(1, 9)]
    steps = np.diff(counts, axis=0)
    assert steps.max() <= 40  # SymPy's own derivative has 30 937 operations at depth 8
    assert all(g <= 6 * f for f, g in counts)


def test_the_sweep_through_a_body():
    x = gd.tensor("x", (2,))

    def slope(y):
        return gd.interpret([gd.grad(gd.sum(y), x)], {x: [-1, 2]})[0].tolist()

    assert slope(gd.elementwise("same", lambda x: x)(x) * 3) == [3, 3]
    assert slope(gd.elementwise("product", lambda a, b: a * b)(x, x)) == [-2, 4]
    assert slope(gd.elementwise("f", lambda a, b: a * b)(x, gd.square(x))) == [3, 12]
    f = gd.elementwise("f", lambda z: z**2)
    assert slope(gd.where(x > 0, f(gd.log(x)), 0.0)) == [0, np.float32(np.log(2))]
    choice = gd.elementwise("choice", lambda z: sp.Piecewise((1, z > 0)))(x)
    with pytest.raises(gd.errors.NotDifferentiableError, match="in comparisons only"):
        slope(choice)


SCRIPT = """
import sys
import graphdl as gd
assert "sympy" not in sys.modules
import sympy as sp
x = gd.tensor("x", (3,))
for formula in (
    lambda a: sp.Max(a, a**2, sp.sin(a), 2) * (sp.exp(a) + sp.exp(-3 * a)) ** -2 + sp.sech(a),
    lambda a: sp.Piecewise((a, (a > 0) & (a < 3) | (a > 9)), (sp.Min(a, -a, 1 - a), True)),
    lambda a: sp.log(sp.exp(a) + sp.exp(a * a) + sp.exp(-a)) * sp.sqrt(a**2 + 2 * sp.cos(a) ** 2),
):
    y = gd.elementwise("f", formula)(x)
    print(y.op.body(x), gd.grad(gd.sum(y), x))
"""


def test_translation_is_the_same_under_any_hash_seed():
    texts = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(texts) == 1 and "f(x)" not in texts.pop()
