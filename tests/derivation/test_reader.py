"""The reader itself: what it reads, in which order, and what it refuses."""

import numpy as np
import pytest

from tests.derivation import vocabulary
from tests.derivation.grammar import Unreadable, parse
from tests.derivation.reader import Page, equations, section

A, B = np.arange(6.0).reshape(2, 3) - 2.5, np.arange(12.0).reshape(3, 4) / 7
LEAVES = {"A": A, "B": B, "ŷ": A, "σ²3": A * A, "‹a b›": B, "v": A[:, 0], "n": 2, "W#2": A + 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A*2 - -3", None),
        ("1/2/4 + 2**3**2", 0.125 + 512),
        ("-A**2", -(A**2)),
        ("(-A)**2/(n*3)", A**2 / 6),
        ("A @ B - (A + 1) @ B", -np.ones((2, 3)) @ B),
        ("(A*2) @ B", 2 * A @ B),
        ("A*2 @ B", None),
        ("A @ B*2", None),
        ("ŷᵀ @ A", A.T @ A),
        ("(A @ ‹a b›)ᵀ[0]", (A @ B).T[0]),
        ("v[:, None]*A[1, :]", A[:, :1] * A[1]),
        ("where(A > 0, 1, 0)", (A > 0) * 1.0),
        ("[A > 0]*W#2", (A > 0) * (A + 1)),
        ("[A > 0]*log(A)", np.log(np.where(A > 0, A, 1))),
        ("A[:, 0:2] + A[0:n, 1:]", A[:, :2] + A[:, 1:]),
        ("(A > 0) & ~(A >= 2)", (A > 0) & (A < 2)),
        ("A > 0 > 1", None),
        ("sum(A, axis=0) + mean(σ²3, axis=1, keepdims=True)", A.sum(0) + (A**2).mean(1)[:, None]),
        ("broadcast(v[:, None], (n, 3))", np.repeat(A[:, :1], 3, 1)),
        ("slice(place(A, shape=(4, 3), starts=(1, 0), steps=(2, 1)), starts=(1, 0), "
         "extents=(n, 3), steps=(2, 1))", A),
        ("concat(A, v[:, None], axis=1)", np.c_[A, A[:, 0]]),
        ("A where A > 0, else 0", np.maximum(A, 0)),
        ("float64(A > 1)*[1, 2, 3]", (A > 1) * [1.0, 2, 3]),
        ("softmax(A) + Q", None),
        ("A +", None),
    ],
)  # fmt: skip
def test_formulas(text, value):
    if value is None:
        with pytest.raises(Unreadable):
            Page([], LEAVES).value(text)
    else:
        np.testing.assert_allclose(Page([], LEAVES).value(text), value, rtol=1e-15)


def test_definitions_in_any_order_with_remarks_and_parts():
    text = """\
∂J/∂W = xᵀ @ δ
where
    t1 = f′(z, 2)*k

from the result back
    δ = t1 + 1             [a remark = skipped]
    where
        t1 = z*2
    z = x*3   f∘g: w = 7
    f′(a, b) = a**b
"""
    page = Page(text, {"x": np.array([[2.0]])})
    assert page.value("∂J/∂W") == 2 * (6 * 2 + 1)
    assert page.value("f′(x + 1, 3)") == 27
    with pytest.raises(Unreadable, match="t1"):
        page.value("t1")  # a part of its equation only
    assert section("a\n    z = 1\n\nb\n    z = 2", "b") == "    z = 2"


def test_what_is_refused():
    for text in ("… 3 operations more: give parts a name", "(a) + 1 = 2"):
        with pytest.raises(Unreadable):
            Page(text, {})
    with pytest.raises(Unreadable, match="by itself"):
        Page("a = b\nb = a", {}).value("a")
    with pytest.raises(AssertionError, match="a"):
        Page("a = 1\na = 2", {}).value("a")
    assert equations("each factor\n\n") == []
    assert parse("∂J/∂‹dense/kernel›") == ("name", "∂J/∂‹dense/kernel›")


STEPS = {"floor", "isfinite", "isnan", "round", "sign", "stop_gradient", "where"}


@pytest.mark.parametrize("name", sorted(set(vocabulary.ELEMENTWISE) - STEPS))
def test_derivatives_of_the_vocabulary(name):
    """f′ by the complex step, against central differences of f."""
    f, place = vocabulary.ELEMENTWISE[name], 1 if name in vocabulary.OF_SECOND else 0
    rest = {"clip": (-1.0, 1.0), "threshold": (0.3, 0.1)}
    with_two = f.__code__.co_argcount > 1 if hasattr(f, "__code__") else False
    a = np.array([0.11, 0.37, 0.7, 0.93])
    args = [a, *rest.get(name, (0.45,) if with_two else ())]
    moved = [[v + s * 1e-6 * (k == place) for k, v in enumerate(args)] for s in (1, -1)]
    slope = (f(*moved[0]) - f(*moved[1])) / 2e-6
    np.testing.assert_allclose(vocabulary.prime(name)(*args), slope, rtol=1e-7, atol=1e-9)


def test_rows_of_classes():
    y, p = np.eye(3)[[0, 2]], np.array([[0.2, 0.3, 0.7], [0.5, 0.1, 0.6]])
    numeric = np.zeros_like(p)
    for at in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[at] = 1e-6
        numeric[at] = (vocabulary.cce(y, p + step) - vocabulary.cce(y, p - step))[at[0]] / 2e-6
    np.testing.assert_allclose(vocabulary.cce_prime(y, p), numeric, rtol=1e-7, atol=1e-9)
