"""Program → Program: each pass is one idea; `optimise` names them in order."""

from __future__ import annotations

from collections.abc import Collection

from codegen.ir import Program
from codegen.passes.contract import contract
from codegen.passes.fuse import fuse
from codegen.passes.hoist import hoist
from codegen.passes.pack import pack
from codegen.passes.repeat import repeat

PASSES = {
    "fuse": fuse,  # one nest for what runs over the same elements
    "contract": contract,  # values pass from statement to statement in registers
    "pack": pack,  # one flat loop for the same work on many buffers
    "hoist": hoist,  # what does not change in a loop is read before it
    "repeat": repeat,  # equal segments once, over a table of buffers
}


def optimise(program: Program, passes: Collection[str] = tuple(PASSES)) -> Program:
    """The passes that every target runs, in order; one that is left out is switched off."""
    for name, run in PASSES.items():
        if name in passes:
            program = run(program)
    return program
