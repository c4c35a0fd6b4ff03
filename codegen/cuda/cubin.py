"""Kernels → machine code in this process, without a GPU; and what the assembler says about it.

numba-cuda writes PTX, nvJitLink assembles it as `ptxas -c` would. Register counts belong to that route:
the same PTX assembled as a whole program often needs fewer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

from codegen import cache, ir
from codegen.cuda.emit import Emitted, emit
from codegen.cuda.function import Kernel
from codegen.cuda.kernels import GPU

POINTED = {"bool": "uint8"}  # a truth in memory is a byte
Capability = tuple[int, int]  # of a GPU, such as (9, 0)
WIDE = re.compile(r"\bfloat64\b|\b(?!u?int)\w+64\(|\b(?:sin|cos|normal)32\(")


@dataclass(frozen=True)
class Cubin:
    """A kernel as machine code."""

    kernel: Kernel
    capability: Capability
    ptx: str
    code: bytes
    registers: int  # of a thread
    stack: int  # bytes, of a thread
    spilled: int  # bytes written to memory for want of registers

    @property
    def doubles(self) -> int:
        """Instructions on float64."""
        return len(re.findall(r"^\s+[a-z]\S*\.f64", self.ptx, re.MULTILINE))


def asks_for_float64(kernel: Kernel) -> bool:
    """Does the program itself want float64 here: in arrays, sums, or functions that reduce in it?"""
    dtypes = {b.dtype for b in kernel.buffers} | {v.dtype for v in kernel.numbers}
    return "float64" in dtypes or any(map(WIDE.search, kernel.lines))


def cubins(program: ir.Program, capability: Capability, name: str) -> list[Cubin]:
    """All kernels of a program, for GPUs of a compute capability."""
    return list(compiled(emit(program, name, GPU), [capability], name))


def compiled(emitted: Emitted, capabilities: Sequence[Capability], name: str) -> Iterator[Cubin]:
    """The kernels of a module, one after the other, each for all capabilities.

    PTX is written for the oldest of them, which takes nearly all of the time, and assembled for each.
    """
    module = cache.load(emitted.source, name, jit=None)
    for kernel in emitted.kernels:
        text = written(getattr(module, kernel.name), kernel, min(capabilities), "ptx")
        for capability in capabilities:
            code, log = assembled([text], capability, "ptx")
            registers = re.search(r"Used (\d+) registers", log)
            frame = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores", log)
            assert registers and frame, log
            used, stack, spilled = int(registers[1]), int(frame[1]), int(frame[2])
            yield Cubin(kernel, capability, text.decode(), code, used, stack, spilled)


def written(function: object, kernel: Kernel, capability: Capability, form: str) -> bytes:
    """A kernel as "ptx" or "ltoir". It takes raw pointers: one parameter an array, and no bounds to
    look up.
    """
    from numba import cuda, types  # noqa: PLC0415 - it takes a second to load

    def pointer(dtype: str) -> types.Type:
        return types.CPointer(getattr(types, POINTED.get(dtype, dtype)))

    takes = [pointer("int64"), *(pointer(b.dtype) for b in kernel.buffers)]
    takes += [getattr(types, v.dtype) for v in kernel.numbers]
    signature = types.void(*takes)
    with _as_if_there_were(capability):
        text, _ = cuda.compile(
            function, signature, cc=capability, device=False, abi="numba", output=form,
            launch_bounds=(kernel.threads, kernel.together),
        )  # fmt: skip
    return text.encode() if isinstance(text, str) else bytes(text)


@contextmanager
def _as_if_there_were(capability: Capability) -> Iterator[None]:
    """numba-cuda asks the device what it is, where it compiles what kernels call."""
    from numba.cuda import api, compiler, dispatcher  # noqa: PLC0415 - as above

    modules = (api, compiler, dispatcher)
    before = [m.get_current_device for m in modules]
    try:
        for m in modules:
            m.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
        yield
    finally:
        for m, function in zip(modules, before, strict=True):
            m.get_current_device = function


def assembled(parts: Sequence[bytes], capability: Capability, form: str) -> tuple[bytes, str]:
    """Kernels as one piece of machine code, and the assembler's log."""
    from cuda.bindings import nvjitlink  # noqa: PLC0415 - only where kernels are compiled

    options = [f"-arch=sm_{capability[0]}{capability[1]}", "-verbose", "-Xptxas=-v"]
    options += ["-lto"] * (form == "ltoir")
    kind = {"ptx": nvjitlink.InputType.PTX, "ltoir": nvjitlink.InputType.LTOIR}[form]
    handle = nvjitlink.create(len(options), options)
    try:
        for k, part in enumerate(parts):
            text = part + b"\0" * (form == "ptx")
            nvjitlink.add_data(handle, kind, text, len(text), f"kernel{k}")
        nvjitlink.complete(handle)
        code = bytearray(nvjitlink.get_linked_cubin_size(handle))
        nvjitlink.get_linked_cubin(handle, code)
        log = bytearray(nvjitlink.get_info_log_size(handle))
        nvjitlink.get_info_log(handle, log)
        return bytes(code), log.decode(errors="replace")
    finally:
        nvjitlink.destroy(handle)
