"""Compiles the kernels of programs without a GPU, each once, and holds them to what is stated.

Two kernels are the same where their texts are, whatever their buffers and loops are called: those that
were found good are noted in the code cache, for all processes of a test run.
"""

import dataclasses
import hashlib
import re
from collections.abc import Iterable

from codegen import cache, ir
from codegen.cuda import one_block
from codegen.cuda.cubin import Cubin, asks_for_float64, compiled
from codegen.cuda.early import early
from codegen.cuda.emit import Emitted, emit, emit_in_one_block
from codegen.cuda.epilogues import with_epilogues
from codegen.cuda.function import Kernel
from codegen.cuda.kernels import GPU

CAPABILITIES = HOPPER, AMPERE = (9, 0), (8, 0)
REGISTERS = {"float32": 128, "float64": 192}  # of a thread; a float64 takes two
IN_ONE_BLOCK = {"float32": 240, "float64": 240}  # all steps in one kernel: it runs alone
OF_AN_OPERATION = {"float32": 64, "float64": 128}  # a division of float64 takes many
OF_A_PRODUCT = {"float32": 128, "float64": 192}  # whose sums are in registers
IN_MEMORY = re.compile(r"\b(?:sin64|cos64|normal32|normal64)\(")
"""Calls the library's sine or cosine, which keep some words of 2/π for large arguments in memory."""
WORD = re.compile(r"[A-Za-z_]\w*")
GIVEN = re.compile(r"^ *(\w+) (?:=|\+=|\*=) |^ *for (\w+) in |^ *while (\w+) ", re.MULTILINE)


def key(kernel: Kernel) -> str:
    """The same for kernels that are the same but for names."""
    head = "(" + kernel.lines[0].partition("(")[2]
    lines = [head, *(s for s in kernel.lines[1:] if not s.lstrip().startswith("#"))]
    text = "\n".join(lines)
    own = set(WORD.findall(head)) | {n for found in GIVEN.findall(text) for n in found}
    names: dict[str, str] = {}
    plain = WORD.sub(
        lambda m: names.setdefault(m[0], f"v{len(names)}") if m[0] in own else m[0], text
    )
    types = [v.dtype for v in (*kernel.buffers, *kernel.numbers)]
    return hashlib.sha256(repr((plain, types, kernel.threads)).encode()).hexdigest()


def ways(program: ir.Program) -> list[Emitted]:
    """The program as launches, and as one launch for all steps where it may be one."""
    scheduled = with_epilogues(early(program))
    by_launches = emit(scheduled, "program", GPU)
    if not one_block.fits(program):
        return [by_launches]
    return [by_launches, emit_in_one_block(scheduled, "program", GPU)]


def check(programs: Iterable[ir.Program], registers: int | None = None) -> int:
    """Compile all kernels that no test has compiled yet; returns how many kernels there were."""
    count = 0
    for program in programs:
        for emitted in ways(program):
            count += len(emitted.kernels)
            _check(emitted, registers)
    return count


def _check(emitted: Emitted, registers: int | None) -> None:
    good = cache.cache_directory() / f"good-kernels-{registers}"
    good.mkdir(parents=True, exist_ok=True)
    new = {key(k): k for k in emitted.kernels if not (good / key(k)).exists()}
    if not new:
        return
    some = dataclasses.replace(emitted, kernels=tuple(new.values()))
    for made in compiled(some, CAPABILITIES, "program"):
        bounds = IN_ONE_BLOCK if emitted.once else REGISTERS
        bound = registers or bounds[width(made.kernel)]
        of_product = OF_A_PRODUCT[width(made.kernel)] if is_product(made.kernel) else 0
        hold(made, max(bound, of_product))
    for name in new:
        (good / name).touch()


def width(kernel: Kernel) -> str:
    """The dtype in which a kernel computes: float64 where a tensor has it, not just a total."""
    wide = any(b.dtype == "float64" and b.shape for b in kernel.buffers)
    return "float64" if wide else "float32"


def is_product(kernel: Kernel) -> bool:
    """Is it one of matrices? Its threads keep their sums in an array of their own."""
    return any("sums = cuda.local.array" in line for line in kernel.lines)


def hold(made: Cubin, registers: int) -> None:
    """What is stated of every kernel."""
    text = "\n".join(made.kernel.lines)
    assert made.code[:4] == b"\x7fELF"
    assert made.registers <= registers, f"{made.registers} registers: {text}"
    assert made.stack <= (40 if IN_MEMORY.search(text) else 0) and made.spilled == 0, text
    assert asks_for_float64(made.kernel) or not made.doubles, text
