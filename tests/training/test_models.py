"""Ways to put a model together, and what each of them computes."""

import numpy as np
import pytest

import graphdl as gd
from tests.training.nets import LABEL, SUM, X, compiled, dense, same


@pytest.fixture
def double_precision():
    gd.set_floatx("float64")
    yield
    gd.set_floatx("float32")


class MyDenseLayer(gd.layers.Layer):
    """The layer of the lecture's slide."""

    def __init__(self, input_dim, output_dim):
        super().__init__()
        self.W = self.add_weight([input_dim, output_dim])
        self.b = self.add_weight([1, output_dim])

    def call(self, inputs):
        z = gd.matmul(inputs, self.W) + self.b
        return gd.sigmoid(z)


class TwoLayers(gd.Model):
    """A model as a subclass; one layer is an attribute, one stands in a list."""

    def __init__(self):
        super().__init__()
        self.hidden = gd.layers.Dense(4, activation="relu")
        self.ends = [gd.layers.Dense(2)]

    def call(self, inputs, training=False):
        return self.ends[0](self.hidden(inputs))


class Noted(gd.layers.Layer):
    """Adds a loss, counts its training steps, and doubles its input while training."""

    def __init__(self):
        super().__init__()
        self.steps = self.add_weight((), "zeros", trainable=False, name="steps")

    def call(self, inputs, training=False):
        self.add_loss(0.5 * gd.mean(gd.square(inputs)))
        self.add_update(self.steps, self.steps + 1.0)
        return 2.0 * inputs if training else inputs


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


def two_inputs():
    """tanh(aW + c) · tanh(bW + c) through one shared layer, and a linear end."""
    a, b = gd.Input(shape=(3,), name="a"), gd.Input(shape=(3,), name="b")
    shared = gd.layers.Dense(4, activation="tanh")
    return gd.Model([a, b], gd.layers.Dense(1)(shared(a) * shared(b)))


# ------------------------------------------------------------------ functional models


def test_two_inputs_and_a_shared_layer():
    model = compiled(two_inputs())
    assert [w.name for w in model.weights] == [
        "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias",
    ]  # fmt: skip
    model.fit([X, X[::-1]], SUM, verbose=0)
    w, c, v, e = model.get_weights()
    close(model.predict([X, X[::-1]]), (np.tanh(X @ w + c) * np.tanh(X[::-1] @ w + c)) @ v + e)


def test_weights_come_in_the_order_of_keras():
    """The layer farthest from the output first: shapes as Keras 3.15 lists them."""
    Dense, Input = gd.layers.Dense, gd.layers.Input
    a, b, shared = Input((6,)), Input((4,)), Dense(5, use_bias=False)
    near, far = shared(a), shared(Dense(6, use_bias=False)(b))
    joined = gd.layers.Concatenate()([near, far])
    total = Dense(3, use_bias=False)(joined) + Dense(3, use_bias=False)(near)
    model = gd.Model([a, b], Dense(2, use_bias=False)(total))
    shapes = [w.shape for w in model.get_weights()]
    assert shapes == [(4, 6), (6, 5), (10, 3), (5, 3), (3, 2)]


def test_several_outputs_can_predict():
    x = gd.Input(shape=(3,))
    hidden = gd.layers.Dense(4, activation="relu")(x)
    model = gd.Model(x, [gd.layers.Dense(1)(hidden), gd.layers.Dense(2, "softmax")(hidden)])
    w, b, v, c, u, d = model.get_weights()
    h = np.maximum(X @ w + b, 0)
    e = np.exp(h @ u + d)
    one, two = model.predict(X, batch_size=16)
    close(one, h @ v + c)
    close(two, e / e.sum(axis=1, keepdims=True))
    assert [p.shape for p in model.predict(X[:0])] == [(0, 1), (0, 2)]
    assert [shape[1:] for shape in model.output_shape] == [(1,), (2,)]


def test_a_list_of_one_output_is_one_output():
    x = gd.Input(shape=(3,))
    model = compiled(gd.Model([x], [gd.layers.Dense(1)(x)]))
    model.fit([X], SUM, verbose=0)
    assert model.predict(X).shape == (40, 1)


