"""What lies on the device between calls, and when it moves: the host always reads the newest value."""

import gc
import threading

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import executable, replay
from codegen.cuda.current import current_device
from codegen.cuda.device import DeviceError
from codegen.cuda.interface import Pointer
from graphdl.core.away import Away, place

L = gd.layers


@pytest.fixture
def moved(monkeypatch):
    """Bytes of each upload and download from here on."""
    device, found = current_device(), {"upload": [], "download": []}

    def noting(sizes, copy):
        return lambda address, array: (sizes.append(array.nbytes), copy(address, array))

    for way, sizes in found.items():
        monkeypatch.setattr(device, way, noting(sizes, getattr(device, way)))
    return found


@pytest.fixture
def counter():
    """A function on the device that adds to a variable, and one of the CPU on the same variable."""
    x, w = gd.tensor("x", (3,)), gd.Variable(np.zeros(3, np.float32), name="w")
    add = gd.function([x], None, {w: w + x}, target="cuda")
    read = gd.function([x], w * x, target="python")
    return w, add, read


ONES = np.ones(3, np.float32)


def test_a_value_stays_on_the_device_until_it_is_read(counter, moved):
    w, add, _ = counter
    for _ in range(4):
        add(ONES)
    assert isinstance(w, Away) and (place(w) == 0).all()
    assert 12 not in moved["download"]
    np.testing.assert_array_equal(w.value, [4, 4, 4])
    assert not isinstance(w, Away) and moved["download"].count(12) == 1


def test_host_and_device_take_turns(counter):
    w, add, read = counter
    add(ONES)
    np.testing.assert_array_equal(read(2 * ONES), [2, 2, 2])
    w.assign([5, 6, 7])
    add(ONES)
    np.testing.assert_array_equal(read(ONES), [6, 7, 8])
    add(ONES)
    w.assign_add(ONES)
    add(ONES)
    np.testing.assert_array_equal(np.asarray(w), [9, 10, 11])


def test_a_value_that_is_only_read_there_is_not_downloaded(moved):
    x, w = gd.tensor("x", (3,)), gd.Variable(2 * ONES)
    f = gd.function([x], x * w, target="cuda")
    f(ONES), f(ONES)
    assert isinstance(w, Away) and moved["upload"].count(12) == 3  # the value once, x twice
    before = len(moved["download"])
    w.assign(3 * ONES)
    assert len(moved["download"]) == before
    np.testing.assert_array_equal(f(ONES), [3, 3, 3])


def test_a_prepared_function_of_the_cpu_sees_what_the_device_made(counter):
    w, add, _ = counter
    x = gd.tensor("x", (3,))
    ready = gd.function([x], x * w, target="cpu").prepared(ONES)
    add(ONES)
    np.testing.assert_array_equal(ready(ONES), [1, 1, 1])
    add(ONES)
    np.testing.assert_array_equal(ready(ONES), [2, 2, 2])


def test_a_refused_update_comes_home_as_it_was(counter):
    w, add, _ = counter
    add(ONES)
    with pytest.raises(gd.errors.NonFiniteError):
        add(np.array([1, np.inf, 1], np.float32))
    np.testing.assert_array_equal(w.value, ONES)


def test_threads_that_read_while_another_computes(counter):
    w, add, _ = counter
    seen = []
    readers = [threading.Thread(target=lambda: seen.append(w.value)) for _ in range(4)]
    for reader in readers:
        add(ONES)
        reader.start()
    for reader in readers:
        reader.join()
    assert (w.value == 4).all() and all(len(set(s)) == 1 and 1 <= s[0] <= 4 for s in seen)


def test_an_array_that_was_changed_between_two_calls():
    x = gd.tensor("x", (3,))
    f, values = gd.function([x], x + 1, target="cuda"), ONES.copy()
    ready = f.prepared(values)
    for _ in range(3):
        values += 1
        np.testing.assert_array_equal(f(values), values + 1)
        np.testing.assert_array_equal(ready(values), values + 1)


def test_one_array_for_two_inputs_and_then_two():
    x, y = gd.tensor("x", (3,)), gd.tensor("y", (3,))
    f = gd.function([x, y], x - 2 * y, target="cuda")
    a, b, c = (k * ONES for k in (1, 10, 100))
    for given in ((a, a), (b, c), (c, b), (c, c), (a, c)):
        np.testing.assert_array_equal(f(*given), given[0] - 2 * given[1])


def test_fresh_arrays_take_over_the_memory_of_those_before():
    x = gd.tensor("x", ("n", 2))
    f = gd.function([x], gd.softmax(x), target="cuda")
    device = current_device()
    f(np.ones((3, 2), np.float32))
    free = device.memory()[0]
    for k in range(3):
        f(np.full((3, 2), k, np.float32))
    assert device.memory()[0] == free


def test_what_a_model_had_is_given_back():
    device = current_device()
    gc.collect()
    free = device.memory()[0]
    model = trained()
    assert device.memory()[0] < free
    del model
    gc.collect()
    assert device.memory()[0] == free


def data():
    x = np.random.default_rng(0).standard_normal((14, 6), dtype=np.float32)
    return x, (x[:, :1] > 0).astype(np.float32)


def new_model(target):
    gd.set_seed(0)
    model = gd.Sequential([L.Input((6,)), L.Dense(4, "tanh"), L.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", target=target)
    return model


def trained(target="cuda", **settings):
    model = new_model(target)
    x, y = data()
    model.fit(x, y, epochs=3, batch_size=4, verbose=0, **settings)
    return model


def test_data_is_uploaded_once_in_all_epochs(moved):
    x, y = data()
    trained(validation_data=(x, y))
    assert moved["upload"].count(x.nbytes) == 2  # for training, for validation


def test_a_callback_reads_and_writes_weights():
    class Halved(gd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights([w / 2 for w in self.model.get_weights()])

    ours, theirs = (trained(t, callbacks=[Halved()]).get_weights() for t in ("cuda", "python"))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, 0, 1e-6)


def test_batches_that_come_one_by_one():
    x, y = data()
    models = []
    for target in ("cuda", "python"):
        model = new_model(target)
        model.fit(((x[k : k + 4], y[k : k + 4]) for k in (0, 4, 8, 12)), verbose=0)
        model.train_on_batch(x[:3], y[:3])
        model.train_on_batch(x[3:6], y[3:6])
        models.append([*model.get_weights(), model.predict(x), model.predict(x[::-1])])
    for a, b in zip(*models, strict=True):
        np.testing.assert_allclose(a, b, 0, 1e-6)


@pytest.mark.parametrize("unrolled", [1, 3])
def test_any_number_of_steps_in_a_graph_gives_the_same_bits(unrolled, monkeypatch):
    monkeypatch.setattr(executable, "fits", lambda program: False)
    usual = trained().get_weights()
    monkeypatch.setattr(replay, "STEPS", unrolled)
    monkeypatch.setattr(replay, "AHEAD", 1)
    for a, b in zip(usual, trained().get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_ctrl_c_leaves_whole_steps(monkeypatch):
    """What has been handed over before is done; nothing is half done."""
    monkeypatch.setattr(executable, "fits", lambda program: False)
    monkeypatch.setattr(replay, "STEPS", 1)  # of a graph
    device, steps = current_device(), []
    own = device.replay

    def replayed(graph):
        if len(steps) == 5:
            raise KeyboardInterrupt
        steps.append(graph)
        own(graph)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(device, "replay", replayed)
        ours = new_model("cuda")
        ours.fit(*data(), epochs=9, batch_size=4, verbose=0, shuffle=False)
    assert int(ours.optimizer.iterations.numpy()) == 5
    once = new_model("python")
    once.fit(*data(), epochs=1, batch_size=4, verbose=0, shuffle=False)
    once.fit(*data(), epochs=1, batch_size=4, steps_per_epoch=1, verbose=0, shuffle=False)
    for a, b in zip(ours.get_weights(), once.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, 0, 1e-6)


def test_too_little_memory_is_said_before_anything_has_changed(monkeypatch):
    monkeypatch.setattr(current_device(), "memory", lambda: (100, 1000), raising=False)
    x, w = gd.tensor("x", ("n",)), gd.Variable(np.zeros((), np.float32))
    f = gd.function([x], None, {w: w + gd.sum(x * x)}, target="cuda")
    with pytest.raises(
        DeviceError, match=r"needs [\d,]+ more bytes of .* 100 are free; nothing was"
    ):
        f(np.ones(1000, np.float32))
    assert not isinstance(w, Away) and w.value == 0


def test_memory_that_was_given_back_is_not_found_again():
    device = current_device()
    address = device.allocate(8, "a test")
    device.upload(address, np.ones(8, np.uint8))
    with pytest.raises(DeviceError, match="no memory of the device"):
        device.download(address, np.empty(9, np.uint8))
    device.free(address)
    with pytest.raises(DeviceError, match="no memory of the device"):
        device._view(Pointer(address, "uint8", 1))


def test_a_profile_names_the_kernels_of_a_step(monkeypatch):
    monkeypatch.setattr(executable, "fits", lambda program: False)
    model = trained()
    session = model._session("train", model._data("fit", *data()), 4)
    made = session.compiled.executable.profile(session.binding, session.numbers(0, 1, 0, 0))
    assert [name for name, _ in made] == [
        c.kernel.name for c in session.compiled.executable.emitted.calls
    ]
    assert all(t > 0 for _, t in made)
