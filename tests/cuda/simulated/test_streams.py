"""Data that comes in chunks: the next one goes to the device while this one is computed on."""

import gc
import time

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import executable
from codegen.cuda.current import current_device
from codegen.cuda.mirrors import Mirror
from codegen.optimisations import without
from graphdl.training import chunks, prefetch

L = gd.layers
ROWS, COLUMNS, BATCH = 22, 5, 4
ROW_BYTES = 4 * (COLUMNS + 1) + 8  # x and y, and its place in the order


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Two batches a chunk, and a network that is run by launches."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 2 * BATCH * 4 * (COLUMNS + 1))
    monkeypatch.setattr(executable, "fits", lambda program: False)


@pytest.fixture(params=["ready", "as it comes", "in turn"])
def pace(request, monkeypatch):
    """Is the next chunk there when a run is under way? In turn: it never is."""
    own = prefetch.Prefetch.ahead

    def patient(self):
        while not (found := own(self)) and self._thread.is_alive():
            time.sleep(0.001)
        return found

    if request.param == "ready":
        monkeypatch.setattr(prefetch.Prefetch, "ahead", patient)
    with without(*["prefetch"] * (request.param == "in turn")):
        yield request.param


@pytest.fixture
def copied(monkeypatch):
    """Bytes of chunks that go to the device from here on: as it is asked, and aside."""
    device, found, places = current_device(), {"upload": 0, "upload_aside": 0}, []
    allocate = chunks.Chunk.allocate

    def allocated(chunk, like, rows):
        allocate(chunk, like, rows)
        arrays = (*chunk.data.arrays, chunk.order)
        places.extend(range(a.ctypes.data, a.ctypes.data + a.nbytes) for a in arrays)

    def noting(way, copy):
        def noted(address, array):
            found[way] += array.nbytes * any(array.ctypes.data in place for place in places)
            return copy(address, array)

        return noted

    monkeypatch.setattr(chunks.Chunk, "allocate", allocated)
    for way in found:
        monkeypatch.setattr(device, way, noting(way, getattr(device, way)))
    return found


def data():
    x = np.random.default_rng(0).standard_normal((ROWS, COLUMNS), dtype=np.float32)
    return x, (x[:, :1] > 0).astype(np.float32)


@pytest.fixture
def given(tmp_path):
    """x and y as a file has them, and as an iterable gives them."""
    x, y = data()
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=x.shape)
    mapped[...] = x
    batches = [(x[k : k + BATCH], y[k : k + BATCH]) for k in range(0, ROWS, BATCH)]
    return {"map": (mapped, y), "iterable": (batches, None), "memory": (x, y)}


def trained(given, **settings):
    """What two epochs make, and what is predicted then."""
    gd.set_seed(1)
    model = gd.Sequential([L.Input((COLUMNS,)), L.Dense(4, "tanh"), L.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", ["accuracy"], target="cuda")
    x, y = given
    sizes = {} if y is None else {"batch_size": BATCH}
    history = model.fit(x, y, epochs=2, verbose=0, **sizes, **settings).history
    rows = x if y is not None else (part for part, _ in x)
    return [*model.get_weights(), *map(np.array, history.values()), model.predict(rows, **sizes)]


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_file_gives_the_bits_of_data_in_memory(given, pace, shuffle):
    same(trained(given["map"], shuffle=shuffle), trained(given["memory"], shuffle=shuffle))


def test_an_iterable_gives_the_bits_of_data_in_memory(given, pace):
    same(trained(given["iterable"]), trained(given["memory"], shuffle=False))


def test_batches_of_other_sizes_take_other_memory(pace):
    x, y = data()
    batches = [(x[a:b], y[a:b]) for a, b in ((0, 3), (3, 4), (4, 16), (16, 18), (18, 22))]
    ours = trained((batches, None))
    with without("prefetch", "chunks"):
        same(ours, trained((batches, None)))


@pytest.mark.parametrize("kind", ["map", "iterable"])
def test_what_is_new_is_copied_once(given, pace, copied, kind):
    model = gd.Sequential([L.Input((COLUMNS,)), L.Dense(3), L.Dense(1)])
    model.compile("sgd", "mse", target="cuda")
    x, y = given[kind]
    model.fit(x, y, verbose=0, **({} if y is None else {"batch_size": BATCH}))
    assert sum(copied.values()) == ROWS * ROW_BYTES
    if pace == "in turn":
        assert not copied["upload_aside"]
    if pace == "ready" and kind == "map":
        assert copied["upload"] == 2 * BATCH * ROW_BYTES  # the first chunk


def test_the_places_of_chunks_end_with_the_pass(given, pace):
    """At once: nothing that holds them waits for Python's collector."""
    model = gd.Sequential([L.Input((COLUMNS,)), L.Dense(3), L.Dense(1)])
    model.compile("sgd", "mse", target="cuda")
    (x, y), device = given["map"], current_device()
    model.evaluate(x, y, BATCH, 0)
    gc.collect()
    gc.disable()
    try:
        free = device.memory()[0]
        model.evaluate(x, y, BATCH, 0)
        assert device.memory()[0] == free
    finally:
        gc.enable()


def test_what_was_copied_aside_does_not_come_over_what_is_copied_later():
    device, host = current_device(), np.ones(8)
    mirror = Mirror(device, host)
    mirror.supply(host[:6], aside=True)
    host[:] = 2
    mirror.supply(host[:4], aside=False)
    mirror.supply(host[6:], aside=True)
    mirror.renew()
    found = np.empty(8)
    device.download(mirror.address, found)
    np.testing.assert_array_equal(found, [2, 2, 2, 2, 1, 1, 2, 2])


def test_a_part_alone_of_what_never_came_is_all_of_it():
    device, host = current_device(), np.arange(8.0)
    mirror = Mirror(device, host)
    mirror.supply(host[6:], aside=True)
    mirror.renew()
    found = np.empty(8)
    device.download(mirror.address, found)
    np.testing.assert_array_equal(found, host)
