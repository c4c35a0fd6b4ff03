"""Directories and files that nobody but their owner can write.

Compiled code is loaded and run without further questions, so whoever can write the place it
lies in can run code as its reader. Hence a directory is looked at before it is used, a file
before it is read, a file is replaced whole, and one writer at a time holds the lock. Another
process of the same user is trusted. Windows keeps a user's profile private by access lists,
which modes and owners do not show: there the checks of both are skipped.
"""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: whole-file replacement alone keeps the processes apart
    fcntl = None

_HAS_OWNERS = hasattr(os, "geteuid")
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
# A link would lead out of the checked directory, and opening a pipe would wait for its writer.
_OPEN_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def make_private(directory: Path) -> None:
    """Create the absolute `directory` with mode 0700 where it is missing, and check it.

    Raises
    ------
    OSError
        It cannot be created, or belongs to another user, or others can write it, or the path
        to it leads through another user's symbolic link. The message says what to do.
    """
    if _HAS_OWNERS:
        _refuse_foreign_links(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _HAS_OWNERS:
        _refuse_shared(directory)


def _refuse_foreign_links(directory: Path) -> None:
    for part in (directory, *directory.parents):
        with contextlib.suppress(FileNotFoundError):
            status = part.lstat()
            if stat.S_ISLNK(status.st_mode) and status.st_uid not in (0, os.geteuid()):
                raise PermissionError(
                    f"{part} is a symbolic link that belongs to user {status.st_uid}; remove it"
                )


def _refuse_shared(directory: Path) -> None:
    status = directory.stat()
    if status.st_uid != os.geteuid():
        raise PermissionError(
            f"it belongs to user {status.st_uid}, not to you (user {os.geteuid()}); remove it"
        )
    if status.st_mode & _OTHERS_MAY_WRITE:
        raise PermissionError(
            f"other users can write it (mode {stat.S_IMODE(status.st_mode):04o}); "
            f"empty it and run: chmod 700 '{directory}'"
        )


def read(path: Path) -> bytes | None:
    """Return the bytes of a regular file that its owner, this user, alone can write.

    None stands for every other case: missing, unreadable, a link, another owner or mode.
    """
    try:
        with open(path, "rb", opener=_open_without_following) as file:
            return file.read() if _is_ours(os.fstat(file.fileno())) else None
    except OSError:
        return None


def _open_without_following(path: str, flags: int) -> int:
    return os.open(path, flags | _OPEN_FLAGS)


def _is_ours(status: os.stat_result) -> bool:
    if not stat.S_ISREG(status.st_mode):
        return False
    if not _HAS_OWNERS:
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE


def write(path: Path, data: bytes) -> None:
    """Put `data` at `path` with mode 0600: a reader sees the old file or the new one, whole.

    The data is not forced to the disk: after a power cut a file may be damaged, which its
    reader has to notice anyway.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        discard(Path(temporary))
        raise


def discard(path: Path) -> None:
    """Remove the file at `path`, if it is there and can be removed."""
    with contextlib.suppress(OSError):
        path.unlink()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out of the block, as far as the platform and the directory allow.

    The lock is the kernel's, on the file `path`: it ends with its owner, however that ends.
    The file stays, since removing it would let two processes lock two files of one name.
    """
    descriptor = _open_lock(path)
    try:
        yield
    finally:
        if fcntl and descriptor is not None:
            # Closing alone would leave the lock to a child process that inherited the file.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _open_lock(path: Path) -> int | None:
    """Open and lock `path`; None on a platform, directory or file system without locks."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _OPEN_FLAGS, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, OSError):
            return None
        raise
    return descriptor