def test_operations_between_layers():
    x = gd.Input(shape=(3,))
    h = gd.layers.Dense(3)(x)
    model = gd.Model(x, gd.exp(-gd.square(h)) + 2.0 * x)
    w, b = model.get_weights()
    close(model.predict(X), np.exp(-((X @ w + b) ** 2)) + 2 * X)


# ------------------------------------------------------------------ models in models


def test_sequential_in_sequential():
    inner = gd.Sequential(
        [gd.layers.Input(shape=(3,)), gd.layers.Dense(4, "relu"), gd.layers.Dense(2)], name="inner"
    )
    model = compiled(gd.Sequential([gd.layers.Input(shape=(3,)), inner, gd.layers.Dense(1)]))
    names = [w.name for w in model.weights]
    assert len(set(names)) == 6 and "inner/dense_1/kernel" in names and "dense/kernel" in names
    assert set(model.gradients(X, SUM)) == set(names)
    model.fit(X, SUM, verbose=0)
    w, b, v, c, u, d = model.get_weights()
    close(model.predict(X), (np.maximum(X @ w + b, 0) @ v + c) @ u + d)


def test_a_model_used_twice_in_a_model():
    a = gd.Input(shape=(3,))
    inner = gd.Model(a, gd.layers.Dense(2, activation="relu")(a))
    b = gd.Input(shape=(3,))
    model = compiled(gd.Model(b, gd.layers.Dense(1)(inner(b) + inner(2.0 * b))))
    model.fit(X, SUM, verbose=0)
    w, c, v, e = model.get_weights()
    relu = lambda z: np.maximum(z @ w + c, 0)  # noqa: E731
    close(model.predict(X), (relu(X) + relu(2 * X)) @ v + e)


def test_a_trained_part_serves_in_another_model():
    model = compiled(dense(4, 1))
    model.fit(X, SUM, verbose=0)
    features = gd.Sequential([gd.layers.Input(shape=(3,)), model.layers[0]])
    w, b, *_ = model.get_weights()
    close(features.predict(X), np.tanh(X @ w + b))


# ------------------------------------------------------------------ subclasses


def test_the_layer_of_the_slide():
    model = compiled(gd.Sequential([MyDenseLayer(3, 4), MyDenseLayer(4, 1)]), "binary_crossentropy")
    model.fit(X, LABEL, verbose=0, epochs=2)
    w, b, v, c = model.get_weights()
    logistic = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    close(model.predict(X), logistic(logistic(X @ w + b) @ v + c))
    close(model.layers[0](X), logistic(X @ w + b))  # numbers in, numbers out
    assert [w.name for w in model.weights][2] == "my_dense_layer_1/weight"


def test_a_model_as_a_subclass():
    model = compiled(TwoLayers())
    model.fit(X, X[:, :2], verbose=0)
    w, b, v, c = model.get_weights()
    close(model.predict(X), np.maximum(X @ w + b, 0) @ v + c)
    close(model(X), model.predict(X))
    assert [shape[-1] for shape in model._shapes.values()][:2] == [4, 2]
    assert "(None, 2)" in model.summary_text()


def test_flatten():
    images = np.arange(54.0, dtype=np.float32).reshape(9, 2, 3) / 54
    flat = gd.layers.Flatten()
    model = compiled(gd.Sequential([gd.layers.Input(shape=(2, 3)), flat, gd.layers.Dense(1)]))
    model.fit(images, images[:, 0, :1], verbose=0)
    w, b = model.get_weights()
    close(model.predict(images), images.reshape(9, 6) @ w + b)


def test_losses_and_updates_of_a_layer():
    noted = Noted()
    first = gd.layers.Dense(2)
    model = compiled(gd.Sequential([gd.layers.Input(shape=(3,)), first, noted, gd.layers.Dense(1)]))
    w, b, _, v, c = model.get_weights()
    h = X @ w + b
    penalty = 0.5 * (h**2).mean()
    tested = model.evaluate(X, SUM, len(X), verbose=0)
    assert tested == pytest.approx(((h @ v + c - SUM) ** 2).mean() + penalty, rel=1e-5)
    assert noted.steps.value == 0
    trained = model.fit(X, SUM, len(X), verbose=0).history["loss"]
    assert trained == pytest.approx([((2 * h @ v + c - SUM) ** 2).mean() + penalty], rel=1e-5)
    model.fit(X, SUM, batch_size=16, verbose=0)
    assert noted.steps.value == 4


