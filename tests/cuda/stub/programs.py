"""What is run on the stub driver, each in a process of its own: `python programs.py NAME`.

The runtime is the one for GPUs, but for the kernels' machine code: an image says what arguments they
take. With NUMBA_ENABLE_CUDASIM=1 the stub's launches are run by Numba's simulator on its memory, with
the arguments that the driver was given.
"""

import ctypes
import gc
import json
import os
import sys
import tempfile
import time

import numpy as np

import graphdl as gd
from codegen.cuda import blas, current, dependencies, driver, executable, taking
from codegen.cuda.clock import FIELDS
from codegen.cuda.image import Code
from codegen.cuda.interface import Origin
from codegen.cuda.kernels import SIMULATOR
from codegen.cuda.simulated import Simulated
from codegen.cuda.taking import to_device
from codegen.optimisations import without
from graphdl.core.away import place
from graphdl.training import chunks, prefetch, together

L = gd.layers
loaded = {}  # kernel's symbol → the kernel, and the function that the simulator runs
stub = ctypes.CDLL("libcuda.so.1")
stub.stub_left.restype, stub.stub_left.argtypes = ctypes.c_long, [ctypes.c_uint64]


def text_image(emitted, name, capability):
    """What stands for machine code: the arguments of each kernel."""
    functions = Simulated().load(emitted, name).functions
    lines = ["STUB"]
    symbols = {}
    for k in emitted.kernels:
        symbols[k.name] = f"{name}_{len(loaded)}_{k.name}"
        loaded[symbols[k.name]] = k, functions[k.name]
        sizes = [str(np.dtype(v.dtype).itemsize) for v in k.numbers]
        lines.append(" ".join([symbols[k.name], "p", *("p" for _ in k.buffers), *sizes]))
    image = ("\n".join(lines) + "\0").encode()
    return Code(image, symbols, Origin("no file", False, 0.0))


def array_at(address, dtype):
    """All memory from an address to the end of its allocation, as an array."""
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    dtype = np.dtype("uint8" if dtype == "bool" else dtype)
    size = stub.stub_left(address) // dtype.itemsize * dtype.itemsize
    memory = (ctypes.c_uint8 * size).from_address(address)
    return FakeCUDAArray(np.frombuffer(memory, dtype))


@ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint, ctypes.POINTER(ctypes.c_void_p)
)
def simulate(name, grid, block, values):
    from codegen.cuda.simulated import _simulating

    kernel, function = loaded[name.decode()]
    dtypes = ["int64", *(b.dtype for b in kernel.buffers)]
    given = [
        array_at(ctypes.c_uint64.from_address(values[k]).value, d) for k, d in enumerate(dtypes)
    ]
    for k, v in enumerate(kernel.numbers, len(dtypes)):
        size = np.dtype(v.dtype).itemsize
        given.append(np.frombuffer(ctypes.string_at(values[k], size), v.dtype)[0])
    with _simulating():
        function[grid, block](*given)


def install():
    driver.Driver.shape = SIMULATOR
    driver.machine_code = text_image
    executable.current_device = taking.current_device = gpu
    if os.environ.get("STUB_RUNS") == "1":
        stub.stub_on_launch(simulate)


def gpu():
    if not hasattr(gpu, "device"):
        gpu.device = driver.Driver()
    return gpu.device


# ------------------------------------------------------------------ what is run


def data(rows=14):
    draw = np.random.default_rng(0)
    x = draw.standard_normal((rows, 6), dtype=np.float32)
    return x, (x[:, :1] * x[:, 1:2] > 0).astype(np.float32)


