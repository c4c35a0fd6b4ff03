"""The functions that generated modules call by name: compiled once for all processes.

Their object code lies in the cache directory beside the generated programs, behind its digest, under
a name that holds the hash of all that it depends on. A file in doubt is made anew.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
from numba.core.registry import cpu_target

from codegen import layouts, narrow, tiles, vectors
from codegen.cache import cache_directory
from codegen.private_files import make_private, read, write
from codegen.vectors import Machine

_DIGEST = 32  # bytes of SHA-256
_engines: dict[str, Any] = {}  # by dtype; they own the code
_lock = threading.Lock()


def provide(dtype: str) -> None:
    """Make the functions for a dtype known to the linker, once a process."""
    with _lock:
        if dtype not in _engines:
            engine = _engine(_object_code(dtype))
            for name in tiles.names(dtype):
                llvm.add_symbol(name, engine.get_function_address(name))
            _engines[dtype] = engine


def provide_for(symbols: Iterable[str]) -> None:
    """Make those of the symbols known that are functions of this file's."""
    for dtype in tiles.DTYPES:
        if not set(tiles.names(dtype)).isdisjoint(symbols):
            provide(dtype)


@functools.cache
def conditions() -> str:
    """What the functions depend on: their text, the compiler, the processor."""
    modules = (tiles, narrow, layouts, vectors)
    content = "".join(Path(str(m.__file__)).read_text(encoding="utf-8") for m in modules)
    return "\n".join((content, llvmlite.__version__, *_target()))


def _target() -> tuple[str, str, str]:
    """Triple, name and features of the processor that Numba compiles for."""
    return cpu_target.target_context.codegen().magic_tuple()


def machine() -> Machine:
    """The vector registers of that processor."""
    triple, _, features = _target()
    wide = "+avx512f" in features
    register = 64 if wide else 32 if "+avx2" in features else 16
    return Machine(register, registers=16 if triple.startswith("x86") and not wide else 32)


def _object_code(dtype: str) -> bytes:
    """The code from the disk, or made and kept there."""
    name = f"products_{dtype}_{hashlib.sha256(conditions().encode()).hexdigest()[:20]}.o"
    with contextlib.suppress(OSError):
        kept = read(cache_directory() / name) or b""
        if hashlib.sha256(kept[_DIGEST:]).digest() == kept[:_DIGEST]:
            return kept[_DIGEST:]
    code = _compile(str(tiles.module(dtype, machine())))
    with contextlib.suppress(OSError):  # whoever stores the program itself says what is wrong
        make_private(cache_directory())
        write(cache_directory() / name, hashlib.sha256(code).digest() + code)
    return code


def _compile(text: str) -> bytes:
    """The text as it stands: it leaves nothing to optimise but the choice of instructions."""
    code, processor = llvm.parse_assembly(text), _processor()
    code.verify()
    return processor.emit_object(code)


def _processor() -> Any:
    triple, name, features = _target()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=name, features=features, opt=2, codemodel="jitdefault", jit=True
    )


def _engine(code: bytes) -> Any:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _processor())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine
