"""What the generated function of a team says besides: this thread's shares, and barriers."""

from __future__ import annotations

from codegen import ir

IMPORTS = """\
from codegen.barrier import refuse, refused, wait
from codegen.products import multiply_columns, multiply_rows  # a part of the result
from codegen.sharing import index, share
"""
NUMBERS = "team, thread, threads"
BROKEN_UP = -1  # what `run` returns where a team broke up before its work was done


def shares(program: ir.Program, depth: int) -> list[str]:
    """What this thread has of each extent that is split."""
    pad = "    " * depth
    return [
        f"{pad}{s.first.name}, {s.last.name} = share(thread, threads, {_size(s.extent)}, {s.grain})"
        for s in program.shares or ()
    ]


def _size(extent: ir.Const | ir.Var) -> str:
    return extent.name if isinstance(extent, ir.Var) else str(extent.value)


def barrier(depth: int, note: str = "") -> list[str]:
    """Wait for the others; leave if the team has broken up."""
    pad = "    " * depth
    comment = f"  # {note}" if note else ""
    return [f"{pad}if wait(team, threads):{comment}", f"{pad}    return {BROKEN_UP}"]
