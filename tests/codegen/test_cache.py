"""The cache of generated programs: right results from any state of its directory."""

import hashlib
import inspect
import json
import os
import pickle
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from codegen import artefacts, cache, private_files

ROOT = Path(__file__).parents[2]

SOURCE = '''\
"""A program for the tests: z = α·x², summed — in UTF-8."""

import numpy as np
from numba import njit

jit = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True)
entry = njit(error_model="numpy", nogil=True)


@jit
def scaled_square(value, scale):
    return scale * value * value


@entry
def run(x, scale):
    total = 0.0
    for i in range(x.shape[0]):
        total += scaled_square(x[i], scale)
    return total


@entry
def fill(x, value):
    if value < 0:
        raise ValueError("negative")
    for i in range(x.shape[0]):
        x[i] = value


ENTRY = {"run": "float64(float64[::1], float64)", "fill": "void(float64[::1], float64)"}
'''
EXPECTED = 2.0 * (0 + 1 + 4 + 9)

# A process of its own: loads the program, runs it, counts what Numba compiled.
CHILD = """\
import json, sys, warnings
warnings.simplefilter("error")
source = sys.stdin.read()
from codegen import cache
assert "numba" not in sys.modules and "llvmlite" not in sys.modules
import numpy as np
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    module = cache.load(source)
    result = module.run(np.arange(4.0), 2.0)
print(json.dumps({"result": result, "compilations": len(recorder.buffer), **module.__graphdl__}))
"""

needs_owners = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no file owners here")
needs_root = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can give files away"
)
not_for_root = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() == 0, reason="root can write anywhere"
)


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """A cache directory of the test's own, and no module remembered from another test."""
    path = tmp_path / "cache"
    monkeypatch.setenv("GRAPHDL_CACHE_DIR", str(path))
    monkeypatch.setattr(cache, "_loaded", {})
    monkeypatch.setattr(cache, "_stand_ins", {})
    before = set(sys.modules)
    yield path
    if path.exists():
        path.chmod(0o700)  # or pytest could not clear it away
    for name in set(sys.modules) - before:
        if name.startswith("program_"):
            del sys.modules[name]


@pytest.fixture(scope="module")
def compiled_files(tmp_path_factory):
    """The files of the compiled program, name to content, to start a test's directory from."""
    path = tmp_path_factory.mktemp("compiled") / "cache"
    start_child(path, SOURCE).wait_for_result()
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.fixture
def filled(directory, compiled_files):
    """The test's cache directory, with the compiled program in it."""
    private_files.make_private(directory)
    for name, content in compiled_files.items():
        private_files.write(directory / name, content)
    return directory


class Child:
    def __init__(self, environment, source):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self.process.stdin.write(source.encode())
        self.process.stdin.close()
        self.process.stdin = None

    def wait_for_result(self):
        output, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors.decode()
        return json.loads(output)


def start_child(directory, source, **environment):
    base = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return Child({**base, "GRAPHDL_CACHE_DIR": str(directory), **environment}, source)


def check(module):
    values = np.arange(4.0)
    assert module.run(values, 2.0) == EXPECTED
    module.fill(values, 7.0)
    assert values.tolist() == [7.0] * 4


def sound(directory):
    """Whether each artefact in the directory has the digest that its manifest names."""
    artefact_files = sorted(directory.glob("*.nbc"))
    return len(artefact_files) == 2 and all(
        file.with_suffix(".sha256").read_text()
        == f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in artefact_files
    )


# -- loading ----------------------------------------------------------------------------------


def test_cold_load_compiles_and_keeps(directory):
    module = cache.load(SOURCE)
    check(module)
    origin = module.__graphdl__
    assert not origin["cached"] and origin["compile_seconds"] > 0
    assert Path(origin["path"]).parent == directory
    assert Path(origin["path"]).read_bytes() == SOURCE.encode()
    assert Path(origin["path"]).stem == module.__name__
    assert sys.modules[module.__name__] is module
    assert sound(directory)
    assert cache.load(SOURCE) is module


def test_warm_load_comes_from_disk(filled):
    module = cache.load(SOURCE)
    check(module)
    assert module.__graphdl__["cached"] and module.__graphdl__["compile_seconds"] == 0.0
    with pytest.raises(ValueError, match="negative"):
        module.fill(np.zeros(1), -1.0)


