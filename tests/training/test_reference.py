"""A run of `fit` equals the trainer of `reference.py`, step by step, to 1e-9 in float64."""

import copy

import numpy as np
import pytest

import graphdl as gd
from tests.training import reference

ROWS, BATCH, EPOCHS, SEED = 23, 8, 4, 11  # batches of 8, 8 and 7

BINARY = (["relu", "sigmoid"], "binary_crossentropy")
SOFTMAX = (["tanh", "elu", "softmax"], "sparse_categorical_crossentropy")
ONE_HOT = (["softplus", "softmax"], "categorical_crossentropy")
REGRESSION = (["elu", "sigmoid", "linear"], "mean_squared_error")

OPTIMIZERS = {
    "sgd": (lambda: gd.optimizers.SGD(0.1), reference.SGD(0.1)),
    "momentum": (
        lambda: gd.optimizers.SGD(0.05, momentum=0.9),
        reference.SGD(0.05, momentum=0.9),
    ),
    "nesterov": (
        lambda: gd.optimizers.SGD(0.05, momentum=0.8, nesterov=True),
        reference.SGD(0.05, momentum=0.8, nesterov=True),
    ),
    "adam": (lambda: gd.optimizers.Adam(0.01), reference.Adam(0.01)),
    "adam, other constants": (
        lambda: gd.optimizers.Adam(0.02, beta_1=0.5, beta_2=0.75, epsilon=0.125),
        reference.Adam(0.02, beta_1=0.5, beta_2=0.75, epsilon=0.125),
    ),
}


@pytest.fixture(autouse=True)
def double_precision():
    gd.set_floatx("float64")
    yield
    gd.set_floatx("float32")


def data_for(loss):
    draw = np.random.default_rng(3)
    x = draw.normal(size=(ROWS, 5))
    score = x @ draw.normal(size=(5, 3)) + 0.3 * draw.normal(size=(ROWS, 3))
    targets = {
        "binary_crossentropy": (score[:, :1] > 0).astype(float),
        "sparse_categorical_crossentropy": score.argmax(axis=1),
        "categorical_crossentropy": reference.softmax(score),
        "mean_squared_error": score[:, :2],
    }
    return x, targets[loss]


def model_for(network, outputs, optimizer, target):
    activations, loss = network
    units = [6, 4][: len(activations) - 1] + [outputs]
    dense = [gd.layers.Dense(u, activation=a) for u, a in zip(units, activations, strict=True)]
    model = gd.Sequential([gd.layers.Input(shape=(5,)), *dense])
    model.compile(optimizer, loss, target=target)
    return model


class Steps(gd.callbacks.Callback):
    """The weights after each step."""

    def on_train_begin(self, logs=None):
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(self.model.get_weights())


def compare(network, optimizer="sgd", target="python", shuffle=True, batch=BATCH, **weighting):
    """Train both, assert that they agree; returns the model."""
    gd.set_seed(SEED)
    ours, theirs = OPTIMIZERS[optimizer]
    x, y = data_for(network[1])
    outputs = 3 if "categorical" in network[1] else y.shape[1]
    model = model_for(network, outputs, ours(), target)
    trainer = reference.Trainer(
        model.get_weights(), network[0], reference.LOSSES[network[1]], copy.deepcopy(theirs), SEED
    )
    steps = Steps()
    history = model.fit(
        x, y, batch, EPOCHS, verbose=0, shuffle=shuffle, callbacks=[steps], **weighting
    ).history
    weight = example_weights(y, **weighting)
    expected = [trainer.epoch(x, y, batch, weight, shuffle) for _ in range(EPOCHS)]
    np.testing.assert_allclose(history["loss"], [loss for loss, _ in expected], rtol=1e-9)
    after = [weights for _, epoch in expected for weights in epoch]
    assert len(steps.weights) == len(after) == EPOCHS * -(-ROWS // batch)
    for step, (got, want) in enumerate(zip(steps.weights, after, strict=True)):
        for w, g, e in zip(model.weights, got, want, strict=True):
            np.testing.assert_allclose(g, e, rtol=1e-9, atol=1e-9, err_msg=f"{w.name}, {step=}")
    return model


def example_weights(y, sample_weight=None, class_weight=None):
    weight = np.ones(len(y)) if sample_weight is None else np.array(sample_weight)
    if class_weight is not None:
        weight = weight * [class_weight.get(int(label), 1.0) for label in np.ravel(y)]
    return weight


SAMPLE_WEIGHT = np.linspace(0, 2, ROWS)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers(optimizer):
    compare(BINARY, optimizer)


@pytest.mark.parametrize("network", [SOFTMAX, ONE_HOT, REGRESSION], ids=lambda n: n[1])
def test_losses_and_activations(network):
    compare(network, "momentum")


@pytest.mark.parametrize("batch", [1, 7, 23, 40])
def test_batch_sizes(batch):
    compare(BINARY, "adam", batch=batch)


def test_order_as_given():
    compare(REGRESSION, "sgd", shuffle=False)


def test_sample_weights():
    compare(REGRESSION, "adam", sample_weight=SAMPLE_WEIGHT)


def test_class_weights():
    compare(BINARY, "momentum", class_weight={0: 0.25, 1: 2.0})
    compare(SOFTMAX, "sgd", class_weight={2: 3.0})


def test_sample_and_class_weights():
    compare(BINARY, "sgd", sample_weight=SAMPLE_WEIGHT, class_weight={1: 0.5})


def test_compiled_with_momentum_and_weights():
    compare(SOFTMAX, "nesterov", "cpu", sample_weight=SAMPLE_WEIGHT, class_weight={0: 1.5, 2: 0.5})


def test_compiled_with_adam_at_any_batch_size():
    for batch in (1, 7, 8, 23, 40):
        compare(BINARY, "adam", "cpu", batch=batch)


def test_steps_in_one_call_are_the_steps_one_by_one():
    stepped = compare(BINARY, "adam", "cpu")
    gd.set_seed(SEED)
    x, y = data_for(BINARY[1])
    straight = model_for(BINARY, 1, OPTIMIZERS["adam"][0](), "cpu")
    straight.fit(x, y, BATCH, EPOCHS, verbose=0)
    for one, other in zip(stepped.get_weights(), straight.get_weights(), strict=True):
        assert np.array_equal(one, other)
