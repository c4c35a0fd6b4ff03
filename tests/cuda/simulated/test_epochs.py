"""Epochs that are handed over together leave what they leave one by one."""

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import blas, executable
from codegen.cuda.epochs import EpochsOnDevice
from codegen.optimisations import without
from graphdl.core.errors import NonFiniteError
from graphdl.training import together
from tests.cuda.collected import data, network

L = gd.layers
EPOCHS = 6


@pytest.fixture(params=["one block", "launches", "library"])
def way(request, monkeypatch):
    """A small step is a launch for all steps, or one for each of its kernels, products a library's."""
    if request.param != "one block":
        monkeypatch.setattr(executable, "fits", lambda program: False)
    if request.param == "library":
        monkeypatch.setitem(blas.LEAST, "float32", blas.Least(4, 0))


@pytest.fixture(autouse=True)
def calls(monkeypatch):
    """At most three epochs together, after one alone; notes the epochs of each call."""
    found, run = [], EpochsOnDevice.run

    def fitting(self, left):
        self._count += 1
        return 1 if self._count == 1 else min(left, 3)

    monkeypatch.setattr(together.Together, "fitting", fitting)
    monkeypatch.setattr(
        EpochsOnDevice, "run", lambda self: found.append(len(self._rows)) or run(self)
    )
    return found


def compiled():
    gd.set_seed(3)
    model = gd.Sequential(network())
    model.compile("adam", "binary_crossentropy", ["accuracy"], target="cuda")
    return model


def left(model):
    """History and state."""
    state = [*model.get_weights(), *(v.value for v in model.optimizer.variables)]
    return model.history.history, state, model._logs()


def fitted(off=(), place=np.asarray, **settings):
    model = compiled()
    with without(*off):
        model.fit(*map(place, data()), 8, epochs=EPOCHS, verbose=0, **settings)
    return left(model)


def same(ours, theirs):
    assert ours[0] == theirs[0] and ours[2] == theirs[2]
    for a, b in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_same_bits_and_the_same_history(way, calls, shuffle):
    ours = fitted(shuffle=shuffle)
    assert calls == [3, 2]
    same(ours, fitted(off=["epochs"], shuffle=shuffle))
    assert calls == [3, 2]


def test_of_data_that_lies_there(way, calls):
    same(fitted(place=gd.to_device), fitted())
    assert calls == [3, 2, 3, 2]


@pytest.mark.parametrize("growth, done", [(20.0, 1), (1e5, 0)])
def test_a_step_that_is_refused_ends_it_with_its_own_epoch(way, calls, growth, done):
    """The rate grows until a product overflows: in the second epoch of a call, and in its first."""

    def stopped(off):
        gd.set_seed(3)
        model = gd.Sequential([L.Input((6,)), L.Dense(4), L.Dense(1)])
        rate = gd.schedules.ExponentialDecay(0.01, 1, growth)
        model.compile(gd.optimizers.SGD(rate), "mse", target="cuda")
        with without(*off), pytest.raises(NonFiniteError) as error:
            model.fit(*data(), 8, epochs=EPOCHS, verbose=0)
        return str(error.value), left(model)

    ours, theirs = stopped([]), stopped(["epochs"])
    assert calls == [3] and len(ours[1][0]["loss"]) == 1 + done
    assert ours[0] == theirs[0]
    same(ours[1], theirs[1])


def test_ctrl_c_leaves_a_history_of_all_that_was_handed_over(calls, monkeypatch):
    hand_over = EpochsOnDevice._hand_over

    def pressed(self, epoch):
        if epoch == 2:
            raise KeyboardInterrupt
        hand_over(self, epoch)

    monkeypatch.setattr(EpochsOnDevice, "_hand_over", pressed)
    model = compiled()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data(), 8, epochs=EPOCHS, verbose=0)
    assert len(model.history.epoch) == 3 == len(model.history.history["loss"])
    assert int(model.optimizer.iterations.value) == 3 * 2


def test_where_a_step_is_a_call_there_are_no_epochs_together(calls):
    fitted(off=["chunks"])
    assert not calls
