"""Layers of different sizes share one body, which computes what their own would."""

import functools
import itertools
import sys

import pytest

import graphdl as gd
from codegen import cpu, ir
from codegen.passes import PASSES, optimise, parallel
from codegen.passes.repeat import key
from codegen.passes.resize import resize, written_out
from codegen.profile import flops
from codegen.registers import flat
from graphdl.footprint import products
from tests.codegen.programs import only
from tests.codegen.turns import teams_in_turns
from tests.training.nets import LABEL, X, compiled, dense, same

ALL = tuple(p for p in PASSES if p != "flatten")  # that is for rows which are short indeed
WITHOUT = tuple(p for p in ALL if p != "resize")
LEAST = (sys.modules[resize.__module__], "LEAST")
WIDTHS = (9, 8, 7, 6, 5)


@pytest.fixture(autouse=True)
def short_rows_too(monkeypatch):
    monkeypatch.setattr(*LEAST, 4)


def trained(passes, target="python"):
    """Losses and weights of a network that grows narrower; the last batch is ragged."""
    with only(passes):
        gd.set_seed(0)
        model = compiled(dense(*WIDTHS, 1, last="sigmoid"), "binary_crossentropy", "adam", target)
        history = model.fit(X, LABEL, 16, epochs=2, verbose=0).history
        return [history["loss"], *model.get_weights(), model.predict(X, 9)]


@functools.cache
def lowered(widths):
    """The training step of such a network before any pass."""
    model = compiled(dense(*widths, 1), "mse", "adam")
    model.fit(X[:4], LABEL[:4], verbose=0)
    runner = next(r for (kind, *_), r in model._runners.items() if kind == "train")
    return runner.compiled.lowered.program


def sized(program):
    return [i for i in program.items if isinstance(i, ir.Repeat) and i.sizes]


def test_the_same_bits():
    assert same(trained(ALL), trained(WITHOUT))


def test_the_same_bits_for_any_team(monkeypatch):
    alone = trained(ALL)
    with teams_in_turns(monkeypatch, 3, backwards=True):
        assert same(trained(ALL), alone)


def test_compiled():
    for ours, theirs in zip(trained(ALL, "cpu"), trained(WITHOUT), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)


def test_one_body_forth_and_one_back_at_any_depth():
    shallow, deep = (optimise(lowered(tuple(range(n, 4, -1))), ALL) for n in (9, 19))
    assert [len(r.table) for r in sized(shallow)] == [4, 4]
    assert [len(r.table) for r in sized(deep)] == [14, 14]
    lines = [len(cpu.emit(p).source.splitlines()) for p in (shallow, deep)]
    assert lines[0] == lines[1]


def test_only_what_differs_is_a_number_of_the_table():
    """Of a forward body: the units of a layer and of the next one, not the rows of the batch."""
    forward, backward = sized(optimise(lowered(WIDTHS), ALL))
    assert forward.extents == tuple(itertools.pairwise(WIDTHS))
    assert [v.name for v in backward.sizes] == list(backward.turns[0])
    rows = ir.Var("n", "int64")
    assert {d for s in forward.slots for d in s.shape} == {rows, *forward.sizes}


def test_equal_layers_keep_constant_extents():
    program = optimise(lowered((6, 6, 6, 6, 6)), ALL)
    assert not sized(program)
    assert any(isinstance(i, ir.Repeat) for i in program.items)


def test_short_rows_keep_constant_extents(monkeypatch):
    monkeypatch.setattr(*LEAST, 8)
    assert not sized(optimise(lowered(WIDTHS), ALL))


def test_work_is_that_of_all_rows():
    """The arithmetic and the products of a folded program are those of the layers."""
    programs = [optimise(lowered(WIDTHS), passes) for passes in (ALL, WITHOUT)]
    work = [sum(flops(i, {"n": 5, "total": 5}) for i in p.items) for p in programs]
    assert work[0] == work[1]
    counts = [products(p, {"n": 5, "total": 5}) for p in programs]
    assert counts[0] == counts[1]


def test_written_out_it_is_the_program_before():
    before = optimise(lowered(WIDTHS), WITHOUT)
    after = written_out(resize(before))
    assert [*map(key, flat(after.items))][:9] == [*map(key, flat(before.items))][:9]
    assert len(after.items) == len(before.items)
    optimise(after, (), check=True)
    assert parallel.parallel(resize(before)).shares
