"""200 random graphs and 200 random networks against PyTorch in float64, and float32 by its error.

Each runs interpreted and as the emitted module un-jitted; 40 of them compiled, all with `--all`.
A case is its seed: `pytest --all -k "graph-17"` runs every check of graph 17.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.interpret import interpret
from tests.differential import graphs, networks, oracle
from tests.differential.oracle import Case
from tests.differential.vocabulary import RULES

COUNT = 200
CASES = [Case(kind, seed) for kind in ("graph", "network") for seed in range(COUNT)]


def name(case: Case) -> str:
    return f"{case.kind}-{case.seed}"


def test_the_oracle():
    if oracle.torch_names is None:
        pytest.skip(
            "PyTorch is not installed: compared with the interpreter and finite differences"
        )
    value, (slope,) = oracle.torch_names.gradients(
        lambda m, xs: m.square(xs[0]), [np.array(3.0)], "float64"
    )
    assert (value, slope) == (9.0, 6.0)


def test_every_rule_is_drawn():
    used = {s.rule.name for seed in range(COUNT) for s in graphs.draw(seed).steps}
    assert used == set(RULES)


def test_every_activation_and_loss_is_drawn():
    drawn = [networks.draw(seed) for seed in range(COUNT)]
    assert {n.loss_name for n in drawn} == set(networks.LOSSES)
    assert {a for n in drawn for _, _, a in n.layers} == set(networks.HIDDEN)


@pytest.mark.parametrize("case", CASES, ids=name)
def test_interpreted(case):
    built = case.built("float64")
    case.check(interpret(built.outputs, dict(zip(built.symbols, built.arrays, strict=True))))


@pytest.mark.parametrize("case", CASES, ids=name)
def test_emitted(case):
    case.check(run([case], "float64", "python")[0])


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=[pytest.mark.slow] if c.seed % 4 else []) for c in CASES],
    ids=name,
)
def test_emitted_float32(case):
    case.check_float32(run([case], "float32", "python")[0])


# How many cases share one compilation, by seed modulo 4 (graphs grow with it, batches differ by it),
# and how many of each are compiled without `--all`: 20 graphs and 20 networks.
TOGETHER = {"graph": (5, 2, 1, 1), "network": (1, 1, 1, 1)}
QUICK = {"graph": (10, 10, 0, 0), "network": (5, 5, 5, 5)}


def bundles() -> list:
    """Cases with their dtype: all in float64, the quick ones in float32 too."""
    found = []
    for kind, group in itertools.product(TOGETHER, range(4)):
        cases = [c for c in CASES if c.kind == kind and c.seed % 4 == group]
        size = TOGETHER[kind][group]
        for k in range(0, len(cases), size):
            some, quick = cases[k : k + size], k < QUICK[kind][group]
            label = "+".join(map(name, some))
            marks = [] if quick else [pytest.mark.slow]
            found.append(pytest.param(some, "float64", id=f"{label}-float64", marks=marks))
            if quick:
                slow = pytest.mark.slow
                found.append(pytest.param(some, "float32", id=f"{label}-float32", marks=[slow]))
    return found


@pytest.mark.parametrize(("cases", "dtype"), bundles())
def test_compiled(cases, dtype):
    for case, outputs in zip(cases, run(cases, dtype, "cpu"), strict=True):
        case.check(outputs) if dtype == "float64" else case.check_float32(outputs)


def run(cases: list[Case], dtype: str, target: str) -> list[list]:
    """The outputs of several cases, compiled as one function."""
    built = [c.built(dtype) for c in cases]
    outputs = [b.outputs for b in built]
    function = gd.function(
        [s for b in built for s in b.symbols], [o for own in outputs for o in own], target=target
    )
    values = iter(function(*[a for b in built for a in b.arrays]))
    return [[next(values) for _ in own] for own in outputs]
