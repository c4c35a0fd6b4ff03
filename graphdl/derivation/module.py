"""The generated module in which a derivation is computed, and the lines that compute a node.

The graph takes the way to source that it takes to be run (simplify, expand, lower, optimise, emit),
while a book is kept of what becomes of every node. What a rule has merged away has no line; then the
rules are named instead.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from codegen import cpu, ir
from codegen.passes import optimise
from graphdl.core.graph import Graph, Node, walk
from graphdl.core.streams import stream_numbers
from graphdl.derivation.record import Record, Within
from graphdl.lower import lower
from graphdl.rewrite.engine import Became, Trace
from graphdl.rewrite.expand import expand
from graphdl.rewrite.simplify import simplify


@dataclass(frozen=True, eq=False)
class Module:
    """The source, as the training step or a function of its own has it, and where nodes are in it."""

    source: str
    became: Became
    places: dict[Node, ir.Buffer]
    program: ir.Program
    trace: tuple[Trace, ...]

    def lines(self, node: Node) -> tuple[int, ...]:
        """The numbers, from 1, of the lines that compute the node's elements; none if none does."""
        place = self.places.get(self.became.get(node, node))
        return () if place is None else self._writers.get(place.root.name, ())

    def text(self, number: int) -> str:
        """A line of the source without its indentation."""
        return self._text[number - 1].strip()

    def rules(self, node: Node) -> tuple[str, ...]:
        """The rules that a node, or what was computed from it, has gone through, in order."""
        end = self.became.get(node, node)
        own = [t.rule for t in self.trace if self.became[t.before] is end]
        users = [
            t.rule for t in self.trace if any(self.became.get(i) is end for i in t.before.inputs)
        ]
        return tuple(dict.fromkeys(own or users))

    @functools.cached_property
    def _text(self) -> list[str]:
        return self.source.splitlines()

    @functools.cached_property
    def _writers(self) -> dict[str, tuple[int, ...]]:
        """Buffer → the lines that give it its elements, in memory or in a register."""
        of = {let.var.name: let.of for let in _lets(self.program) if let.of}
        several = dict(_slots(self.program))
        several |= {p.whole.name: tuple(m.name for m in p.members) for p in self.program.packs}
        start = next(k for k, line in enumerate(self._text) if line.startswith("def run("))
        found: dict[str, list[int]] = {}
        for number, line in enumerate(self._text[start:], start + 1):
            for name in _written(line):
                for buffer in (of.get(name, name), *several.get(of.get(name, name), ())):
                    found.setdefault(buffer, []).append(number)
        return {name: tuple(numbers) for name, numbers in found.items()}


_ASSIGNED = re.compile(r"^\s*(\w+)(?:\[[^=]*\])? (?:[+*]?=) ")
_CALLED = re.compile(r"^\s*multiply\(.*, (\w+)(?:\[[^\]]*\])?\)$|^\s*copy_row\((\w+),")


def _written(line: str) -> Iterator[str]:
    """The array or scalar that a line gives a value; one that only says where an array lies, none."""
    if " = part(" in line:
        return
    for match in (_ASSIGNED.match(line), _CALLED.match(line)):
        if match:
            yield next(name for name in match.groups() if name)


def _items(program: ir.Program) -> Iterator[ir.Item]:
    for item in program.items:
        yield from item.items if isinstance(item, ir.Repeat) else (item,)


def _lets(program: ir.Program) -> Iterator[ir.Let]:
    for item in _items(program):
        if isinstance(item, ir.Kernel):
            yield from (s for s in ir.statements(item.body) if isinstance(s, ir.Let))


def _slots(program: ir.Program) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Slot of a repeat → the buffers that it stands for."""
    for item in program.items:
        if isinstance(item, ir.Repeat):
            for k, slot in enumerate(item.slots):
                yield slot.name, tuple(dict.fromkeys(row[k].name for row in item.table))


@functools.lru_cache(maxsize=16)
def module_of(derivation: Record) -> Module:
    """The module of a derivation: that of the program it belongs to, or of one for it alone."""
    d = derivation
    within = d.within or Within(_graph_of(d))
    graph = within.graph
    became: Became = {n: n for n in graph.nodes}
    simplified, trace = simplify(graph, became=became)
    primitive = expand(simplified, became)
    lowered = lower(primitive, within.batched, stream_numbers(graph.nodes))
    program = optimise(lowered.program)
    source = cpu.emit(program, "step" if within.batched else "program").source
    return Module(source, became, lowered.places, program, tuple(trace))


def _graph_of(d: Record) -> Graph:
    roots = [d.result, d.gradient]
    return Graph([n for n in walk(roots) if n.op.name == "tensor"], roots)
