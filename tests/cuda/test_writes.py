"""A kernel says what it writes: the buffers, and the fields of the clock."""

import ast

import pytest

from codegen.cuda.clock import FIELDS
from codegen.cuda.emit import emit, emit_in_one_block
from codegen.cuda.kernels import GPU, SIMULATOR
from codegen.cuda.one_block import fits
from tests.cuda import collected


def stored(kernel):
    """The arrays to which the text of a kernel stores, and the fields of the clock."""
    nodes = list(ast.walk(ast.parse("\n".join(kernel.lines))))
    targets = [t for n in nodes if isinstance(n, ast.Assign) for t in n.targets]
    targets += [n.target for n in nodes if isinstance(n, ast.AugAssign)]
    elements = [t for t in targets if isinstance(t, ast.Subscript)]
    names = {ast.unparse(t.value) for t in elements}
    numbers = {
        int(ast.unparse(t.slice)[len("uint64(") : -1])
        for t in elements
        if ast.unparse(t.value) == "clock"
    }
    return names & {b.name for b in kernel.buffers}, {f for f, k in FIELDS.items() if k in numbers}


def check(program):
    ways = [emit, emit_in_one_block] if fits(program) else [emit]
    made = [way(program, "p", shape) for way in ways for shape in (GPU, SIMULATOR)]
    for kernel in (k for emitted in made for k in emitted.kernels):
        names, fields = stored(kernel)
        assert {b.name for b in kernel.writes} == names, kernel.name
        assert set(kernel.sets) == fields <= set(kernel.sees), kernel.name
        assert kernel.writes <= set(kernel.buffers)


@pytest.mark.parametrize("layers", [collected.network, collected.deep, collected.normalised])
def test_the_buffers_and_fields_are_those_of_its_text(layers):
    with collected.programs() as found:
        collected.trained("python", "adam", layers, epochs=1)
    for program in found:
        check(program)
    assert any(f.batches for f in found)


@pytest.mark.parametrize("name", ["argsort", "matmul", "scatter_add"])
def test_likewise_of_operations(name):
    with collected.programs() as found:
        collected.run_operation(name, "float32")
    for program in found:
        check(program)
    assert found
