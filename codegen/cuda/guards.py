"""Guards: a value that is not finite ends the run with this step, before anything has changed."""

from __future__ import annotations

from codegen import ir
from codegen.cuda.blocks import Block
from codegen.cuda.clock import at
from codegen.cuda.function import Body
from codegen.cuda.printer import CudaPrinter, dealt_out
from codegen.cuda.work import turns_of
from codegen.javascript.printer import count

NOTE = "nothing has changed yet: no later kernel does anything if a value is not finite"


def kernel(printer: CudaPrinter, guard: ir.Guard, lanes: int) -> Body:
    """All who find such a value write the same number into the clock, which later kernels see."""
    lines = [
        line
        for b in guard.buffers
        for line in dealt_out(1, "turn", _size(printer, b), _test(b, at("now"), 2))
    ]
    longest = max((count(b.shape) for b in guard.buffers), key=turns_of)
    return Body(lines, ((longest, lanes),), lanes)


def in_block(block: Block, guard: ir.Guard) -> list[str]:
    """The same in a block that runs all steps: its threads leave together."""
    lines = ["        # nothing has changed yet: stop here if a value is not finite"]
    for b in guard.buffers:
        test, lanes = _test(b, "now", 3), str(block.lanes)
        lines += dealt_out(2, "turn", _size(block.printer, b), test, "lane", lanes)
    return [*lines, *block.wait(2), f"        if {at('status')} != 0:", "            return"]


def _size(printer: CudaPrinter, b: ir.Buffer) -> str:
    return printer.bare(count(b.shape))


def _test(b: ir.Buffer, step: str, depth: int) -> list[str]:
    pad = "    " * depth
    return [
        f"{pad}if not abs({b.name}[uint64(turn)]) < {b.dtype}(np.inf):",
        f"{pad}    {at('status')} = {step}",
    ]
