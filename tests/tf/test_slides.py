"""Programs with every call that the lecture's slides make, in their way and order.

The programs are the project's own; what they share with the slides are the calls.
"""

import itertools

import numpy as np
import pytest

import graphdl.tf as tf

pytestmark = pytest.mark.usefixtures("python_tape")


def students(rows=120):
    """Lectures attended, hours spent on the project; passed where both together are enough."""
    rng = np.random.default_rng(8)
    x = rng.uniform(0, 1, (rows, 2)).astype("float32")
    return x, (x.sum(1, keepdims=True) > 1).astype("float32")


def test_a_classifier_is_declared_compiled_and_fitted():
    (inputs, passed), (new_inputs, new_passed) = students(), students(40)
    network = tf.keras.Sequential([
        tf.keras.layers.Input(shape=inputs.shape[1:]),
        tf.keras.layers.Dense(16, activation="relu"),
        tf.keras.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    network.compile(
        optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"], target="python"
    )
    held_out = (new_inputs, new_passed)
    history = network.fit(
        inputs, passed, epochs=10, batch_size=32, validation_data=held_out, verbose=0
    )
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert all(len(values) == 10 for values in history.history.values())
    assert network.count_params() == 65


def test_activation_functions_of_a_number_and_of_an_array():
    z = -6.0
    assert tf.math.sigmoid(z).numpy() == pytest.approx(0.0024726231566, rel=1e-6)
    assert float(tf.math.tanh(z)) == pytest.approx(np.tanh(z), rel=1e-6)
    assert float(tf.nn.relu(z)) == 0
    np.testing.assert_array_equal(tf.nn.relu([-1.0, 2.0]), [0, 2])


class Perceptrons(tf.keras.layers.Layer):
    """Several perceptrons on one input, written from scratch."""

    def __init__(self, input_dim, output_dim):
        super(Perceptrons, self).__init__()  # noqa: UP008  (as on the slide)
        self.W = self.add_weight([input_dim, output_dim])
        self.b = self.add_weight([1, output_dim])

    def call(self, inputs):
        z = tf.matmul(inputs, self.W) + self.b
        output = tf.math.sigmoid(z)
        return output


def test_a_layer_from_scratch_is_the_built_in_one():
    x, _ = students(5)
    own = Perceptrons(2, 3)
    built_in = tf.keras.layers.Dense(units=3, activation=tf.math.sigmoid)
    built_in(x)
    built_in.set_weights([own.W.value, own.b.value[0]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(own(x)))
    with tf.GradientTape() as other:
        same = tf.reduce_sum(tf.square(built_in(x)))
    dW, db = tape.gradient(total, [own.W, own.b])
    kernel, bias = other.gradient(same, built_in.trainable_variables)
    np.testing.assert_array_equal(own(x), built_in(x))
    np.testing.assert_array_equal(dW, kernel)
    np.testing.assert_array_equal(db[0], bias)
    assert dW.shape == (2, 3) and db.shape == (1, 3)


@pytest.mark.parametrize("hidden", [(5,), (6, 4, 3)])
def test_stacks_of_dense_layers_are_models(hidden):
    model = tf.keras.Sequential(
        [*(tf.keras.layers.Dense(n) for n in hidden), tf.keras.layers.Dense(2)]
    )
    x, _ = students(7)
    assert model(x).shape == (7, 2)
    widths = [2, *hidden, 2]
    counts = [(a + 1) * b for a, b in itertools.pairwise(widths)]
    assert model.count_params() == sum(counts)


def test_cross_entropy_of_two_classes():
    y = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")
    predicted = np.array([[2.0, -1.0], [0.5, 0.25]], "float32")
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, predicted))
    odds = np.log1p(np.exp([-3.0, 0.25]))
    assert loss.numpy() == pytest.approx(odds.mean(), rel=1e-6)


def test_squared_error_in_both_spellings():
    y = np.array([[90.0], [20.0], [95.0]], "float32")
    predicted = np.array([[30.0], [80.0], [85.0]], "float32")
    loss = tf.reduce_mean(tf.square(tf.subtract(y, predicted)))
    assert float(loss) == pytest.approx(7300 / 3)
    with pytest.warns(tf.SlideWarning, match="last axis"):
        each = tf.keras.losses.MSE(y, predicted)
    np.testing.assert_array_equal(each, [3600, 3600, 100])
    assert float(tf.reduce_mean(each)) == pytest.approx(float(loss))


def test_gradient_descent_by_hand_finds_the_minimum():
    lr, lowest = 0.25, 3.0

    def compute_loss(w):
        return tf.reduce_mean(tf.square(tf.subtract(w, lowest)))

    with pytest.warns(tf.SlideWarning, match="takes a shape"):
        weights = tf.Variable([tf.random.normal()])
    start, turns = float(weights.numpy()[0]), 0
    with pytest.warns(tf.SlideWarning, match="assign_sub"):
        while True:
            with tf.GradientTape() as g:
                loss = compute_loss(weights)
                gradient = g.gradient(loss, weights)
            weights = weights - lr * gradient
            turns += 1
            if loss < 1e-6:
                break
    assert float(weights) == pytest.approx(lowest, abs=1e-3)
    assert turns == pytest.approx(1 + np.log2(abs(start - lowest) / 1e-3), abs=1)


OPTIMIZERS = ("SGD", "Adam", "Adadelta", "Adagrad", "RMSprop")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_everything_together_with_any_of_the_optimizers(name):
    if name not in dir(tf.keras.optimizers):
        pytest.skip(f"no {name} yet")
    x, y = students()
    model = tf.keras.Sequential([
        tf.keras.layers.Dense(8, activation="tanh"), tf.keras.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    optimizer = getattr(tf.keras.optimizers, name)()
    losses = []
    while len(losses) < 30:
        with tf.GradientTape() as tape:
            prediction = model(x)
            loss = tf.keras.losses.BinaryCrossentropy()(y, prediction)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))  # noqa: B905  (as on the slide)
        losses.append(float(loss))
    assert losses[-1] < losses[0]


def test_early_stopping_is_a_callback():
    if "EarlyStopping" not in dir(tf.keras.callbacks):
        pytest.skip("no EarlyStopping yet")
    x, y = students()
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", target="python")
    stop = tf.keras.callbacks.EarlyStopping(monitor="val_loss", patience=2)
    history = model.fit(x, y, epochs=4, validation_split=0.25, callbacks=[stop], verbose=0)
    assert 1 <= len(history.history["val_loss"]) <= 4
