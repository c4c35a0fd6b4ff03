"""A program's kernels as one piece of machine code, kept on disk.

numba-cuda writes NVVM's intermediate code for each kernel, nvJitLink optimises and assembles all of
them together (measured for `softmax(tanh(x @ w))`: 39 registers for the product, 106 from PTX). What
is kept is named by a digest of all that it depends on, and read only where nobody else can write.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from codegen import cache
from codegen.collector import uncollected
from codegen.cuda.cubin import assembled, written
from codegen.cuda.device import DeviceError
from codegen.cuda.emit import Emitted
from codegen.cuda.function import Kernel
from codegen.cuda.interface import Origin
from codegen.interrupts import shielded
from codegen.private_files import locked, read, write

_FORMAT = 1  # raised when files of an older version of this one must not be read any more
ROUTE = "ltoir"  # or "ptx": what numba-cuda writes and nvJitLink reads


@dataclass(frozen=True)
class Code:
    """Machine code for one kind of GPU, and what it calls the kernels."""

    image: bytes
    symbols: Mapping[str, str]  # by kernel
    origin: Origin


def machine_code(emitted: Emitted, name: str, capability: tuple[int, int]) -> Code:
    """The kernels of a module for GPUs of a compute capability: from the disk, or compiled now."""
    return shielded(lambda: _kept(emitted, name, capability))


@uncollected()
def _kept(emitted: Emitted, name: str, capability: tuple[int, int]) -> Code:
    digest = hashlib.sha256(_conditions(emitted, capability).encode()).hexdigest()[:20]
    path = cache.private_directory() / f"{name}_{digest}.cubin"
    with locked(path.with_suffix(".lock")):  # who comes second finds what the first has made
        source = path.with_suffix(".py")
        found = _decoded(read(path))
        if found is not None:
            return Code(*found, Origin(str(source), True, 0.0))
        start = time.perf_counter()
        image, symbols = _compiled(emitted, name, capability)
        spent = time.perf_counter() - start
        try:
            write(source, emitted.source.encode())
            write(path, _encoded(image, symbols))
        except OSError as error:
            warnings.warn(
                f"{path} cannot be kept, so each process compiles it anew: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
    return Code(image, symbols, Origin(str(source), False, spent))


def _compiled(
    emitted: Emitted, name: str, capability: tuple[int, int]
) -> tuple[bytes, dict[str, str]]:
    module = cache.load(emitted.source, name, jit=None)
    parts = [written(getattr(module, k.name), k, capability, ROUTE) for k in emitted.kernels]
    try:
        image, _ = assembled(parts, capability, ROUTE)
    except Exception as error:
        raise DeviceError(f"nvJitLink could not make machine code of {name}: {error}") from error
    return image, {k.name: _symbol(image, k.name) for k in emitted.kernels}


def _symbol(image: bytes, kernel: str) -> str:
    """What the machine code calls a kernel: the name of the section that holds it."""
    mark = rf"\0\.text\.(\S*?{len(kernel)}{kernel}B\S*?)\0".encode()
    found = re.search(mark, image)
    if found is None:
        raise DeviceError(f"{kernel} is not in the machine code; please report this as a bug")
    return found[1].decode()


# ------------------------------------------------------------------ on the disk


def _conditions(emitted: Emitted, capability: tuple[int, int]) -> str:
    """All that the machine code depends on, as text."""
    from cuda.bindings import nvjitlink, nvvm  # noqa: PLC0415 - only where there is a GPU

    tools = [importlib.metadata.version(p) for p in ("numba", "numba-cuda", "llvmlite", "numpy")]
    tools += map(str, (nvjitlink.version(), nvvm.version(), nvvm.ir_version(), sys.version))
    settings = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_"))
    forms = map(_form, emitted.kernels)
    return "\n".join([str(_FORMAT), ROUTE, str(capability), *tools, *settings, *forms,
                      emitted.source])  # fmt: skip


def _form(kernel: Kernel) -> str:
    dtypes = [b.dtype for b in kernel.buffers] + [v.dtype for v in kernel.numbers]
    return f"{kernel.name}({', '.join(dtypes)}) by {kernel.threads}"


def _encoded(image: bytes, symbols: Mapping[str, str]) -> bytes:
    """A digest of the rest, the symbols, the image."""
    rest = json.dumps(dict(symbols)).encode() + b"\n" + image
    return hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def _decoded(data: bytes | None) -> tuple[bytes, dict[str, str]] | None:
    """What a file holds; None where it is not what was written."""
    if data is None:
        return None
    digest, _, rest = data.partition(b"\n")
    if hashlib.sha256(rest).hexdigest().encode() != digest:
        return None
    symbols, _, image = rest.partition(b"\n")
    return image, json.loads(symbols)
