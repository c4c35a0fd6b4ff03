"""Graph → simplified graph → program → executable: the stations in order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from codegen.collector import uncollected
from codegen.cost import SMALL, seconds, worth_a_team
from codegen.cuda import device
from codegen.executable import Executable
from codegen.interrupts import heard
from codegen.ir import Program
from codegen.optimisations import on
from codegen.passes import CHECK, optimise
from codegen.passes.parallel import parallel
from graphdl.core.errors import TargetError
from graphdl.core.graph import Graph, Node
from graphdl.core.streams import stream_numbers
from graphdl.core.verify import verify
from graphdl.explain import report
from graphdl.lower import Lowered, lower
from graphdl.rewrite.expand import expand
from graphdl.rewrite.simplify import simplify

TARGETS = ("cpu", "python", "cuda", "auto")
PRECISIONS = ("float32", "tf32", "bf16")


@dataclass(frozen=True)
class Compiled:
    """A graph on its way: what each station made of it."""

    graph: Graph  # as declared
    simplified: Graph
    trace: tuple  # the rules that fired
    lowered: Lowered
    executable: Executable
    stages: tuple[tuple[str, float, str], ...]  # (name, seconds, what came out)
    target: Target

    @cached_property
    def team_program(self) -> Program:
        """The program for a team of threads."""
        return parallel(self.executable.program)

    @cached_property
    def by_team(self) -> Compiled:
        """The same, to be run by a team of threads."""
        own = self.executable
        return replace(self, executable=Executable(self.team_program, jit=own.jit, name=own.name))

    def at(self, sizes: Mapping[str, int]) -> Compiled:
        """For one thread or for a team, whichever these sizes are worth."""
        if not (self.executable.jit and on("teams")):
            return self
        if seconds(self.executable.program, sizes, 1) < SMALL:
            return self
        return self.by_team if worth_a_team(self.team_program, sizes) else self


@dataclass(frozen=True)
class Target:
    """What a program is compiled for, and what it is or why it was picked."""

    name: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.why}" if self.why else self.name


def require_target(target: str, matmul_precision: str = "float32") -> Target:
    """What is compiled for `target`, "auto" being a GPU if one can be used; raises where it cannot,
    or where it cannot multiply as `matmul_precision` says.
    """
    for what, given, known in (
        ("target", target, TARGETS),
        ("matmul_precision", matmul_precision, PRECISIONS),
    ):
        if given not in known:
            raise ValueError(f"unknown {what} {given!r}; use one of {', '.join(map(repr, known))}")
    try:
        if target == "auto":
            chosen = Target(*device.found())
        else:
            chosen = Target(target, device.require_device() if target == "cuda" else "")
        if chosen.name == "cuda" and matmul_precision != "float32":
            device.require_blas(matmul_precision)
    except device.CudaUnavailableError as missing:
        raise TargetError(str(missing)) from None
    return chosen


@heard()
@uncollected()
def compile_graph(
    graph: Graph, target: str = "cpu", batched: Iterable[Node] = (), name: str = "program",
    matmul_precision: str = "float32",
) -> Compiled:  # fmt: skip
    """Compile a graph. `target`: "cpu" (Numba), "python" (the same module, un-jitted), "cuda", or
    "auto": cuda where it can be used, else cpu. `matmul_precision` is what products of cuda have at
    least; those of the others are float32's.
    """
    chosen = require_target(target, matmul_precision)
    clock = _Clock()
    simplified, trace = simplify(graph)
    if CHECK:
        verify(graph)
        verify(simplified)
    clock.lap("simplify", f"{len(graph.nodes)} → {len(simplified.nodes)} nodes, {len(trace)} rules")
    primitive = expand(simplified)
    if CHECK:
        verify(primitive)
    clock.lap("expand", f"{len(primitive.nodes)} nodes")
    lowered = lower(primitive, batched, stream_numbers(graph.nodes))
    clock.lap("lower", f"{len(lowered.program.items)} items")
    program = optimise(lowered.program, parallel=chosen.name == "cuda")
    clock.lap("optimise", f"{len(program.items)} items")
    if chosen.name == "cuda":
        from codegen.cuda.executable import CudaExecutable  # noqa: PLC0415 - 16 modules, seldom asked for

        executable: Executable = CudaExecutable(
            program, name=name, matmul_precision=matmul_precision
        )
    else:
        executable = Executable(program, jit=chosen.name == "cpu", name=name)
    clock.lap("emit", f"{len(executable.source.splitlines())} lines")
    laps = tuple(clock.laps)
    compiled = Compiled(graph, simplified, tuple(trace), lowered, executable, laps, chosen)
    report(compiled, name)
    return compiled


class _Clock:
    """The time that each stage took."""

    def __init__(self) -> None:
        self.laps: list[tuple[str, float, str]] = []
        self._last = time.perf_counter()

    def lap(self, name: str, what: str) -> None:
        now = time.perf_counter()
        self.laps.append((name, now - self._last, what))
        self._last = now
