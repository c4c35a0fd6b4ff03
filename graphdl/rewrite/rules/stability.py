"""Stability: formulas that overflow or cancel are replaced by ones that do not.

Each rule keeps the value of the formula in exact arithmetic and says where the plain floating-point
value differs from it. Derivatives of such formulas are in `cotangents`.
"""

from __future__ import annotations

from graphdl.core.graph import Node
from graphdl.ops import functions as f
from graphdl.ops import reduce as r
from graphdl.ops.arithmetic import absolute, log, square, sub_op
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match, Rule
from graphdl.rewrite.rules.push import is_one, times
from graphdl.rewrite.rules.views import VIEWS, same_view, source

a, x = p.wild("a"), p.wild("x")
e = p.let("e", p.exp(x))


def _log_softmax(m: Match) -> Node:
    return r.log_softmax(m.x, m.s.attrs["axis"])


def _logsumexp(m: Match) -> Node:
    return r.logsumexp(m.x, m.s.attrs["axes"], m.s.attrs["keepdims"])


def _logmeanexp(m: Match) -> Node:
    return _logsumexp(m) - log(r.size_of(m.x, m.s.attrs["axes"]))


def _softmax(m: Match) -> Node:
    return r.softmax(m.x, m.s.attrs["axes"][0])


def _along_one_axis(m: Match) -> bool:
    """Is each element divided by the sum of its own row?"""
    return len(m.s.attrs["axes"]) == 1 and m.s.attrs["keepdims"]


def _nothing_empty(m: Match) -> bool:
    return all(m.shape(m.x)[i] != 0 for i in m.s.attrs["axes"])


def _log_past_view(m: Match) -> Node | None:
    """A logarithm moves to where the sigmoid or softmax is, past what only moves elements."""
    view = _view(m)
    inner = source(view)
    return same_view(view, log(inner) if view is m.x else log(1 - inner))


def _view(m: Match) -> Node:
    """The view v in log(v) or log(1 − v)."""
    complement = m.x.op is sub_op and is_one(m.x.inputs[0])
    return m.x.inputs[1] if complement else m.x


def _view_of_probability(m: Match) -> bool:
    view = _view(m)
    return view.op in VIEWS and source(view).op in (f.sigmoid_op, r.softmax_op)