def test_layers_added_later():
    model = gd.Sequential()
    for layer in (gd.layers.Input(shape=(3,)), gd.layers.Dense(2), gd.layers.Dense(1)):
        model.add(layer)
    w, b, v, c = model.get_weights()
    close(model.predict(X), (X @ w + b) @ v + c)


def test_input_is_learned_from_the_data():
    model = compiled(gd.Sequential([gd.layers.Dense(2), gd.layers.Dense(1)]))
    with pytest.raises(ValueError, match="one target"):
        model.fit(X[:, :2], SUM[:7], verbose=0)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((40, 2), np.nan), SUM, verbose=0)
    model.fit(X, SUM, verbose=0)  # the refused data did not decide the width
    assert model.get_weights()[0].shape == (3, 2)


# ------------------------------------------------------------------ penalties, freezing, weights


def test_regularizers_in_the_loss():
    layer = gd.layers.Dense(1, kernel_regularizer=gd.regularizers.L2(0.1), bias_regularizer="l1")
    model = compiled(gd.Sequential([gd.layers.Input(shape=(3,)), layer]))
    model.set_weights([model.get_weights()[0], [-2.0]])
    w, b = model.get_weights()
    expected = ((X @ w + b - SUM) ** 2).mean() + 0.1 * (w**2).sum() + 0.01 * abs(b).sum()
    assert model.evaluate(X, SUM, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_a_shared_layer_is_penalised_once():
    a, b = gd.Input(shape=(3,), name="a"), gd.Input(shape=(3,), name="b")
    shared = gd.layers.Dense(1, kernel_regularizer=gd.regularizers.L2(0.1))
    model = compiled(gd.Model([a, b], shared(a) + shared(b)))
    w, c = model.get_weights()
    expected = ((2 * (X @ w + c) - SUM) ** 2).mean() + 0.1 * (w**2).sum()
    assert model.evaluate([X, X], SUM, verbose=0) == pytest.approx(expected, rel=1e-5)


def moved(model):
    """Which weights does a fit change?"""
    before = model.get_weights()
    model.fit(X, SUM, verbose=0)
    return [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]


def test_frozen_layers_stay():
    inner = dense(4, 2)
    model = compiled(gd.Sequential([gd.layers.Input(shape=(3,)), inner, gd.layers.Dense(1)]))
    assert moved(model) == [True] * 6
    inner.layers[0].trainable = False
    assert moved(model) == [False] * 2 + [True] * 4
    inner.trainable = False
    assert moved(model) == [False] * 4 + [True] * 2
    model.trainable = False
    assert moved(model) == [False] * 6
    inner.trainable = inner.layers[0].trainable = model.trainable = True
    assert moved(model) == [True] * 6
    assert len(model._runners) == 4  # the first program served again


def test_weights_can_be_taken_and_given():
    model, twin = dense(4, 1), dense(4, 1)
    weights = model.get_weights()
    twin.set_weights(weights)
    assert same(twin.get_weights(), weights)
    assert np.array_equal(model.predict(X), twin.predict(X))
    weights[0][...] = 0  # copies: the model does not see this
    assert not same(model.get_weights(), weights)
    assert model.weight("dense/kernel").value.shape == (3, 4)


# ------------------------------------------------------------------ gradients


def test_gradients_are_finite_differences(double_precision):
    model = compiled(two_inputs(), "mse")
    data, weight = [X.astype(float), X[::-1].astype(float)], np.linspace(0, 2, len(X))
    found = model.gradients(data, SUM, weight)
    assert set(found) == {w.name for w in model.weights}

    def loss():
        return model.evaluate(data, SUM, len(X), sample_weight=weight, verbose=0)

    for w in model.weights:
        value, step = w.value, 1e-5
        for index in np.ndindex(value.shape):
            shifted = [value.copy(), value.copy()]
            shifted[0][index] += step
            shifted[1][index] -= step
            high, low = (w.assign(v) or loss() for v in shifted)
            slope = (high - low) / (2 * step)
            assert found[w.name][index] == pytest.approx(slope, rel=1e-6, abs=1e-8), w.name
        w.assign(value)
