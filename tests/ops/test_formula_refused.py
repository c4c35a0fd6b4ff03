"""What `gd.elementwise` does not take, and names that are not what they seem."""

import math

import pytest
import sympy as sp

import graphdl as gd

PAYLOADS = ["x + 1", "__import__('os').system('touch {}')", "9**9**9**9", "lambda x: x", ""]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_is_never_evaluated(payload, tmp_path):
    text = payload.format(tmp_path / "canary")
    with pytest.raises(TypeError, match="text is never evaluated"):
        gd.elementwise("f", text)
    with pytest.raises(TypeError, match="text is never evaluated"):
        gd.elementwise("f", lambda x: text)
    with pytest.raises(TypeError, match="cannot be computed with SymPy symbols"):
        gd.elementwise("f", lambda x: x + text)
    assert not (tmp_path / "canary").exists()


HOSTILE = ["tensor", "constant", "sum", "a);import os#", '\'"\\\n"""', "__class__", "x\u202ey"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_change_no_executed_text(name):
    def code(name, symbol):
        x = gd.tensor("x", (3,))
        y = gd.elementwise(name, sp.tanh(symbol) * symbol)(x)
        source = gd.function([x], [y, gd.grad(gd.sum(y), x)], target="python").source
        assert str(y).isprintable() and y.latex().isprintable()
        return [line for line in source.splitlines() if not line.lstrip().startswith("#")]

    assert code(name, sp.Symbol(name)) == code("f", sp.Symbol("x"))
    with pytest.raises(gd.errors.GraphError, match="not an elementwise function"):
        gd.elementwise("f", lambda x: sp.Function(name)(x))


@pytest.mark.parametrize(
    ("formula", "error", "words"),
    [
        (lambda x: sp.gamma(x), gd.errors.GraphError, "holds gamma"),
        (lambda x: sp.Integral(x, x), gd.errors.GraphError, "holds Integral"),
        (lambda x: x * sp.I, gd.errors.GraphError, "holds ImaginaryUnit"),
        (lambda x: x * 10**400, gd.errors.GraphError, "not a real number"),
        (lambda x: x > 0, TypeError, "a condition goes into sympy.Piecewise"),
        (lambda x: math.exp(x), TypeError, "Use sympy.exp"),
        (lambda x: 1 if x > 0 else 0, TypeError, "sympy.Piecewise"),
        (lambda x: x - x, gd.errors.GraphError, "does not depend on x"),
        (lambda x: x + sp.Symbol("w"), gd.errors.GraphError, "depends on w"),
        (lambda: sp.Integer(1), gd.errors.GraphError, "0 arguments"),
        (lambda *x: x[0], TypeError, "one by one"),
        (lambda a, b, c, d, e: a + b + c + d + e, gd.errors.GraphError, "5 arguments"),
        (sp.Symbol("x", real=True) + sp.Symbol("x"), gd.errors.GraphError, "two symbols x"),
        (sp.exp(sp.Symbol("x", imaginary=True)), gd.errors.GraphError, "not real"),
        (3.0, TypeError, "a SymPy expression, got float"),
    ],
)  # fmt: skip
def test_what_is_refused(formula, error, words):
    with pytest.raises(error, match=words) as raised:
        gd.elementwise("strange", formula)
    assert "strange" in str(raised.value)


def test_depth_has_a_limit():
    def deep(x, depth):
        for _ in range(depth):
            x = sp.log(3 + x)
        return x

    assert gd.elementwise("deep", lambda x: deep(x, 49))(1.0) == pytest.approx(1.505, abs=1e-3)
    with pytest.raises(gd.errors.GraphError, match="too large"):
        gd.elementwise("deep", lambda x: deep(x, 50))
