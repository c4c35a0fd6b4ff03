"""What the generated function of a team says besides: this thread's shares, and barriers."""

from __future__ import annotations

from codegen import ir

IMPORTS = """\
from codegen.barrier import refuse, refused, wait
from codegen.products import multiply_columns, multiply_rows  # a part of the result
"""
NUMBERS = "team, thread, threads"
BROKEN_UP = -1  # what `run` returns where a team broke up before its work was done
SHARE = '''
@jit
def share(thread, threads, extent, grain):
    """The part of a thread in 0 ≤ i < extent: whole blocks of `grain`, the last with what is left."""
    blocks = max(1, extent // grain)
    first = (blocks * thread + threads - 1) // threads
    last = (blocks * (thread + 1) + threads - 1) // threads
    return index(starts(first, blocks, extent, grain)), index(starts(last, blocks, extent, grain))


@jit
def starts(k, blocks, extent, grain):
    """Where the k-th block begins; after the last one, the end."""
    return k * grain if k < blocks else extent


@jit
def index(i):
    """0 ≤ i < 2⁴⁸, said so that the compiler knows: nothing here counts from an array's end."""
    return i & 0xFFFFFFFFFFFF

'''


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
