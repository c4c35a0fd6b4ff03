"""Graph → simplified graph → program → executable: the stations in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codegen.executable import Executable
from codegen.passes import optimise
from graphdl.core.graph import Graph, Node
from graphdl.lower import Lowered, lower
from graphdl.rewrite.expand import expand
from graphdl.rewrite.simplify import simplify

TARGETS = ("cpu", "python")


@dataclass(frozen=True)
class Compiled:
    """A graph on its way: what each station made of it."""

    graph: Graph  # as declared
    simplified: Graph
    trace: tuple  # the rules that fired
    lowered: Lowered
    executable: Executable


def require_target(target: str) -> None:
    """Raise where this version cannot compile for `target`."""
    if target == "cuda":
        raise NotImplementedError("target='cuda' is not available in this version; use 'cpu'")
    if target not in TARGETS:
        raise ValueError(f"unknown target {target!r}; use one of {', '.join(map(repr, TARGETS))}")


def compile_graph(
    graph: Graph, target: str = "cpu", batched: Iterable[Node] = (), name: str = "program"
) -> Compiled:
    """Compile a graph. `target`: "cpu" (Numba) or "python" (the same module, un-jitted)."""
    require_target(target)
    simplified, trace = simplify(graph)
    lowered = lower(expand(simplified), batched)
    program = optimise(lowered.program)
    executable = Executable(program, jit=target == "cpu", name=name)
    return Compiled(graph, simplified, tuple(trace), lowered, executable)
