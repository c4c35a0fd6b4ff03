"""Program → Program: each pass is one idea; `optimise` names them in order."""

from __future__ import annotations

import os
from collections.abc import Collection

from codegen.ir import Program
from codegen.optimisations import on
from codegen.passes.accumulate import accumulate
from codegen.passes.contract import contract
from codegen.passes.flatten import flatten
from codegen.passes.fuse import fuse, fuse_parallel
from codegen.passes.hoist import hoist
from codegen.passes.interchange import interchange
from codegen.passes.pack import pack
from codegen.passes.repeat import repeat
from codegen.passes.resize import resize
from codegen.verify import InvalidProgram, verify

CHECK = os.environ.get("GRAPHDL_CHECK") == "1"  # hold each pass to the spec, as the tests do

PASSES = {
    "flatten": flatten,  # exponentials of short rows in one run
    "fuse": fuse,  # one nest for what runs over the same elements
    "contract": contract,  # values pass from statement to statement in registers
    "pack": pack,  # one flat loop for the same work on many buffers
    "hoist": hoist,  # what does not change in a loop is read before it
    "repeat": repeat,  # equal segments once, over a table of buffers
    "resize": resize,  # segments of other sizes once, which the table holds
}
PARALLEL = {  # for targets that run the turns of loops at once
    "interchange": interchange,  # loops whose turns are independent stand outermost
    "fuse": fuse_parallel,  # joined as long as turns stay independent
    "accumulate": accumulate,  # sums are added up in registers
    **{name: PASSES[name] for name in ("contract", "pack", "hoist", "repeat", "resize")},
}


def optimise(
    program: Program, passes: Collection[str] | None = None, check: bool = CHECK,
    parallel: bool = False,
) -> Program:  # fmt: skip
    """The passes of a target, in order: those named, or all that are switched on.

    parallel: does the target run the turns of loops at once?
    With `check` the program is verified before the first pass and after each one; InvalidProgram
    then names the pass.
    """
    if check:
        _verify(program, "lowering")
    for name, run in (PARALLEL if parallel else PASSES).items():
        if name in passes if passes is not None else on(name):
            program = run(program)
            if check:
                _verify(program, name)
    return program


def _verify(program: Program, after: str) -> None:
    try:
        verify(program)
    except InvalidProgram as error:
        raise InvalidProgram(f"after {after}: {error}") from None