def network(target):
    gd.set_seed(3)
    hidden = L.Dense(8, activation="relu")
    model = gd.Sequential([L.Input((6,)), hidden, L.Dropout(0.25), L.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", ["accuracy"], target=target)
    return model


def by_launches():
    executable.fits = lambda program: False


def train(target="cuda", rows=14, epochs=2):
    x, y = data(rows)
    model = network(target)
    history = model.fit(x, y, epochs=epochs, batch_size=4, verbose=0).history
    state = [*model.get_weights(), *(v.value for v in model.optimizer.variables)]
    return [*state, *map(np.array, history.values()), model.predict(x)]


def training_is_that_of_the_cpu():
    by_launches()
    ours, theirs = train(), train("python")
    return {"apart": max(float(np.max(np.abs(a - b))) for a, b in zip(ours, theirs, strict=True))}


def a_function():
    x, n = gd.tensor("x", ("n", 3)), gd.tensor("k", (), "int64")
    w = gd.Variable(np.arange(3, dtype=np.float32))
    f = gd.function([x, n], gd.softmax(x * w, 0) + gd.cast(n, "float32"), target="cuda")
    made = f(np.ones((2, 3), np.float32), 5)
    f(np.ones((2, 3), np.float32), 6)
    again = f(np.ones((2, 3), np.float32), 7)
    numbers = [[str(v.dtype) for v in k.numbers] for k in f._executable.emitted.kernels]
    return {"made": made.tolist(), "again": again.tolist(), "numbers": numbers,
            "calls": len(f._executable.emitted.calls)}  # fmt: skip


def many_steps():
    """One pass of 300 steps; how many launches a step has."""
    by_launches()
    x, y = data(300)
    model = network("cuda")
    session = model._session("train", model._data("fit", x, y), 1)
    session.run(0, 300, 0, 0)
    runner = session.runner.compiled.executable
    return {"launches": len(runner.emitted.calls)}


def epochs():
    by_launches()
    x, y = data()
    model = network("cuda")
    with without("epochs"):
        model.fit(x, y, epochs=5, batch_size=4, verbose=0)
    return {"x": x.nbytes, "kernel": model.get_weights()[0].nbytes, "order": 8 * len(x)}


def epochs_together():
    """One epoch, then three that the host does not wait for."""
    by_launches()
    together.Together.fitting = lambda self, left: 1 if left == 4 else left
    x, y = data()
    network("cuda").fit(x, y, epochs=4, batch_size=4, verbose=0)
    return {"order": 8 * len(x), "clock": 8 * len(FIELDS)}


def all_is_given_back():
    by_launches()
    train()
    x = gd.tensor("x", ("n",))
    f = gd.function([x], x + 1, target="cuda")
    f(np.ones(3, np.float32)), f(np.ones(4, np.float32))
    del f, x
    gc.collect()
    return {}


def weights_come_back():
    """Without kernels that run, what comes back is what was sent."""
    model = network("cuda")
    before = model.get_weights()
    session = model._session("train", model._data("fit", *data()), 4)
    session.run(0, 2, 0, 0)
    kind = lambda: [type(w).__name__ for w in model.trainable_weights]  # noqa: E731
    away = kind()
    for w in model.trainable_weights:  # what lies on the host is not looked at
        place(w)[...] = -1
    same = all(map(np.array_equal, before, model.get_weights()))
    return {"away": away, "same": same, "home": kind()}


def forked():
    gpu()
    ends = os.pipe()
    if os.fork() == 0:
        os.write(ends[1], said_by(lambda: gpu().memory()).encode())
        os._exit(0)
    os.wait()
    return {"said": os.read(ends[0], 1000).decode()}


def large_copies():
    """More than what is pinned, both ways."""
    device = gpu()
    sent = np.random.default_rng(0).integers(0, 255, (3 << 22) + 5, np.uint8)
    address, got = device.allocate(sent.nbytes, "a test"), np.empty_like(sent)
    device.upload(address, sent)
    device.download(address, got)
    device.free(address)
    return {"same": bool((sent == got).all())}


def arrays():
    """An array that goes to the device and comes back, by each way that libraries have."""
    gpu()
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    made = to_device(values)
    taken = [to_device(made), to_device(Interface(made)), to_device(Packs(made))]
    own = made.__cuda_array_interface__
    again = [np.array_equal(t.numpy(), values) for t in taken]
    there = [t.address == made.address for t in taken]
    return {"same": again, "there": there, "stream": own["stream"]}


def data_there():
    """A model meets data on the device; where that lies, and what the log holds before."""
    by_launches()
    x, y = map(gd.to_device, data(300))
    model = network("cuda")
    model.fit(x, y, epochs=2, batch_size=128, verbose=0, validation_split=0.1)
    model.evaluate(x, y, verbose=0)
    made = model.predict(x)
    return {"x": x.nbytes, "at": x.address, "end": x.address + x.nbytes, "made": made.address}


def chunks_of_a_map():
    """An epoch over a file in three chunks, the next one being ready when a run is under way."""
    by_launches()
    chunks.CHUNK_BYTES = 12 * 4 * (6 + 1)  # of x and y: 12 rows, three batches
    own = prefetch.Prefetch.ahead

    def patient(self):
        while not (found := own(self)) and self._thread.is_alive():
            time.sleep(0.001)
        return found

    prefetch.Prefetch.ahead = patient
    x, y = data(36)
    with tempfile.TemporaryDirectory() as folder:
        mapped = np.memmap(f"{folder}/x", np.float32, "w+", shape=x.shape)
        mapped[...] = x
        network("cuda").fit(mapped, y, batch_size=4, verbose=0)
    return {}


def outputs():
    """A function whose outputs stay on the device, again and again; free bytes before and after."""
    x = gd.tensor("x", ("n",))
    f, given = gd.function([x], x + 1, target="cuda"), gd.to_device(np.ones(1000, np.float32))
    f(given)
    before = gpu().memory()[0]
    for _ in range(5):
        f(given)
    return {"before": before, "after": gpu().memory()[0], "bytes": given.nbytes}


def handed_out():
    """Two arrays end: one that another library had, by its interface or a part of it by DLPack."""
    gpu()
    one, two = (gd.to_device(np.ones(n, np.float32)) for n in (10, 20))
    if os.environ["STUB_WAY"] == "interface":
        assert one.__cuda_array_interface__
    else:
        capsule = one[2:5].__dlpack__(stream=7)
        del capsule
    del one
    gpu().memory()
    del two
    gpu().memory()
    return {}


def trimmed():
    """Memory lies unused in the pool when the driver has none for an allocation."""
    gpu()
    made = gd.to_device(np.ones(1000, np.float32))
    del made
    stub.stub_fail(b"cuMemAlloc:1:2")
    gpu().allocate(4000, "a test")
    return {}


class Interface:
    """An array of another library that has the one way …"""

    def __init__(self, array):
        self.__cuda_array_interface__ = array.__cuda_array_interface__ | {"stream": 1}
        self.array = array


class Packs:
    """… and of one that has the other."""

    def __init__(self, array):
        self.__dlpack__, self.__dlpack_device__ = array.__dlpack__, array.__dlpack_device__


def profile():
    by_launches()
    x, y = data()
    model = network("cuda")
    session = model._session("train", model._data("fit", x, y), 4)
    made = session.compiled.executable.profile(session.binding, session.numbers(0, 1, 0, 0))
    return {
        "made": made,
        "calls": [c.kernel.name for c in session.compiled.executable.emitted.calls],
    }


def graphs():
    """Graphs of one step, of two, and of one whose launches all wait for one another."""
    by_launches()
    model = network("cuda")
    session = model._session("train", model._data("fit", *data()), 4)
    session.run(0, 1, 0, 0)
    (replay,) = session.binding.replays.values()
    step = [p.touched for p in replay.step]
    gpu().capture(replay.step, 2)
    made = {"one": dependencies.waits(step), "two": dependencies.waits(step * 2)}
    with without("branches"):
        gpu().capture(replay.step, 1)
        return made | {"in_a_row": dependencies.waits(step)}


def an_error():
    """What is said, and whether the weights are what they were."""
    model = network("cuda")
    before = model.get_weights()
    said = said_by(lambda: model.fit(*data(), epochs=1, batch_size=4, verbose=0))
    return {"said": said, "same": all(map(np.array_equal, before, model.get_weights()))}


def said_by(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def refusals():
    """The same for each of the calls of the driver that are to fail, on a GPU that is new each time."""
    by_launches()
    made = {}
    for fail in json.loads(os.environ["STUB_FAILS"]):
        vars(gpu).clear()
        stub.stub_fail(fail.encode())
        made[fail] = an_error()
    return made


def an_error_in_the_second_step():
    """What is said, and how far the weights are from those after one step on the CPU."""
    by_launches()
    stub.stub_fail(b"cuGraphLaunch:2:999")
    x, y = data()
    ours, theirs = (network(target) for target in ("cuda", "python"))
    said = said_by(lambda: ours.fit(x, y, epochs=1, batch_size=4, verbose=0, shuffle=False))
    theirs.train_on_batch(x[:4], y[:4])
    pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
    return {"said": said, "steps": int(ours.optimizer.iterations.numpy()),
            "apart": max(float(np.max(np.abs(a - b))) for a, b in pairs)}  # fmt: skip


def to_library():
    """Four rows, columns and terms are enough for it."""
    by_launches()
    blas.LEAST.update(dict.fromkeys(blas.LEAST, blas.Least(4, 0)))


def products():
    """A product of each kind: what it gave, against NumPy, on memory that begins anywhere."""
    to_library()
    draw, apart = np.random.default_rng(0), []
    for dtype, precision in ("float32", "tf32"), ("float32", "bf16"), ("float64", "tf32"):
        for ta, tb in (0, 0), (0, 1), (1, 0), (1, 1):
            x, y = (draw.standard_normal(s).astype(dtype) for s in ((7, 5)[:: 1 - 2 * ta],
                                                                    (5, 6)[:: 1 - 2 * tb]))  # fmt: skip
            a, b = gd.tensor("a", x.shape, dtype), gd.tensor("b", y.shape, dtype)
            made = (gd.transpose(a) if ta else a) @ (gd.transpose(b) if tb else b)
            f = gd.function([a, b], made, target="cuda", matmul_precision=precision)
            true = (x.T if ta else x) @ (y.T if tb else y)
            apart.append(float(np.max(np.abs(f(x, y) - true))))
    return {"apart": max(apart)}


def training_with_a_library():
    to_library()
    ours, theirs = train(), train("python")
    return {"apart": max(float(np.max(np.abs(a - b))) for a, b in zip(ours, theirs, strict=True))}


def a_run_with_a_library():
    """Six batches and a ragged one; which calls of a step are products of the library."""
    to_library()
    model = network("cuda")
    session = model._session("train", model._data("fit", *data(40)), 6)
    session.run(0, 7, 0, 0)
    made = session.compiled.executable
    sizes = {v.name: 4 for v in made.program.sizes} | {"total": 40}
    return {"products": [made.large.of(c, sizes) is not None for c in made.emitted.calls]}


def a_library_is_given_back():
    to_library()
    train()
    current.blas.cache_clear()
    gc.collect()
    return {"left": sum(type(o).__name__ == "Multiplication" for o in gc.get_objects())}


def a_library_and_too_little_memory():
    to_library()
    return an_error()


def refusals_of_a_library():
    to_library()
    return refusals()


def no_library():
    """What is said where nvmath-python is missing; float32 goes without."""
    sys.modules["nvmath"] = None
    device_of_this_process = sys.modules["codegen.cuda.device"]
    device_of_this_process.simulated = lambda: False
    device_of_this_process._require_toolkit = lambda: None
    to_library()
    x = gd.tensor("x", (4, 4))
    said = said_by(lambda: gd.function([x], x @ x, target="cuda", matmul_precision="tf32"))
    f = gd.function([x], x @ x, target="cuda")
    return {"said": said, "made": f(np.eye(4, dtype=np.float32)).tolist()}


if __name__ == "__main__":
    install()
    found = globals()[sys.argv[1]]()
    current.mirrors.cache_clear()
    print(json.dumps(found))
