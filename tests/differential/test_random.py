"""200 random graphs and 200 random networks against PyTorch in float64, and float32 by its error.

Each runs interpreted and as the emitted module un-jitted; 40 of them compiled, all with `--all`.
A case is its seed: `pytest --all -k "graph-17"` runs every check of graph 17 (and compiles those
that share its module).
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.interpret import interpret
from tests.differential import graphs, networks, oracle
from tests.differential.oracle import Case
from tests.differential.together import compile_together
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
    case.check(run(case, "float64"))


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=[pytest.mark.slow] if c.seed % 4 else []) for c in CASES],
    ids=name,
)
def test_emitted_float32(case):
    case.check_float32(run(case, "float32"))


# How many cases share one module, by seed modulo 4 (graphs grow with it, batches differ by it), and
# how many of each are compiled without `--all`: 20 graphs and 20 networks.
TOGETHER = {"graph": (10, 10, 5, 5), "network": (10, 10, 10, 10)}
QUICK = {"graph": (10, 10, 0, 0), "network": (5, 5, 5, 5)}


def bundles() -> list:
    """Cases with their dtype: all in float64, the quick ones in float32 too."""
    found, slow = [], [pytest.mark.slow]
    for kind, group in itertools.product(TOGETHER, range(4)):
        cases = [c for c in CASES if c.kind == kind and c.seed % 4 == group]
        quick, rest = QUICK[kind][group], TOGETHER[kind][group]
        if quick:
            found += [(cases[:quick], "float64", []), (cases[:quick], "float32", slow)]
        found += [(some, "float64", slow) for some in batched(cases[quick:], rest)]
    return [
        pytest.param(some, dtype, id=f"{'+'.join(map(name, some))}-{dtype}", marks=marks)
        for some, dtype, marks in found
    ]


def batched(cases: list[Case], size: int) -> list[list[Case]]:
    return [cases[k : k + size] for k in range(0, len(cases), size)]


@pytest.mark.parametrize(("cases", "dtype"), bundles())
def test_compiled(cases, dtype):
    """Every case that fails is named, not the first one alone."""
    failures = []
    for case, outputs in zip(cases, compiled(cases, dtype), strict=True):
        try:
            case.check(outputs) if dtype == "float64" else case.check_float32(outputs)
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


def compiled(cases: list[Case], dtype: str) -> list[list]:
    """The outputs of several cases, each a function of its own in one module."""
    built = [c.built(dtype) for c in cases]
    functions = [gd.function(b.symbols, b.outputs) for b in built]
    compile_together(functions)
    return [f(*b.arrays) for f, b in zip(functions, built, strict=True)]


def run(case: Case, dtype: str) -> list:
    """The outputs of one case, its module as plain Python."""
    built = case.built(dtype)
    return gd.function(built.symbols, built.outputs, target="python")(*built.arrays)
