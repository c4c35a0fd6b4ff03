"""A deeper network of equal layers is more rows of a table: no more to compile, and linear to make."""

import functools

from codegen import cpu, ir
from codegen.passes import optimise
from codegen.passes.fuse import Fuser
from tests.codegen.programs import step_program

DEPTHS = (10, 20, 40)


@functools.cache
def lowered(depth):
    return step_program(depth)


@functools.cache
def made(depth):
    return optimise(lowered(depth), check=False)


def test_items_buffers_and_lines_do_not_grow():
    shallow, *deeper = map(made, DEPTHS)
    emitted = cpu.emit(shallow)
    for program in deeper:
        assert len(program.items) == len(shallow.items)
        other = cpu.emit(program)
        assert len(other.buffers) == len(emitted.buffers)
        assert abs(other.source.count("\n") - emitted.source.count("\n")) <= 1  # names wrap


def test_each_layer_is_a_row_of_each_table():
    tables = [[len(i.table) for i in made(d).items if isinstance(i, ir.Repeat)] for d in DEPTHS]
    assert len(tables[0]) == 2
    for depth, rows in zip(DEPTHS, tables, strict=True):
        assert rows == [n + depth - DEPTHS[0] for n in tables[0]]


def test_fusion_searches_for_few_of_a_layers_items(monkeypatch):
    """An update is a chain: it is joined as it comes, without a look at what stands before."""
    asked, search = [], Fuser.into_earlier
    monkeypatch.setattr(
        Fuser, "into_earlier", lambda self, *args: asked.append(1) or search(self, *args)
    )
    counts = []
    for depth in DEPTHS:
        asked.clear()
        optimise(lowered(depth), check=False)
        counts.append(len(asked))
    per_layer = (counts[1] - counts[0]) / (DEPTHS[1] - DEPTHS[0])
    items = (len(lowered(20).items) - len(lowered(10).items)) / 10
    assert counts[2] - counts[1] == per_layer * (DEPTHS[2] - DEPTHS[1])
    assert 0 < 3 * per_layer < items
