"""Scalar expressions and statements as text for CUDA.

Arrays are flat and reached by pointers: an element of a matrix stands at row · columns + column. Every
index is a uint64, so that the compiler sees no index that counts from the end; a truth is a byte.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from codegen import ir, scalars
from codegen.javascript.printer import count, place
from codegen.printer import Printer

BITS = re.compile(r"(\b\w+\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))\.view\((\w+)\)")
CALLS = {"sqrt": "sqrt", "floor": "floor", "round": "rint", "sin": "sin", "cos": "cos"}


class CudaPrinter(Printer):
    """Writes statements of one thread; collects the helpers they call."""

    def __init__(self) -> None:
        super().__init__(set())
        self.arenas: dict[ir.Buffer, ir.Buffer] = {}  # of slots that are parts of larger arrays

    def expr(self, e: ir.Expr) -> str:
        if isinstance(e, ir.Load) and e.dtype == "bool":
            return f"({self.element(e.buffer, e.index)} != 0)"
        return super().expr(e)

    def element(self, buffer: ir.Buffer, index: tuple[ir.Expr, ...]) -> str:
        at, arena = place(buffer, index), self.arenas.get(buffer)
        if arena is not None:
            at, buffer = ir.plus(begin(buffer), at), arena
        whole = f"{at.value}" if isinstance(at, ir.Const) else self.bare(at)
        return f"{buffer.name}[uint64({whole})]"

    def apply(self, e: ir.Apply) -> str:
        bits = e.dtype[-2:]
        if e.fn in CALLS and f"{e.fn}{bits}" not in scalars.OWN:
            return f"{CALLS[e.fn]}{bits}({self.bare(e.args[0])})"
        if e.fn == "isnan":
            return f"({self.part(e.args[0])} != {self.part(e.args[0])})"
        if e.fn == "isfinite":
            dtype = e.args[0].dtype
            return f"(abs({self.bare(e.args[0])}) < {dtype}(np.inf))"
        return super().apply(e)

    def row_copy(self, s: ir.Stmt) -> str | None:
        return None

    def statement(self, s: ir.Let | ir.Update | ir.Store) -> str:
        if isinstance(s, ir.Store) and s.buffer.dtype == "bool":
            return f"{self.element(s.buffer, s.index)} = uint8({self.bare(s.expr)})"
        return super().statement(s)


def begin(slot: ir.Buffer) -> ir.Var:
    """Where a slot begins in its arena, in elements."""
    return ir.Var(f"at_{slot.name}", "int64")


def dealt_out(
    depth: int, var: str, end: str, body: list[str], first: str = "cuda.grid(1)",
    step: str = "cuda.gridsize(1)",
) -> list[str]:  # fmt: skip
    """A loop from `first` to `end`; a `range` would divide to know beforehand how often it runs."""
    pad = "    " * depth
    return [
        f"{pad}{var} = int64({first})",
        f"{pad}while {var} < {end}:",
        *body,
        f"{pad}    {var} += {step}",
    ]


def turns(
    printer: CudaPrinter,
    free: Sequence[ir.Loop],
    body: list[str],
    depth: int,
    first: str,
    step: str,
) -> list[str]:
    """The body, one level deeper, for the turns of free loops from `first` on, the innermost moving
    first; where there are none, for the first of all.
    """
    pad = "    " * depth
    if not free:
        return [f"{pad}if {first} == 0:", *body]
    var = free[0].var.name if len(free) == 1 else "turn"
    lines = unflattened(printer, free, var, depth + 1)
    work = printer.bare(count(f.extent for f in free))
    return dealt_out(depth, var, work, [*lines, *body], first, step)


def unflattened(
    printer: CudaPrinter, free: Sequence[ir.Loop], turn: str, depth: int
) -> list[str]:  # fmt: skip
    """The variables of free loops from the number of their turn, the innermost moving first."""
    pad, names = "    " * depth, [f.var.name for f in free]
    lines, rest = [], turn
    for k, name in enumerate(names[:-1]):
        size = printer.part(count(f.extent for f in free[k + 1 :]))
        left = names[-1] if k == len(names) - 2 else f"rest_{name}"
        lines.append(f"{pad}{name} = {rest} // {size}")
        lines.append(f"{pad}{left} = {rest} - {name} * {size}")
        rest = left
    if len(names) == 1 and names[0] != turn:
        lines.append(f"{pad}{names[0]} = {turn}")
    return lines


def helpers(names: set[str]) -> str:
    """The text of helpers and of all that they call, without NumPy's functions and methods.

    A function whose name ends in 32 computes in float32, any other one in float64.
    """
    with_numpy = scalars.source(names)
    functions = re.split(r"(?m)^(?=@)", with_numpy)
    return "".join(map(_plain, functions))


def _plain(function: str) -> str:
    name = re.search(r"def (\w+)\(", function)
    bits = "32" if name and name[1].endswith("32") else "64"
    function = BITS.sub(r"as_\2(\1)", function)
    return re.sub(r"np\.(rint|floor|sqrt|sin|cos)\(", rf"\g<1>{bits}(", function)
