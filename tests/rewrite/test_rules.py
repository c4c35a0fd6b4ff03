"""Every rule keeps the value; a stabilising one gives it where the plain form does not."""

import mpmath as mp
import numpy as np
import pytest

from graphdl.core.graph import Graph
from graphdl.core.interpret import interpret
from graphdl.ops.build import tensor
from graphdl.rewrite.engine import rewrite
from graphdl.rewrite.rules.derivatives import DERIVATIVES
from graphdl.rewrite.rules.losses import LOSSES
from graphdl.rewrite.rules.stability import STABILITY
from graphdl.rewrite.simplify import FAMILIES, RULES, simplify

from .cases import CASES, EXACT, STABILISING, Case

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e308, -1e308, 1e-308, 5e-324, 3.0]


def declared(case: Case, dtype: str, arrays=None):
    """The case's graph over symbols, and values for them."""
    shapes = {k: np.shape(v) for k, v in arrays.items()} if arrays else case.inputs
    symbols = {name: tensor(name, shape, dtype) for name, shape in shapes.items()}
    return Graph(symbols.values(), [case.build(**symbols)]), symbols


def value(graph: Graph, symbols, arrays):
    return interpret(graph.outputs, {s: arrays[name] for name, s in symbols.items()})[0]


def ulps(got: np.float32, exact: mp.mpf) -> float:
    """The distance in units of the last place of single precision."""
    if not np.isfinite(got):
        return np.inf
    spacing = mp.mpf(float(np.spacing(np.float32(abs(exact)))))
    return float(abs(mp.mpf(float(got)) - exact) / spacing)


def exact_values(case: Case, arrays) -> np.ndarray:
    """The values of mpmath, element by element or row by row."""
    number = np.vectorize(lambda v: mp.mpf(float(v)), otypes=[object])
    rows = [list(v) if v.ndim == 1 else [list(r) for r in v] for v in map(number, arrays.values())]
    return np.array([case.exact(*r) for r in zip(*rows, strict=True)], object).ravel()


def test_every_rule_has_a_case_and_a_name_of_its_own():
    assert set(CASES) == set(RULES)
    assert len(RULES) == sum(map(len, FAMILIES.values()))


def test_at_least_17_rules_stabilise_and_each_says_what_it_changes():
    stabilising = [*STABILITY, *DERIVATIVES, *LOSSES]
    assert {r.name for r in stabilising} == set(STABILISING)
    assert len(STABILITY) >= 17
    assert [r.name for r in stabilising if not r.changes] == []
    assert [r.name for r in RULES.values() if not r.text] == []


@pytest.mark.parametrize("name", CASES)
def test_rule_fires_and_keeps_the_value(name, rng):
    case = CASES[name]
    graph, symbols = declared(case, "float64")
    after, trace = rewrite(graph, [RULES[name]], "test", verify=True)
    assert {t.rule for t in trace} == {name}
    arrays = {k: rng.uniform(case.low, case.high, shape) for k, shape in case.inputs.items()}
    if "y" in arrays and name in STABILISING:
        arrays["y"] = rng.uniform(0, 1, arrays["y"].shape)
    np.testing.assert_allclose(
        value(after, symbols, arrays), value(graph, symbols, arrays), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("name", STABILISING)
def test_stabilising_rule_is_right_where_the_plain_form_is_not(name):
    case = STABILISING[name]
    arrays = {k: np.asarray(v, np.float32) for k, v in case.hard.items()}
    graph, symbols = declared(case, "float32", arrays)
    after, trace = simplify(graph, verify=True)
    assert name in {t.rule for t in trace}
    with mp.workdps(200):
        exact = exact_values(case, arrays)
        plain = value(graph, symbols, arrays).ravel()
        stable = value(after, symbols, arrays).ravel()
        assert max(map(ulps, plain, exact)) > 4
        assert max(map(ulps, stable, exact)) <= 4


@pytest.mark.parametrize("name", EXACT)
def test_exact_rule_keeps_nan_and_infinity(name, rng):
    case = EXACT[name]
    graph, symbols = declared(case, "float64")
    after, _ = rewrite(graph, [RULES[name]], "test", verify=True)
    for _ in range(40):
        arrays = {k: rng.choice(SPECIAL, shape) for k, shape in case.inputs.items()}
        np.testing.assert_allclose(
            value(after, symbols, arrays), value(graph, symbols, arrays), rtol=1e-15, atol=1e-323
        )