STABILITY = [
    Rule(
        "log∘softmax", p.log(p.let("s", p.softmax(x))), _log_softmax,
        "log softmax(x) = x − max x − log Σ exp(x − max x)",
        changes="where softmax underflows to 0 (log gave −inf)",
    ),
    Rule(
        "log∘sigmoid", p.log(p.sigmoid(x)), -p.softplus(-x),
        "log σ(x) = −softplus(−x)",
        changes="where σ underflows to 0 (log gave −inf) or rounds to 1 (log gave 0)",
    ),
    Rule(
        "log(1−sigmoid)", p.log(1 - p.sigmoid(x)), -p.softplus(x),
        "log(1 − σ(x)) = log σ(−x) = −softplus(x)",
        changes="where σ rounds to 1 (log gave −inf) or is tiny (log gave 0)",
    ),
    Rule(
        "log1p(−sigmoid)", p.log1p(-p.sigmoid(x)), -p.softplus(x),
        "log(1 − σ(x)) = −softplus(x)",
        changes="where σ rounds to 1 (log1p gave −inf)",
    ),
    Rule(
        "log(1+exp)", p.log(1 + p.exp(x)), p.softplus(x),
        "log(1 + eˣ) = softplus(x)",
        changes="where eˣ overflows (log gave inf) or is lost beside 1 (log gave 0)",
    ),
    Rule(
        "log1p∘exp", p.log1p(p.exp(x)), p.softplus(x),
        "log(1 + eˣ) = softplus(x)",
        changes="where eˣ overflows (log1p gave inf)",
    ),
    Rule(
        "log∘Σ∘exp", p.log(p.let("s", p.sum_(p.exp(x)))), _logsumexp,
        "log Σ eˣ = m + log Σ e^(x−m), m = max x",
        guard=_nothing_empty,
        changes="where an eˣ overflows (log gave inf) or all underflow (log gave −inf)",
    ),
    Rule(
        "log∘mean∘exp", p.log(p.let("s", p.mean(p.exp(x)))), _logmeanexp,
        "log mean eˣ = log Σ eˣ − log n",
        changes="where an eˣ overflows (log gave inf) or all underflow (log gave −inf)",
    ),
    Rule(
        "log∘exp", p.log(p.exp(x)), x,
        "log eˣ = x",
        changes="where eˣ overflows (log gave inf) or underflows (log gave −inf)",
    ),
    Rule(
        "log∘square", p.log(p.square(x)), lambda m: 2 * log(absolute(m.x)),
        "log x² = 2·log |x|",
        changes="where x² overflows (log gave inf) or underflows (log gave −inf)",
    ),
    Rule(
        "log past a view of σ", p.log(x), _log_past_view,
        "log view(σ) = view(log σ)",
        guard=_view_of_probability,
        changes="as log∘sigmoid and log∘softmax, which it prepares",
    ),
    Rule(
        "log(1+x)", p.log(1 + x), p.log1p(x),
        "log(1 + x) = log1p(x)",
        changes="where x is lost beside 1",
    ),
    Rule(
        "log(1−x)", p.log(1 - x), p.log1p(-x),
        "log(1 − x) = log1p(−x)",
        changes="where x is lost beside 1",
    ),
    Rule(
        "exp−1", p.exp(x) - 1, p.expm1(x),
        "eˣ − 1 = expm1(x)",
        changes="where eˣ is close to 1 (the difference cancels)",
    ),
    Rule(
        "1−exp", 1 - p.exp(x), -p.expm1(x),
        "1 − eˣ = −expm1(x)",
        changes="where eˣ is close to 1 (the difference cancels)",
    ),
    Rule(
        "1−cos", 1 - p.cos(x), lambda m: 2 * square(f.sin(0.5 * m.x)),
        "1 − cos x = 2·sin²(x/2)",
        changes="where cos x is close to 1 (the difference cancels)",
    ),
    Rule(
        "expm1/(1+exp)", p.expm1(x) / (1 + p.exp(x)), p.tanh(0.5 * x),
        "(eˣ − 1)/(eˣ + 1) = tanh(x/2)",
        changes="where eˣ overflows (inf/inf gave NaN)",
    ),
    Rule(
        "exp/(1+exp)", e / (1 + e), p.sigmoid(x),
        "eˣ/(1 + eˣ) = σ(x)",
        changes="where eˣ overflows (inf/inf gave NaN)",
    ),
    Rule(
        "1/(1+exp)", a / (1 + p.exp(x)), lambda m: times(m.a, f.sigmoid(p.negated(m.x))),
        "a/(1 + eˣ) = a·σ(−x)",
        changes="where eˣ overflows (the quotient was 0 or NaN)",
    ),
    Rule(
        "exp/Σexp", e / p.let("s", p.sum_(e)), _softmax,
        "eˣ/Σeˣ = softmax(x)",
        guard=_along_one_axis,
        changes="where an eˣ overflows or all underflow (inf/inf and 0/0 gave NaN)",
    ),
    Rule(
        "1/exp", 1 / p.exp(x), p.exp(-x),
        "1/eˣ = e⁻ˣ",
        changes="where eˣ overflows (the quotient was 0) or is subnormal (it was inf)",
    ),
    Rule(
        "√∘square", p.sqrt(p.square(x)), p.absolute(x),
        "√x² = |x|",
        changes="where x² overflows (the root was inf) or underflows (it was 0)",
    ),
    Rule(
        "√∘exp", p.sqrt(p.exp(x)), p.exp(0.5 * x),
        "√eˣ = e^(x/2)",
        changes="where eˣ overflows (the root was inf) or underflows (it was 0)",
    ),
    Rule(
        "softplus(x)−x", p.softplus(x) - x, p.softplus(-x),
        "log(1 + eˣ) − x = log(1 + e⁻ˣ)",
        changes="where softplus(x) is close to x (the difference cancels; inf − inf gave NaN)",
    ),
    Rule(
        "x−softplus(x)", x - p.softplus(x), -p.softplus(-x),
        "x − log(1 + eˣ) = −log(1 + e⁻ˣ)",
        changes="where softplus(x) is close to x (the difference cancels; inf − inf gave NaN)",
    ),
    Rule(
        "tanh from exponentials",
        (p.exp(x) - p.let("n", p.exp(-x))) / (p.exp(x) + p.let("n", p.exp(-x))), p.tanh(x),
        "(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ) = tanh x",
        changes="where an exponential overflows (inf/inf gave NaN) or eˣ is close to 1",
    ),
    Rule(
        "2σ(2x)−1", 2 * p.sigmoid(2 * x) - 1, p.tanh(x),
        "2·σ(2x) − 1 = tanh x",
        changes="where σ is close to 1/2 (the difference cancels)",
    ),
]  # fmt: skip
