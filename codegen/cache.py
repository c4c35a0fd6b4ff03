"""Generated programs as modules: real source files, compiled once for all processes.

A program's source lies in `<cache directory>/<name>_<hash>.py`, where debuggers, tracebacks and
`inspect` find it; its compiled entry functions lie beside it. The hash covers the source and all
that the machine code depends on, so nothing here is ever out of date. What is executed is the
text at hand, never what the disk holds: a damaged source file is written again.

A program is a module that runs by itself, with or without Numba's compiler:

    jit = njit(error_model="numpy", no_cpython_wrapper=True, ...)
    entry = njit(error_model="numpy", ...)          # callable from Python

    @jit
    def helper(a, b): ...

    @entry
    def run(x, out): ...

    ENTRY = {"run": "void(float32[:, ::1], float32[::1])"}

No function says `cache=True` or a signature, so that importing it compiles nothing. `load`
compiles the functions that `ENTRY` names, for that signature and no other.
"""

import atexit
import hashlib
import os
import re
import shutil
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from codegen.collector import uncollected
from codegen.interrupts import shielded
from codegen.private_files import make_private, read, write

# Raised when artefacts of an older version of this file must not be read any more.
_FORMAT = 1

_loaded: dict[str, ModuleType] = {}
_stand_ins: dict[int, Path] = {}  # by process
_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    # A fork waits for the compilation at work: its child would inherit locks, ours and
    # Numba's, that no thread of its own could ever release.
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


def cache_directory() -> Path:
    """Return where generated programs are kept; it may not exist yet.

    That is `GRAPHDL_CACHE_DIR`, else `graphdl` in the user's cache directory.

    Raises
    ------
    FileNotFoundError
        The variable is not set and the user has no home directory.
    """
    chosen = os.environ.get("GRAPHDL_CACHE_DIR")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    return _user_cache_directory() / "graphdl"


def private_directory() -> Path:
    """Return the cache directory, made where it is missing, or what stands in for it."""
    try:
        directory = cache_directory()
        make_private(directory)
        return directory
    except OSError as error:
        return _stand_in(error)


def _user_cache_directory() -> Path:
    variable = {"win32": "LOCALAPPDATA", "darwin": ""}.get(sys.platform, "XDG_CACHE_HOME")
    chosen = os.environ.get(variable, "")
    if os.path.isabs(chosen):  # the XDG specification has relative paths ignored
        return Path(chosen)
    home = os.path.expanduser("~")
    if home == "~":
        raise FileNotFoundError("this user has no home directory")
    below = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    return Path(home, below)


def load(source: str, name: str = "program", *, jit: bool | None = True) -> ModuleType:
    """Return the module of a generated program, its entry functions compiled.

    Parameters
    ----------
    source
        The program, as described at the top of this file. It is executed: it must be generated
        text, without a word of the user's.
    name
        What the file is called before its hash: a word of lower-case letters and underscores.
    jit
        False gives the same program as plain Python functions, to step through and to compare
        with; a module of its own. None leaves the module as its own decorators make it.

    Returns
    -------
    ModuleType
        The same object for the same arguments. Its `__graphdl__` holds `path` (a string),
        `cached` (whether all entry functions came from the disk) and `compile_seconds` (spent
        in the compiler; 0.0 where `cached`). A compiled entry function called with other types
        than its signature's raises TypeError.

    Warns
    -----
    RuntimeWarning
        The cache directory cannot be used; a temporary one stands in until the process ends.
    """
    if not re.fullmatch("[a-z_]+", name):
        raise ValueError(f"a program's name is made of lower-case letters and _, not {name!r}")
    return shielded(lambda: _known(source, name, jit))


@uncollected()
def _known(source: str, name: str, jit: bool | None) -> ModuleType:
    """Return the module, made where this process does not have it yet."""
    stem = f"{name}_{_digest(source)}"
    module_name = stem if jit else f"{stem}_{'as_it_is' if jit is None else 'unjitted'}"
    if module_name not in _loaded:
        with _lock:
            if module_name not in _loaded:
                _loaded[module_name] = _load(source, stem, module_name, jit)
    return _loaded[module_name]


def _digest(source: str) -> str:
    """Return 20 hex digits over the source and all that its machine code depends on."""
    from codegen.artefacts import conditions  # noqa: PLC0415 - it imports Numba

    content = f"{_FORMAT}\n{conditions()}\n{source}"
    return hashlib.sha256(content.encode()).hexdigest()[:20]


def _load(source: str, stem: str, module_name: str, jit: bool | None) -> ModuleType:
    from codegen.artefacts import compile_entries, strip_compiler  # noqa: PLC0415 - likewise

    path = _store(source, f"{stem}.py")
    module = ModuleType(module_name)
    module.__file__ = str(path)
    sys.modules[module_name] = module  # where Numba, pickle and inspect look for it
    try:
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
        origin = compile_entries(module, path) if jit else {"cached": False, "compile_seconds": 0.0}
        if jit is False:
            strip_compiler(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    module.__dict__["__graphdl__"] = {"path": str(path), **origin}
    return module


def machine_code(entry: Any) -> int:
    """Where the code of a compiled entry function begins (Numba's own calling convention)."""
    made = next(iter(entry.overloads.values()))
    return int(made.library.get_pointer_to_function(made.fndesc.llvm_func_name))


def _store(source: str, file_name: str) -> Path:
    """Write the source file, unless it is there as it should be, and return its path."""
    try:
        return _store_in(cache_directory(), source, file_name)
    except OSError as error:
        return _store_in(_stand_in(error), source, file_name)


def _store_in(directory: Path, source: str, file_name: str) -> Path:
    make_private(directory)
    path, content = directory / file_name, source.encode()
    if read(path) != content:
        write(path, content)
    return path


def _stand_in(error: OSError) -> Path:
    """Return this process's temporary directory; made, and announced, at the first call."""
    process = os.getpid()  # a forked child needs one of its own: its parent may end first
    if process not in _stand_ins:
        _stand_ins[process] = Path(tempfile.mkdtemp(prefix="graphdl-"))
        atexit.register(_remove_stand_in, process, _stand_ins[process])
        _warn_of_stand_in(error)
    return _stand_ins[process]


def _remove_stand_in(process: int, directory: Path) -> None:
    if process == os.getpid():  # a forked child runs its parent's exit functions too
        shutil.rmtree(directory, ignore_errors=True)


def _warn_of_stand_in(error: OSError) -> None:
    try:
        place = f"the cache directory {cache_directory()}"
    except FileNotFoundError:
        place = "a cache directory"
    warnings.warn(
        f"{place} cannot be used: {error}. Compiled programs are kept in a temporary directory "
        "until this process ends, so the next one compiles anew. Or set GRAPHDL_CACHE_DIR to a "
        "directory that you alone can write.",
        RuntimeWarning,
        stacklevel=2,
    )
