"""The readers of the index form and of LaTeX, on forms written by hand."""

import numpy as np
import pytest

from tests.derivation.grammar import Unreadable
from tests.derivation.index_reader import IndexPage
from tests.derivation.latex_reader import LatexPage, rows, text
from tests.derivation.reader import Page

RANDOM = np.random.default_rng(0)
LEAVES = {
    "n": 4,
    "x": RANDOM.normal(size=(4, 3)),
    "y": RANDOM.normal(size=(4, 2)),
    "W1": RANDOM.normal(size=(3, 5)),
    "b1": RANDOM.normal(size=5),
    "W2": RANDOM.normal(size=(5, 2)),
}
MATRIX = """\
∂J/∂W1 = xᵀ @ δ1
where
    δ1 = (δ2 @ W2ᵀ)*where(z1 > 0, 1, 0)
    δ2 = (ŷ - y)/n   [mean, half a square]
    ŷ = softmax(relu(z1) @ W2)
    z1 = x @ W1 + b1
∂J/∂b1 = sum(δ1, axis=0)
"""
INDEX = """\
∂J/∂W1[j,k] = Σ_i(x[i,j]*δ1[i,k])
where
    δ1[i,k] = Σ_l(δ2[i,l]*W2[k,l])*[z1[i,k] > 0]
    δ2[i,l] = (ŷ[i,l] - y[i,l])/n
    ŷ[i,l] = exp(s[i,l] - max_k(s[i,k]))/Σ_k(exp(s[i,k] - max_l(s[i,l])))
    s[i,l] = Σ_k(relu(z1[i,k])*W2[k,l])
    z1[i,k] = Σ_j(x[i,j]*W1[j,k]) + b1[k]
    ∂J/∂b1[k] = Σ_i(δ1[i,k])
    p[i,l] = softmax(s[i,:])[l]
    m = mean_il(ŷ[i,l])
    one[q] = 1 + Σ_r(r)
    q < n, r < 3, l < 2
"""
LATEX = r"""\begin{aligned}
\frac{\partial J}{\partial W_{1}} &= x^{\top}\,\delta_{1} && \mathrm{matmul,\ x = y} \\
\delta_{1} &= \underbrace{\left(\textcolor{#7a1fa2}{\delta_{2}}\,W_{2}^{\top}\right)}_{\text{from above}} \odot \begin{cases} 1 & \text{if } z_{1} > 0 \\ 0 & \text{otherwise} \end{cases} \\
\delta_{2} &= \frac{\hat{y} - y}{n} \\
\hat{y} &= \operatorname{softmax}\left(\operatorname{relu}\left(z_{1}\right)\,W_{2}\right) \\
z_{1} &= x\,W_{1} + b_{1} \\
\frac{\partial J}{\partial b_{1}} &= \sum_{n} \delta_{1}
\end{aligned}"""  # noqa: E501


@pytest.mark.parametrize("name", ["∂J/∂W1", "∂J/∂b1"])
def test_three_forms_of_one_gradient(name):
    x, y, w1, b1, w2 = (LEAVES[k] for k in ("x", "y", "W1", "b1", "W2"))
    z = x @ w1 + b1
    e = np.exp(np.maximum(z, 0) @ w2)
    d1 = ((e / e.sum(1, keepdims=True) - y) / 4 @ w2.T) * (z > 0)
    expected = x.T @ d1 if name == "∂J/∂W1" else d1.sum(0)
    matrix = Page(MATRIX.replace("where\n", "").replace("\n    ", "\n"), LEAVES).value(name)
    index = IndexPage(INDEX, LEAVES).array(name)
    latex = LatexPage(LATEX, LEAVES).value(name)
    for found in (matrix, index, latex):
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-12)


def test_ranges_of_indices():
    page = IndexPage(INDEX, LEAVES)
    assert page.array("m") == pytest.approx(0.5)
    np.testing.assert_allclose(page.array("one"), [4, 4, 4, 4])
    np.testing.assert_allclose(page.array("p"), page.array("ŷ"))
    for wrong, why in (
        ("a = Σ_i(x[i,j])", "j"),
        ("a = Σ_i(W1[i,1]*W2[i,1])", "runs over"),
        ("a = Σ_i(i)", "how far"),
        ("a[i] = y[i]", "2 indices"),
        ("a = x[0]\na = 1", "twice"),
    ):
        with pytest.raises(Unreadable, match=why):
            IndexPage(wrong, LEAVES).array("a")


@pytest.mark.parametrize(
    ("latex", "read"),
    [
        (r"-\frac{1}{n} \cdot e^{-x_{1}^{2}}", "- ((1)/(n)) * exp(- x1**(2))"),
        (r"\sum_{\mathrm{axis}\ 1} \delta \odot \hat{y} - 1",
         "sum(δ * ŷ, axis=1, keepdims=True) - 1"),
        (r"W^{(1)}\,\mathrm{σ²}_{3}", "W⁽¹⁾ @ σ²3"),
        (r"\operatorname{bce}'\left(y, \hat{y}\right)", "bce′(y , ŷ)"),
        (r"\operatorname{celu}'_{2}\left(a, 0.5\right)", "celu′₂(a , 0.5)"),
        (r"\left[h_{1} > 0\right] \odot \left|x\right|", "[h1 > 0] * abs(x)"),
        (r"\sigma\left(\sigma\right)", "sigmoid(σ)"),
        (r"\log\cosh\left(z\right) + \sqrt{\mu_{3}}", "log_cosh(z) + sqrt(μ3)"),
        (r"\mathbf{1}_{n \times 3} \cdot a \cdot 10^{-7}", "ones((n , 3,)) * a * 10**(- 7)"),
        (r"\mathrm{dense/kernel}", "‹dense/kernel›"),
    ],
)  # fmt: skip
def test_latex_as_text(latex, read):
    assert text(latex) == read


def test_latex_that_is_refused():
    for latex in (r"a = \unknown{b}", r"a = \operatorname{f} b", r"\frac{a}{b} c"):
        with pytest.raises((Unreadable, IndexError)):
            LatexPage(latex, {"b": 1.0, "c": 1.0}).value("a")
    assert rows(r"a = 1") == ["a = 1"]
