"""A loss or gradient that is not finite stops training before it can spoil a weight."""

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.errors import NonFiniteError
from tests.training.nets import SUM, X, compiled, dense, same

BATCH = 16


class Steps(gd.callbacks.Callback):
    """The weights and the optimizer's state after each step that was taken."""

    def __init__(self):
        self.states = []

    def on_train_batch_end(self, batch, logs=None):
        self.states.append(state(self.model))


def state(model):
    return [*model.get_weights(), *(v.value for v in model.optimizer.variables)]


def refused(model, x, y, **options):
    """(the error's message, the states after each step) of a fit that does not end well"""
    steps = Steps()
    steps.set_model(model)
    before = state(model)
    with pytest.raises(NonFiniteError) as caught:
        model.fit(x, y, BATCH, verbose=0, callbacks=[steps], **options)
    last = steps.states[-1] if steps.states else before
    assert same(state(model), last)
    assert all(np.isfinite(w).all() for w in last)
    return str(caught.value), steps.states


def logarithm(y, p):
    """A loss that no negative prediction has."""
    return gd.log(p)


def with_spike(row):
    x = X.copy()
    x[row] = 1e25  # finite, its square is not
    return x


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_a_learning_rate_that_explodes(target):
    model = compiled(dense(4, 1, activation="relu"), "mse", gd.optimizers.SGD(1e4), target)
    message, states = refused(model, X, SUM, epochs=50)
    epoch, batch = divmod(len(states), -(-len(X) // BATCH))
    assert f"batch {batch + 1} of epoch {epoch + 1}:" in message
    assert "learning rate" in message and "No weight was changed" in message


def test_the_batch_the_value_and_the_row_are_named():
    for row in (0, 15, 16, 39):
        message, states = refused(compiled(dense(1)), with_spike(row), SUM, shuffle=False)
        assert len(states) == row // BATCH
        assert f"batch {row // BATCH + 1} of epoch 1: the result of 'square'" in message
        assert "a part of 'J'" in message
        assert f"first in row {row} of the data" in message


def test_rows_are_those_of_the_data_when_shuffled():
    gd.set_seed(4)
    message, _ = refused(compiled(dense(1)), with_spike(23), SUM)
    assert "first in row 23 of the data" in message


def test_an_infinite_weight():
    model = compiled(dense(4, 1, activation="relu"))
    weights = model.get_weights()
    weights[2][1] = np.inf
    model.set_weights(weights)
    with pytest.raises(NonFiniteError, match="'dense_1/kernel' is not finite"):
        model.fit(X, SUM, verbose=0)
    assert same(model.get_weights(), weights)


def test_a_loss_of_the_users():
    message, states = refused(compiled(dense(1), logarithm), X, SUM)
    assert not states
    assert "the result of 'log', a part of 'J'" in message


def test_a_gradient_that_is_infinite_where_the_loss_is_not():
    def root(y, p):
        return gd.sqrt(gd.abs(0.0 * p))

    message, states = refused(compiled(dense(1), root), X, SUM)
    assert not states
    assert "a part of the gradient of 'dense/" in message


def test_one_batch():
    model = compiled(dense(1), logarithm)
    before = state(model)
    with pytest.raises(NonFiniteError, match=r"batch 1: the result of 'log'"):
        model.train_on_batch(X, SUM)
    assert same(state(model), before)


def test_metrics_do_not_count_a_refused_batch():
    model = compiled(dense(1), "mse", gd.optimizers.SGD(0.0), metrics=["accuracy"])
    with pytest.raises(NonFiniteError):
        model.fit(with_spike(39), SUM, BATCH, verbose=0, shuffle=False)
    assert model._logs()["loss"] == pytest.approx(
        ((model.predict(X[:32]) - SUM[:32]) ** 2).mean(), rel=1e-5
    )


def test_training_goes_on_after_a_refusal():
    model, twin = compiled(dense(4, 1)), compiled(dense(4, 1))
    twin.set_weights(model.get_weights())
    with pytest.raises(NonFiniteError):
        model.fit(X, np.where(SUM > 9, SUM, 1e25), verbose=0)
    for one in (model, twin):
        gd.set_seed(1)
        one.fit(X, SUM, BATCH, epochs=2, verbose=0)
    assert same(model.get_weights(), twin.get_weights())


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_without_the_check_training_goes_on(target):
    optimizer = gd.optimizers.SGD(1e4)
    model = dense(4, 1, activation="relu")
    compiled(model, "mse", optimizer, target, check_finite=False)
    history = model.fit(X, SUM, BATCH, epochs=8, verbose=0).history
    assert len(history["loss"]) == 8 and not np.isfinite(history["loss"][-1])
    assert not all(np.isfinite(w).all() for w in model.get_weights())
    assert optimizer.iterations.value == 8 * 3


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("epochs, when", [(1, "training ended"), (3, "batch 1 of epoch 2")])
def test_an_update_that_overflows(target, epochs, when):
    """Loss and gradient are finite, their product with the rate is not."""
    model = compiled(dense(1), "mse", gd.optimizers.SGD(1e38), target)
    with pytest.raises(NonFiniteError, match=rf"{when}.* the weight 'dense/") as caught:
        model.fit(X, SUM * 100, len(X), epochs=epochs, verbose=0)
    assert "an update overflowed" in str(caught.value)
    assert not all(np.isfinite(w).all() for w in model.get_weights())
    assert model.optimizer.iterations.value == 1
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.optimizer.learning_rate.assign(0.01)
    assert np.isfinite(model.fit(X, SUM, verbose=0).history["loss"]).all()


def test_an_infinite_weight_that_no_loss_shows():
    """tanh(±∞) = ±1 and its derivative is 0: all the steps that follow are finite."""
    model = compiled(dense(2, 1), "mse", gd.optimizers.SGD(0.0))

    class Spoil(gd.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 0:
                kernel, *rest = self.model.get_weights()
                self.model.set_weights([np.full_like(kernel, np.inf), *rest])

    x = np.abs(X) + 1
    with pytest.raises(NonFiniteError, match=r"ended, but the weight 'dense/kernel' .*6 of 6 elem"):
        model.fit(x, SUM, BATCH, epochs=4, verbose=0, callbacks=[Spoil()])
    assert model.optimizer.iterations.value == 4 * 3


def test_large_weights_are_not_taken_for_infinite_ones():
    """Their sum overflows float32, none of them does."""
    model = compiled(dense(8, 1), "mse", gd.optimizers.SGD(0.0))
    kernel, *rest = model.get_weights()
    model.set_weights([np.full_like(kernel, 3e38), *rest])
    assert model.fit(np.abs(X) * 1e-38, SUM, verbose=0).epoch == [0]
