"""Sorting: each element counts those that come before it."""

from __future__ import annotations

from codegen import ir
from codegen.cuda.function import Body
from codegen.cuda.printer import CudaPrinter, dealt_out
from codegen.javascript.printer import count


def argsort(printer: CudaPrinter, item: ir.ArgSort, lanes: int) -> Body:
    """The place of an element in its row is the number of those before it: smaller ones, and equal
    ones that stand in front of it. NaN comes last. n² comparisons a row, any of them at any time.
    """
    size, a = printer.part(item.a.shape[-1]), item.a.name
    work = count(item.a.shape)
    body = [
        f"        first = turn // {size} * {size}",
        f"        mine = {a}[uint64(turn)]",
        "        before = 0",
        f"        for other in range({size}):",
        f"            value = {a}[uint64(first + other)]",
        "            earlier = first + other < turn",
        "            same = (value == mine) | ((value != value) & (mine != mine))",
        "            less = (value < mine) | ((value == value) & (mine != mine))",
        "            if less | (same & earlier):",
        "                before += 1",
        f"        {item.out.name}[uint64(first + before)] = turn - first",
    ]
    return Body(dealt_out(1, "turn", printer.bare(work), body), ((work, lanes),), lanes)
