"""Files replaced whole: whatever happens, a reader finds the old file or the new one.

The bytes go to a temporary file in the same folder, are forced to the disk, and take the place of
the old file in one step. A process that is killed half-way leaves its temporary file behind; the
next save removes it. Links are followed, so that a link stays one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from graphdl.core.errors import ModelFileError

try:
    import fcntl
except ImportError:  # Windows: the temporary files of killed processes stay
    fcntl = None  # type: ignore[assignment]

_BINARY = getattr(os, "O_BINARY", 0)


def as_path(path: Any) -> Path:
    """The user's path with `~` replaced and links followed; raises TypeError on what is none."""
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise TypeError(f"a path is a string or a pathlib.Path, got {path!r:.60}")
    return Path(os.path.realpath(os.path.expanduser(os.fspath(path))))


def check_writable(path: Path, overwrite: bool) -> None:
    """Raise the OSError that says why `path` cannot be (over)written, before any work is done."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot save to {path}: create the folder {path.parent} first")
    if path.is_dir():
        raise IsADirectoryError(
            f"cannot save to {path}: it is a folder; add a file name, such as "
            f"{path / 'model.safetensors'}"
        )
    if path.exists():
        if not overwrite:
            raise FileExistsError(f"{path} exists; pass overwrite=True or another name")
        if not path.is_file():
            raise OSError(f"cannot save to {path}: it is a device or a pipe, not a regular file")
        if not os.access(path, os.W_OK):
            raise PermissionError(f"{path} is write-protected; allow writing, or use another name")


def replace(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Put the chunks at `path`, whole or not at all; its mode is the old file's or the umask's.

    Raises OSError that names the file: no room, no permission, a limit. The old file is as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    _remove_orphans(path)
    try:
        with _created(temporary) as file:
            if path.exists():
                os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise _explained(error, path) from error
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def _created(temporary: Path) -> Iterator[BinaryIO]:
    """A new file, locked while its writer lives: that is how another knows an orphan."""
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _BINARY, 0o666)
    with open(descriptor, "wb") as file:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


def _remove_orphans(path: Path) -> None:
    """Remove the temporary files of writers that were killed."""
    prefix = f".{path.name}."
    with contextlib.suppress(OSError):
        for name in os.listdir(path.parent):
            middle = name.removeprefix(prefix).removesuffix(".tmp")
            if name == f"{prefix}{middle}.tmp" and len(middle) == 12:
                _remove_if_orphan(path.parent / name)


def _remove_if_orphan(temporary: Path) -> None:
    if fcntl is None:
        return
    with contextlib.suppress(OSError), open(temporary, "rb") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        temporary.unlink()


def _explained(error: OSError, path: Path) -> OSError:
    kept = "the old file is as it was" if path.exists() else "nothing was written"
    message = f"cannot save to {path}: {error.strerror or error}; {kept}. Free room or permissions"
    return type(error)(error.errno, message) if error.errno is not None else OSError(message)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def opened(path: Path) -> BinaryIO:
    """The regular file at `path`, open for reading; raises the OSError that names file and cure."""
    if path.is_dir():
        raise IsADirectoryError(f"cannot read {path}: it is a folder; name the file in it")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; check its name and folder")
    if not path.is_file():  # to open a pipe would wait for its writer
        raise ModelFileError(f"cannot read {path}: it is a device or a pipe, not a regular file")
    try:
        return open(path, "rb")
    except PermissionError as error:
        raise PermissionError(
            error.errno, f"you may not read {path}; ask its owner, or change its mode"
        ) from error
