"""Files are replaced whole, or not at all."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from graphdl.files import disk
from graphdl.files.safetensors import TensorFile, write

ROOT = Path(__file__).resolve().parents[2]


def content(path):
    with TensorFile(path) as file:
        return file.read(list(file.entries))


def one_file(folder):
    return [p.name for p in folder.iterdir()]


def test_a_limit_met_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "m"
    write(path, {"a": np.zeros(100)}, {})
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, old[1]))
    try:
        with pytest.raises(OSError, match="the old file is as it was") as error:
            write(path, {"a": np.ones(100_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert error.value.errno == errno.EFBIG and str(path) in str(error.value)
    assert not content(path)["a"].any() and one_file(tmp_path) == ["m"]


def test_a_failure_at_any_stage_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m"
    disk.replace(path, [b"old"])

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("fsync", "replace", "chmod", "open"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(OSError, match="No space left on device; the old file is as it was"):
                disk.replace(path, [b"new"])
        assert path.read_bytes() == b"old" and one_file(tmp_path) == ["m"], name


def test_an_interrupted_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "m"
    disk.replace(path, [b"old"])

    def chunks():
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        disk.replace(path, chunks())
    assert path.read_bytes() == b"old" and one_file(tmp_path) == ["m"]


SAVER = """
import sys, numpy as np
from pathlib import Path
from graphdl.files.safetensors import write
k = 0
while True:
    write(Path(sys.argv[1]), {"a": np.full(300_000, k)}, {})
    if k == 0:
        print("first", flush=True)
    k += 1
"""


def test_a_killed_writer_leaves_a_whole_file_and_its_rest_is_removed(tmp_path):
    path = tmp_path / "m"
    for wait in (0.0, 0.0113, 0.0237, 0.0391):
        child = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        child.stdout.readline()
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        array = content(path)["a"]
        assert (array == array[0]).all()
    orphan = tmp_path / ".m.0123456789ab.tmp"
    orphan.write_bytes(b"half")
    write(path, {"a": np.zeros(1)}, {})
    assert one_file(tmp_path) == ["m"]


def test_the_temporary_file_of_a_living_writer_stays(tmp_path):
    def chunks():
        others = [p for p in tmp_path.iterdir() if p.suffix == ".tmp"]
        disk.replace(tmp_path / "m", [b"inner"])
        assert all(p.exists() for p in others) and len(others) == 1
        yield b"outer"

    disk.replace(tmp_path / "m", chunks())
    assert (tmp_path / "m").read_bytes() == b"outer" and one_file(tmp_path) == ["m"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_mode_follows_the_umask_and_then_the_old_file(tmp_path, umask):
    path = tmp_path / "m"
    before = os.umask(umask)
    try:
        disk.replace(path, [b"1"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    disk.replace(path, [b"2"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "m", tmp_path / "there" / "real"
    link.symlink_to(target)
    disk.replace(disk.as_path(link), [b"1"])
    disk.replace(disk.as_path(link), [b"2"])
    assert link.is_symlink() and target.read_bytes() == b"2"


def refused(path, error, words, overwrite=True):
    with pytest.raises(error, match=words) as caught:
        disk.check_writable(disk.as_path(path), overwrite)
    assert str(path) in str(caught.value)


def test_places_that_cannot_be_written_are_refused_by_name(tmp_path, monkeypatch):
    refused(tmp_path, IsADirectoryError, "it is a folder; add a file name")
    refused(tmp_path / "no" / "m", FileNotFoundError, "create the folder")
    (tmp_path / "old").write_bytes(b"")
    refused(tmp_path / "old", FileExistsError, "overwrite=True", overwrite=False)
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", OSError, "not a regular file")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    refused(tmp_path / "old", PermissionError, "write-protected")


def test_places_that_cannot_be_read_are_refused_by_name(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    cases = [
        (tmp_path, IsADirectoryError, "it is a folder"),
        (tmp_path / "m", FileNotFoundError, "there is no file"),
        (tmp_path / "pipe", ValueError, "not a regular file"),
    ]
    for path, error, words in cases:
        with pytest.raises(error, match=words) as caught:
            disk.opened(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("path", [None, 3, "", b"m"[0]])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(TypeError, match="a path is a string"):
        disk.as_path(path)
