"""What the compiler did with a graph: stages, rules, kernels, memory. The ladder of insight.

`GRAPHDL_DEBUG=1` prints the stages with their times, 2 the kernels, 3 the program, 4 the source,
5 the graph after each stage, 6 every rule that fired. `GRAPHDL_DUMP=folder` writes all of it there.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from codegen import ir
from codegen.profile import costs
from codegen.text import text
from graphdl.footprint import kept, products
from graphdl.show.text import listing

if TYPE_CHECKING:
    from graphdl.compile import Compiled

_numbers = itertools.count(1)


def explain(
    compiled: Compiled,
    sizes: Mapping[str, int],
    beside: tuple[int, int] | None = None,
    gradients: int | None = None,
) -> str:
    """Target, stages, rules that fired, kernels with arithmetic and bytes, and the memory plan.

    beside: number and flops of the matrix products of another program, for the ratio;
    gradients: the bytes of the gradients, where this is a training step.
    """
    parts = [
        f"target {compiled.target}",
        *compiled.executable.notes(sizes),
        "stages",
        *_indented(stages(compiled)),
        "rules that fired",
    ]
    fired = Counter(f"{t.pass_name}: {t.rule}" for t in compiled.trace)
    parts += _indented([f"{n:4} × {name}" for name, n in fired.items()] or ["none"])
    parts += [f"kernels, for {_sizes_text(sizes)}", *_indented(kernels(compiled, sizes, beside))]
    parts += ["memory", *_indented(memory_plan(compiled, sizes, gradients))]
    return "\n".join(parts)


def stages(compiled: Compiled) -> list[str]:
    """Each station with its size and the milliseconds it took."""
    return [
        f"{name:<11} {seconds * 1e3:7.1f} ms   {what}" for name, seconds, what in compiled.stages
    ]


def kernels(
    compiled: Compiled, sizes: Mapping[str, int], beside: tuple[int, int] | None = None
) -> list[str]:
    """One line a kernel: arithmetic, bytes, equation; then the sums."""
    found = costs(compiled.executable.program, sizes)
    flops, moved = sum(c.flops for c in found), sum(c.bytes for c in found)
    number, of_products = products(compiled.executable.program, sizes)
    ratio = f", {of_products / beside[1]:.2f} × the {beside[0]} beside it" if beside else ""
    return [
        *map(str, found),
        f"{flops:>12,} flop {moved:>12,} B  in all",
        f"{of_products:>12,} flop in {number} matrix products{ratio}",
    ]


def memory_plan(
    compiled: Compiled, sizes: Mapping[str, int], gradients: int | None = None
) -> list[str]:
    """Temps with and without reuse, variables; of a training step also what it cannot do without."""
    program = compiled.executable.program
    plan = compiled.executable.plan(sizes)
    held = sum(v.storage.nbytes for v, _ in compiled.lowered.variables)
    return [
        f"temps      {plan.size:>12,} B in one arena ({plan.unshared:,} B without reuse)",
        f"variables  {held:>12,} B",
        *(
            []
            if gradients is None
            else _against_the_needed(program, sizes, plan.size, held, gradients)
        ),
    ]


def _against_the_needed(
    program: ir.Program, sizes: Mapping[str, int], temps: int, held: int, gradients: int
) -> list[str]:
    """Temps and variables against variables, gradients, and what the backward pass reads."""
    activations = kept(program, sizes)
    names = ", ".join(f"{name} {size:,}" for name, size in activations.items())
    needed = held + gradients + sum(activations.values())
    return [
        f"gradients  {gradients:>12,} B",
        f"kept       {sum(activations.values()):>12,} B for the backward pass: {names}",
        f"needed     {needed:>12,} B for variables, gradients and what is kept; "
        f"in use {(temps + held) / needed:.2f} ×",
    ]


def report(compiled: Compiled, name: str) -> None:
    """Print or write what GRAPHDL_DEBUG and GRAPHDL_DUMP ask for."""
    level = int(os.environ.get("GRAPHDL_DEBUG") or 0)
    folder = os.environ.get("GRAPHDL_DUMP")
    if not level and not folder:
        return
    pieces = _pieces(compiled)
    for rung, (title, make) in enumerate(pieces.items(), 1):
        if rung <= level:
            print(f"--- {name}: {title}\n{make()}", file=sys.stderr)
    if folder:
        target = Path(folder) / f"{next(_numbers):03d}_{name}"
        target.mkdir(parents=True, exist_ok=True)
        for title, make in pieces.items():
            (target / f"{title}.txt").write_text(make() + "\n", encoding="utf-8")


def _pieces(compiled: Compiled) -> dict:  # type: ignore[type-arg]
    """The rungs of the ladder, in order."""
    example = {v.name: 32 for v in compiled.lowered.program.sizes} | {"total": 32}
    return {
        "stages": lambda: "\n".join(stages(compiled)),
        "kernels": lambda: "\n".join(kernels(compiled, example)),
        "program": lambda: text(compiled.executable.program),
        "source": lambda: compiled.executable.source,
        "graphs": lambda: _graphs(compiled),
        "rules": lambda: "\n".join(map(str, compiled.trace)) or "none fired",
    }


def _graphs(compiled: Compiled) -> str:
    before, after = listing(compiled.graph), listing(compiled.simplified)
    return f"declared\n{before}\nsimplified\n{'(unchanged)' if before == after else after}"


def _sizes_text(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{k} = {v}" for k, v in sizes.items()) or "fixed sizes"


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
