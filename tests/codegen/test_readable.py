"""Generated code is to be read: a comment a block, few lines an equation, one idea a loop."""

import re

import pytest

from tests.codegen.test_optimisations import NETS, trained


def blocks(source):
    """The parts of a step between blank lines: (comments, lines of code)."""
    for part in source[source.index("    for now in ") :].split("\n\n"):
        lines = [line.strip() for line in part.splitlines() if line.strip()]
        yield [x for x in lines if x.startswith("# ")], [x for x in lines if not x.startswith("#")]


@pytest.mark.parametrize("net", NETS, ids=lambda n: n.__name__)
def test_few_lines_an_equation(net):
    found = list(blocks(trained(net)[1]))
    equations = [b for b in found if any(re.match(r"# \S+ (=|←)", note) for note in b[0])]
    assert len(equations) > 10
    assert all(len(code) <= 12 * len(notes) for notes, code in equations)
    assert sum(len(code) for _, code in found) <= 4 * sum(len(notes) for notes, _ in equations)


@pytest.mark.parametrize("net", NETS, ids=lambda n: n.__name__)
def test_no_loop_is_unrolled(net):
    """Of lines that differ in numbers alone there are few."""
    source = trained(net)[1]
    lines = [re.sub(r"\d+", "0", line) for _, code in blocks(source) for line in code]
    assert max(lines.count(line) for line in set(lines)) <= len(lines) / 5
