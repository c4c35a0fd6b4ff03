"""TensorFlow's names: what they mean, and what is said of those that there are not."""

import numpy as np
import pytest

import graphdl as gd
import graphdl.tf as tf


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda: tf.reduce_mean([[1.0, 2.0], [3.0, 4.0]], axis=1), [1.5, 3.5]),
        (lambda: tf.reduce_sum([[1.0, 2.0]], axis=0, keepdims=True), [[1, 2]]),
        (lambda: tf.reduce_max([[1, 5], [3, 4]], 0), [3, 5]),
        (lambda: tf.reduce_min([[1, 5], [3, 4]]), 1),
        (lambda: tf.math.reduce_std([1.0, 3.0]), 1),
        (lambda: tf.argmax([[1.0, 5.0], [3.0, 4.0]]), [1, 0]),
        (lambda: tf.math.argmin([[1.0, 5.0]], axis=1), [0]),
        (lambda: tf.matmul([[1.0, 2.0]], [[3.0, 4.0]], transpose_b=True), [[11]]),
        (lambda: tf.linalg.matmul([[1.0], [2.0]], [[3.0], [4.0]], transpose_a=True), [[11]]),
        (lambda: tf.transpose([[[1.0, 2.0]]], perm=[2, 0, 1]), [[[1]], [[2]]]),
        (lambda: tf.concat([np.ones((1, 2)), np.zeros((1, 2))], axis=0), [[1, 1], [0, 0]]),
        (lambda: tf.split(np.arange(4.0), 2)[1], [2, 3]),
        (lambda: tf.cumsum([[1.0, 2.0], [3.0, 4.0]]), [[1, 2], [4, 6]]),
        (lambda: tf.one_hot([1, 0], 2), [[0, 1], [1, 0]]),
        (lambda: tf.clip_by_value([-2.0, 0.5], -1.0, 1.0), [-1, 0.5]),
        (lambda: tf.cast([1.7, -0.2], tf.int32), [1, 0]),
        (lambda: tf.where([True, False], [1.0, 1.0], [2.0, 2.0]), [1, 2]),
        (lambda: tf.zeros((2,)) + tf.ones(2) + tf.fill((2,), 3.0), [4, 4]),
        (lambda: tf.zeros_like([2.0]) + tf.ones_like([5.0]), [1]),
        (lambda: tf.range(3) + tf.range(1, 7, 2), [1, 4, 7]),
        (lambda: tf.constant(2, shape=(2,)), [2, 2]),
        (lambda: tf.constant([1, 2, 3, 4], tf.float32, (2, 2)), [[1, 2], [3, 4]]),
        (lambda: tf.convert_to_tensor([1.0]) * 2, [2]),
        (lambda: tf.nn.leaky_relu([-1.0, 1.0], alpha=0.5), [-0.5, 1]),
        (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([0], [[0.0, 0.0]]), [np.log(2)]),
        (
            lambda: tf.nn.sigmoid_cross_entropy_with_logits([[1.0, 0.0]], [[0.0, 0.0]]),
            [[np.log(2)] * 2],
        ),
        (lambda: tf.keras.activations.relu([-1.0, 1.0]), [0, 1]),
        (lambda: tf.keras.losses.mean_squared_error([[1.0, 3.0]], [[1.0, 1.0]]), [2]),
    ],
)  # fmt: skip
def test_functions_compute_at_once_and_give_tensors(found, expected):
    result = found()
    assert isinstance(result, tf.Tensor)
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)


def test_a_layer_gives_a_tensor_for_a_tensor():
    layer = tf.keras.layers.Dense(2, kernel_initializer="ones")
    found = layer(tf.constant([[1.0, 2.0]]))
    assert isinstance(found, tf.Tensor) and found.numpy().tolist() == [[3, 3]]
    assert isinstance(layer(np.ones((1, 2))), np.ndarray)


def test_functions_take_nodes_and_give_nodes():
    x = gd.tensor("x", (2, 3))
    assert isinstance(tf.reduce_mean(tf.nn.relu(tf.matmul(x, x, transpose_b=True))), gd.Node)


def test_what_depends_on_variables_alone_is_computed_at_once_outside_a_tape():
    v = tf.Variable([1.0, 2.0])
    assert float(tf.reduce_mean(tf.square(v - 3.0))) == 2.5
    v.assign([3.0, 3.0])
    assert tf.reduce_mean(tf.square(v - 3.0)) < 1e-9


def test_variables_and_types():
    v = tf.Variable(lambda: tf.random.normal((2, 3)), trainable=False, name="v", dtype=tf.float64)
    assert v.shape == (2, 3) and v.dtype == tf.float64 and v.name == "v" and not v.trainable
    assert tf.convert_to_tensor(v) is v and tf.cast(v, tf.float32).dtype == "float32"
    assert tf.constant(1.5).dtype == tf.float32 and tf.constant([1]).dtype == tf.int64


def test_draws_repeat_with_the_seed():
    def draws():
        tf.random.set_seed(7)
        kinds = tf.random.normal, tf.random.uniform, tf.random.truncated_normal
        return [kind((1000,)).numpy() for kind in kinds]

    first, again = draws(), draws()
    np.testing.assert_array_equal(first, again)
    assert abs(first[0].mean()) < 0.1 and abs(first[0].std() - 1) < 0.1
    assert first[1].min() >= 0 and first[1].max() < 1 and np.abs(first[2]).max() <= 2
    assert tf.random.normal([2], mean=5.0, stddev=0.0).numpy() == pytest.approx([5, 5])


def test_the_names_of_keras_are_those_of_graphdl():
    assert tf.keras.Sequential is gd.Sequential and tf.keras.layers.Dense is gd.layers.Dense
    assert tf.keras.optimizers.Adam is gd.optimizers.Adam
    assert tf.keras.regularizers.L2 is gd.regularizers.L2
    assert tf.keras.constraints.MaxNorm is gd.constraints.MaxNorm
    assert tf.keras.models.Sequential is gd.Sequential
    assert tf.keras.initializers.GlorotUniform is gd.initializers.GlorotUniform
    assert tf.keras.metrics.BinaryAccuracy is gd.metrics.BinaryAccuracy
    assert tf.keras.layers.Dense(2, activation=tf.nn.relu).activation is gd.relu
    assert "Dense" in dir(tf.keras.layers) and "ShapeError" not in dir(tf.keras.layers)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            lambda: tf.keras.optimizers.SDG,
            r"tf.keras.optimizers.SGD \(in graphdl: gd.optimizers.SGD",
        ),
        (lambda: tf.nn.rleu, r"the nearest is tf.nn.relu \(in graphdl: gd.relu\)"),
        (lambda: tf.math.tnh, r"tf.math.tanh \(in graphdl: gd.tanh\)"),
        (lambda: tf.keras.layers.Dens, "tf.keras.layers.Dense"),
        (lambda: tf.keras.loss, r"tf.keras.losses \(in graphdl: gd.losses\)"),
        (lambda: tf.matmull, r"tf.matmul \(in graphdl: gd.matmul\)"),
        (lambda: tf.logsumexp, "in graphdl it is gd.logsumexp"),
        (lambda: tf.function, "leave the decorator out"),
        (lambda: tf.random.qqqqqq, r"dir\(tf.random\)"),
    ],
)
def test_an_unknown_name_says_what_is_near_and_how_graphdl_writes_it(name, message):
    with pytest.raises(AttributeError, match=message):
        name()