def test_second_process_compiles_nothing(filled, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    result = start_child(filled, SOURCE, NUMBA_CACHE_DIR=str(elsewhere)).wait_for_result()
    assert result["cached"] and result["compilations"] == 0 and result["result"] == EXPECTED
    assert not elsewhere.exists()


def test_missing_symbols_load_all_of_numba():
    """An unknown symbol would end the process, so everything that Numba has is loaded first."""
    from numba.core.registry import cpu_target

    context = Mock(wraps=cpu_target.target_context)
    artefacts._prepare(context, ["NRT_Free", "memcpy", "PyExc_TypeError"])
    context.refresh.assert_not_called()
    artefacts._prepare(context, ["NRT_Free", "a_symbol_that_nobody_defines"])
    context.refresh.assert_called_once()


def test_loaded_code_lives_with_code_compiled_later(filled):
    from numba import njit

    module = cache.load(SOURCE)
    doubled = njit(lambda x: np.sort(x * 2))
    assert doubled(np.array([3.0, 1.0])).tolist() == [2.0, 6.0]
    check(module)


def test_hash_covers_source_and_settings(directory, monkeypatch):
    from numba import config

    names = {cache.load(SOURCE, jit=False).__name__, cache.load(SOURCE + "\n", jit=False).__name__}
    monkeypatch.setattr(config, "BOUNDSCHECK", 1)
    names.add(cache.load(SOURCE, jit=False).__name__)
    assert len(names) == 3


def test_name_is_a_plain_word(directory):
    assert cache.load(SOURCE, "training_step", jit=False).__name__.startswith("training_step_")
    for name in ("../escape", "a b", "", "A", "a\n"):
        with pytest.raises(ValueError, match="lower-case"):
            cache.load(SOURCE, name)


def test_other_types_do_not_compile(filled):
    module = cache.load(SOURCE)
    with pytest.raises(TypeError, match="No matching definition"):
        module.run(np.arange(4, dtype=np.float32), 2.0)
    assert len(module.run.signatures) == 1


def test_failed_program_leaves_no_module(directory):
    wrong = SOURCE.replace("scaled_square(x[i], scale)", "scaled_square(x, missing)")
    with pytest.raises(Exception, match="missing"):
        cache.load(wrong)
    assert not [name for name in sys.modules if name.startswith("program_")]


def test_uncacheable_code_is_announced_and_runs(directory):
    address = "ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: x + 1)"
    source = (
        f"import ctypes\nfrom numba import njit\nsuccessor = {address}\n\n\n"
        "@njit\ndef run(x):\n    return successor(x)\n\n\n"
        'ENTRY = {"run": "float64(float64)"}\n'
    )
    with pytest.warns(RuntimeWarning, match="address of this process"):
        module = cache.load(source)
    assert module.run(1.0) == 2.0
    assert not list(directory.glob("*.nbc"))


# -- without the compiler ---------------------------------------------------------------------


def test_unjitted_gives_the_same(filled):
    jitted, plain = cache.load(SOURCE), cache.load(SOURCE, jit=False)
    assert plain is not jitted and plain is cache.load(SOURCE, jit=False)
    assert inspect.isfunction(plain.run) and inspect.isfunction(plain.scaled_square)
    assert plain.run.__globals__["scaled_square"] is plain.scaled_square
    check(plain)
    assert plain.__graphdl__ == {**jitted.__graphdl__, "cached": False}
    assert pickle.loads(pickle.dumps(plain.run)) is plain.run


def test_numba_switched_off(directory, monkeypatch):
    from numba import config

    monkeypatch.setattr(config, "DISABLE_JIT", True)
    module = cache.load(SOURCE)
    check(module)
    assert inspect.isfunction(module.run) and not module.__graphdl__["cached"]


def test_program_is_debuggable(directory):
    module = cache.load(SOURCE, jit=False)
    assert "total += scaled_square" in inspect.getsource(module.run)
    with pytest.raises(TypeError) as raised:
        module.run(np.arange(4.0), None)
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert last.filename == module.__graphdl__["path"]
    assert last.line == "return scale * value * value"


def test_file_runs_by_itself(directory):
    path = cache.load(SOURCE, jit=False).__graphdl__["path"]
    assert subprocess.run([sys.executable, path], capture_output=True).returncode == 0


# -- damage -----------------------------------------------------------------------------------


class Canary:
    """A pickle that leaves a file behind when somebody opens it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def poison(file, tmp_path):
    file.write_bytes(pickle.dumps(Canary(tmp_path / "canary")))


def truncate(file, tmp_path):
    file.write_bytes(file.read_bytes()[:-100])


def empty(file, tmp_path):
    file.write_bytes(b"")


def flip_bit(file, tmp_path):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def remove(file, tmp_path):
    file.unlink()


def replace_by_link(file, tmp_path):
    target = tmp_path / file.name
    file.rename(target)
    file.symlink_to(target)


def let_others_write(file, tmp_path):
    file.chmod(0o666)


def take_other_entry(file, tmp_path):
    other = file.with_name(file.name.replace(".run.", ".fill."))
    file.write_bytes(other.read_bytes())
    file.with_suffix(".sha256").write_bytes(other.with_suffix(".sha256").read_bytes())


def unpicklable_with_digest(file, tmp_path):
    file.write_bytes(b"no pickle")
    digest = hashlib.sha256(b"no pickle").hexdigest()
    file.with_suffix(".sha256").write_text(f"{digest}  {file.name}\n")


DAMAGES = [poison, truncate, empty, flip_bit, remove, take_other_entry, unpicklable_with_digest]
if hasattr(os, "geteuid"):
    DAMAGES += [replace_by_link, let_others_write]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_artefact_is_compiled_anew(filled, tmp_path, damage):
    (file,) = filled.glob("*.run.nbc")
    damage(file, tmp_path)
    module = cache.load(SOURCE)
    check(module)
    assert not module.__graphdl__["cached"]
    assert not (tmp_path / "canary").exists()
    assert sound(filled)


def test_canary_sings(tmp_path):
    pickle.loads(pickle.dumps(Canary(tmp_path / "canary")))
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("content", [None, b"", b"\x80garbage", b"0" * 64 + b"  other.nbc\n"])
def test_damaged_manifest(filled, content):
    (file,) = filled.glob("*.run.sha256")
    file.unlink() if content is None else file.write_bytes(content)
    module = cache.load(SOURCE)
    check(module)
    assert not module.__graphdl__["cached"] and sound(filled)


@needs_root
def test_foreign_artefact_is_compiled_anew(filled):
    (file,) = filled.glob("*.run.nbc")
    os.chown(file, 12345, -1)
    module = cache.load(SOURCE)
    check(module)
    assert not module.__graphdl__["cached"] and sound(filled)
    assert file.stat().st_uid == 0


def test_numba_files_beside_it_are_left_alone(filled, tmp_path):
    for stem in ("run-18.py311", "program_0.run"):
        for suffix in (".nbi", ".1.nbc"):
            poison(filled / f"{stem}{suffix}", tmp_path)
    assert cache.load(SOURCE).__graphdl__["cached"]
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("content", [b"raise SystemExit", b"", b"\xff\x00"])
def test_damaged_source_is_healed_and_never_run(filled, content):
    (path,) = filled.glob("*.py")
    path.write_bytes(content)
    module = cache.load(SOURCE)
    check(module)
    assert module.__graphdl__["cached"]
    assert path.read_bytes() == SOURCE.encode()


def test_full_disk(filled, tmp_path, monkeypatch):
    def fail(path, data):
        raise OSError(28, "No space left on device")

    for file in filled.glob("*.nbc"):
        poison(file, tmp_path)
    monkeypatch.setattr(artefacts, "write", fail)
    with pytest.warns(RuntimeWarning, match="No space left"):
        module = cache.load(SOURCE)
    check(module)
    assert not list(filled.glob("*.nbc")) and not list(filled.glob("*.sha256"))


# -- the directory ----------------------------------------------------------------------------


def load_elsewhere(match):
    """Load with a cache directory that must be refused, with one warning in all."""
    with pytest.warns(RuntimeWarning, match=match) as caught:
        plain = cache.load(SOURCE, jit=False)
        module = cache.load(SOURCE)
    assert len(caught) == 1 and "GRAPHDL_CACHE_DIR" in str(caught[0].message)
    check(module)
    check(plain)
    return Path(module.__graphdl__["path"]).parent


@needs_owners
def test_modes(directory):
    cache.load(SOURCE)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert len(list(directory.iterdir())) == 6
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o600}


@needs_owners
@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_directory_that_others_can_write(filled, tmp_path, mode):
    for file in filled.glob("*.nbc"):
        poison(file, tmp_path)
    filled.chmod(mode)
    used = load_elsewhere(f"chmod 700 '{filled}'")
    assert used != filled and used.stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "canary").exists()


@needs_root
def test_directory_of_another_user(filled):
    os.chown(filled, 12345, -1)
    assert load_elsewhere("belongs to user 12345") != filled


@needs_root
def test_another_users_link(filled, tmp_path, monkeypatch):
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    os.chown(link, 12345, -1, follow_symlinks=False)
    monkeypatch.setenv("GRAPHDL_CACHE_DIR", str(link / "cache"))
    assert load_elsewhere("symbolic link that belongs to user 12345").parent != link


@needs_owners
def test_own_link_is_followed(filled, tmp_path, monkeypatch):
    link = tmp_path / "link"
    link.symlink_to(filled)
    monkeypatch.setenv("GRAPHDL_CACHE_DIR", str(link))
    assert cache.load(SOURCE).__graphdl__["cached"]


def test_directory_that_cannot_be_made(tmp_path, directory, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRAPHDL_CACHE_DIR", str(tmp_path / "file" / "cache"))
    load_elsewhere("cannot be used")


@not_for_root
def test_read_only_directory(directory):
    directory.mkdir(0o500)
    load_elsewhere("Permission denied")


@not_for_root
def test_read_only_directory_with_everything_in_it(filled):
    filled.chmod(0o500)
    assert cache.load(SOURCE).__graphdl__["cached"]


def test_no_home(directory, monkeypatch):
    for variable in ("GRAPHDL_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(FileNotFoundError, match="no home"):
        cache.cache_directory()
    load_elsewhere("no home directory")


def test_cache_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHDL_CACHE_DIR", "chosen")
    assert cache.cache_directory() == Path.cwd() / "chosen"
    monkeypatch.setenv("GRAPHDL_CACHE_DIR", "")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", str(tmp_path)))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_directory() == tmp_path / "xdg" / "graphdl"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.cache_directory() == tmp_path / ".cache" / "graphdl"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.cache_directory() == tmp_path / "Library" / "Caches" / "graphdl"


def test_temporary_directory_ends_with_its_process(tmp_path):
    (tmp_path / "file").write_text("")
    code = (
        "import sys; from codegen import cache; "
        "print(cache.load(sys.stdin.read(), jit=False).__graphdl__['path'])"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "GRAPHDL_CACHE_DIR": str(tmp_path / "file" / "cache"),
    }
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input=SOURCE.encode(),
        env=environment,
        capture_output=True,
        check=True,
    )
    assert not Path(child.stdout.decode().strip()).parent.exists()


# -- several processes ------------------------------------------------------------------------


def test_six_processes_at_once(tmp_path):
    children = [start_child(tmp_path / "cache", SOURCE) for _ in range(6)]
    results = [child.wait_for_result() for child in children]
    assert [result["result"] for result in results] == [EXPECTED] * 6
    assert sound(tmp_path / "cache")
    if private_files.fcntl:  # the first to come compiles, the others wait for it
        assert sorted(result["cached"] for result in results) == [False] + [True] * 5


def test_lock_ends_with_its_block_and_its_owner(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    code = (
        "import os, pathlib, sys; from codegen import private_files\n"
        "with private_files.locked(pathlib.Path(sys.argv[1])): os._exit(7)"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "lock")]
    assert subprocess.run(arguments, env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode == 7
    descriptor = os.open(tmp_path / "lock", os.O_RDWR)
    with private_files.locked(tmp_path / "lock"), pytest.raises(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_children(directory):
    """Children that compile after a fork, and a parent that loads what they kept."""
    sources = [SOURCE + f"# {number}\n" for number in range(2)]
    cache.load(SOURCE)
    for source in sources:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads
            child = os.fork()
        if not child:
            right = cache.load(source).run(np.arange(4.0), 2.0) == EXPECTED
            os._exit(0 if right else 1)
        assert os.waitpid(child, 0)[1] == 0
    modules = [cache.load(source) for source in sources]
    assert [module.__graphdl__["cached"] for module in modules] == [True, True]
    for module in modules:
        check(module)
    # Both children inherited Numba's counter of functions; their symbols must differ all the same.
    (first,), (second,) = (module.run.overloads.values() for module in modules)
    assert first.fndesc.uid != second.fndesc.uid
