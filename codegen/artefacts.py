"""All dealings with Numba: entry functions compiled, and kept on disk, one file for each.

`Artefact` takes the place of Numba's own cache, which keeps its files where `NUMBA_CACHE_DIR`
points, runs whatever pickle it finds there, and stops with an error on a damaged one. Here

    <program>.<entry>.nbc       the pickled compilation result
    <program>.<entry>.sha256    its digest and name, a line that `sha256sum -c` understands

lie beside the program's source, under names that hold the hash of all they depend on, so no
index is needed. Nothing is unpickled before the digest was checked; a file in doubt is removed
and its function compiled again.
"""

import functools
import hashlib
import itertools
import pickle
import platform
import secrets
import sys
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite
import numba
import numpy
from llvmlite.binding import add_symbol, address_of_symbol
from numba.core.bytecode import FunctionIdentity
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.core.runtime import _nrt_python
from numba.core.serialize import dumps

from codegen import level, native
from codegen.private_files import discard, locked, read, write

# Numba's settings that change the code it makes and can be changed while it runs.
_SETTINGS = (
    "BOUNDSCHECK",
    "DEBUGINFO_DEFAULT",
    "DISABLE_JIT",
    "ENABLE_AVX",
    "LOOP_VECTORIZE",
    "OPT",
    "SLP_VECTORIZE",
    "USING_SVML",
)


def conditions() -> str:
    """Return, as text, all that the machine code of a source depends on besides the source."""
    settings = (str(getattr(numba.config, setting, None)) for setting in _SETTINGS)
    return "\n".join((*_toolchain(), *settings, native.conditions(), level.conditions()))


@functools.cache
def _toolchain() -> tuple[str, ...]:
    # The triple, name and features of the processor, as Numba hands them to LLVM.
    processor = cpu_target.target_context.codegen().magic_tuple()
    versions = (numba.__version__, llvmlite.__version__, numpy.__version__)
    return (platform.python_implementation(), sys.version, *versions, *processor)


class Artefact:
    """The compiled form of one entry function, as a dispatcher's cache.

    Parameters
    ----------
    source
        The program's source file, in a private directory; the artefact lies beside it.
    entry
        The function's name.

    Attributes
    ----------
    hit : bool
        Whether the function came from the disk.
    """

    def __init__(self, source: Path, entry: str):
        self.data = source.with_name(f"{source.stem}.{entry}.nbc")
        self.manifest = self.data.with_suffix(".sha256")
        self.hit = False

    @property
    def cache_path(self) -> str:
        """The directory, under the name that Numba's statistics ask for."""
        return str(self.data.parent)

    def load_overload(self, signature: Any, target_context: Any) -> Any | None:
        """Return the compilation result kept on disk, or None (called by the dispatcher)."""
        try:
            result = self._rebuild(target_context)
        except Exception:
            # Whatever a file of the right digest cannot be turned into is compiled anew.
            result = None
        self.hit = result is not None
        if not self.hit:
            discard(self.manifest)
            discard(self.data)
            _take_unique_symbols()
        return result

    def _rebuild(self, target_context: Any) -> Any | None:
        data, manifest = read(self.data), read(self.manifest)
        if data is None or manifest != self._manifest_of(data):
            return None
        external_symbols, reduced = pickle.loads(data)
        _prepare(target_context, external_symbols)
        return CompileResult._rebuild(target_context, *reduced)

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a fresh compilation result (called by the dispatcher)."""
        if result.library.has_dynamic_globals:
            self._warn("its code holds an address of this process")
            return
        data = dumps((_external_symbols(result.library), result._reduce()))
        try:
            write(self.data, data)
            write(self.manifest, self._manifest_of(data))
        except OSError as error:
            self._warn(str(error))

    def _manifest_of(self, data: bytes) -> bytes:
        return f"{hashlib.sha256(data).hexdigest()}  {self.data.name}\n".encode()

    def _warn(self, reason: str) -> None:
        warnings.warn(
            f"the compiled form of {self.data} cannot be kept, so each process compiles it "
            f"anew: {reason}",
            RuntimeWarning,
            stacklevel=2,
        )


def _external_symbols(library: Any) -> list[str]:
    """Name what the library's code expects of the process: Numba's runtime, libm, matrix products."""
    module = library._final_module
    return [
        value.name
        for value in itertools.chain(module.functions, module.global_variables)
        if value.is_declaration and not value.name.startswith("llvm.")
    ]


def _prepare(target_context: Any, symbols: list[str]) -> None:
    """Make `symbols` known to the linker, which ends the process over one that it misses.

    Numba itself would import all its implementations first (0.3 s), and compile its runtime
    (0.02 s). Compiled code carries what it needs of them and asks for little
    more than the runtime's C functions.
    """
    native.provide_for(symbols)
    for name, address in _nrt_python.c_helpers.items():
        add_symbol(name if name.startswith("_") else f"NRT_{name}", address)
    if not all(address_of_symbol(symbol) for symbol in symbols):
        target_context.refresh()


def _take_unique_symbols() -> None:
    """Let the functions compiled next have symbols that no other process gives.

    Numba numbers them 1, 2, 3 … in each process, a forked one included. Where artefacts of two
    processes meet in a third, the linker takes two functions of one symbol to be the same
    (numba/numba#10486).
    """
    FunctionIdentity._unique_ids = itertools.count(secrets.randbits(62))


def compile_entries(module: ModuleType, path: Path) -> dict[str, Any]:
    """Load the functions in `ENTRY` from their artefacts, or compile and keep them."""
    compile_seconds, hits = 0.0, []
    # Who comes second waits here and then finds the artefacts of the first.
    with locked(path.with_suffix(".lock")):
        for entry, signature in module.ENTRY.items():
            start = time.perf_counter()
            hits.append(_compile_entry(getattr(module, entry), signature, Artefact(path, entry)))
            if not hits[-1]:
                compile_seconds += time.perf_counter() - start
    return {"cached": all(hits), "compile_seconds": compile_seconds}


def _compile_entry(function: Any, signature: str, artefact: Artefact) -> bool:
    """Give the function its machine code; return whether it came from the disk."""
    if numba.config.DISABLE_JIT:  # then `njit` gave the plain function back
        return False
    function._cache = artefact
    with level.our_level():
        function.compile(signature)
    function.disable_compile()
    return artefact.hit


def strip_compiler(module: ModuleType) -> None:
    """Replace what Numba compiles by the Python functions, which then call each other."""
    functions = {
        name: value.py_func for name, value in vars(module).items() if hasattr(value, "py_func")
    }
    vars(module).update(functions)
