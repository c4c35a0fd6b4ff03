"""Program → Program: each pass is one idea; `optimise` names them in order."""

from __future__ import annotations

from codegen.ir import Program
from codegen.passes.contract import contract
from codegen.passes.fuse import fuse
from codegen.passes.hoist import hoist
from codegen.passes.pack import pack
from codegen.passes.repeat import repeat


def optimise(program: Program, *, fusion: bool = True) -> Program:
    """The passes that every target runs, in order."""
    if fusion:
        program = fuse(program)  # one nest for what runs over the same elements
        program = contract(program)  # values pass from statement to statement in registers
        program = pack(program)  # one flat loop for the same work on many buffers
        program = hoist(program)  # what does not change in a loop is read before it
        program = repeat(program)  # equal segments once, over a table of buffers
    return program
