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

from codegen import memory
from codegen.profile import costs
from codegen.text import text
from graphdl.show.text import listing

if TYPE_CHECKING:
    from graphdl.compile import Compiled

_numbers = itertools.count(1)


def explain(compiled: Compiled, sizes: Mapping[str, int]) -> str:
    """Stages, rules that fired, kernels with arithmetic and bytes, and the memory plan."""
    parts = ["stages", *_indented(stages(compiled)), "rules that fired"]
    fired = Counter(f"{t.pass_name}: {t.rule}" for t in compiled.trace)
    parts += _indented([f"{n:4} × {name}" for name, n in fired.items()] or ["none"])
    parts += [f"kernels, for {_sizes_text(sizes)}", *_indented(kernels(compiled, sizes))]
    parts += ["memory", *_indented(memory_plan(compiled, sizes))]
    return "\n".join(parts)


def stages(compiled: Compiled) -> list[str]:
    """Each station with its size and the milliseconds it took."""
    return [
        f"{name:<11} {seconds * 1e3:7.1f} ms   {what}" for name, seconds, what in compiled.stages
    ]


def kernels(compiled: Compiled, sizes: Mapping[str, int]) -> list[str]:
    """One line a kernel: arithmetic, bytes, equation."""
    found = costs(compiled.executable.program, sizes)
    flops, moved = sum(c.flops for c in found), sum(c.bytes for c in found)
    return [*map(str, found), f"{flops:>12,} flop {moved:>12,} B  in all"]


def memory_plan(compiled: Compiled, sizes: Mapping[str, int]) -> list[str]:
    """Temps with and without reuse, variables."""
    program = compiled.executable.program
    plan = memory.plan(program, sizes, frozenset(program.arguments))
    held = sum(v.storage.nbytes for v, _ in compiled.lowered.variables)
    return [
        f"temps      {plan.size:>12,} B in one arena ({plan.unshared:,} B without reuse)",
        f"variables  {held:>12,} B",
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
