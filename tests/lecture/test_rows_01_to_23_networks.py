"""The lecture's items on perceptrons, networks and losses: each row's number."""

import math

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.sizes import named

layers, studies = gd.layers, gd.studies


def draws(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def value(node, env=None):
    return gd.interpret([node], env or {})[0]


def test_row_01_the_first_program():
    (x, y), (x_test, y_test) = gd.datasets.will_i_pass(n=200)
    model = gd.Sequential(
        [
            layers.Input(shape=x.shape[1:]),
            layers.Dense(16, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], target="python")
    history = model.fit(
        x, y, epochs=10, batch_size=32, validation_data=(x_test, y_test), verbose=0
    ).history
    assert model.count_params() == 2 * 16 + 16 + 16 * 1 + 1 == 65
    assert {k: len(v) for k, v in history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 10
    )


def test_row_02_what_a_hidden_unit_has_learnt():
    x = layers.Input(shape=(2,))
    hidden = layers.Dense(3, activation="relu")
    unit = gd.Model(x, hidden(x)[:, 1])
    seen = studies.decision(unit, target="python")
    w, b = (values[..., 1].tolist() for values in hidden.get_weights())
    assert (seen.line.w0, seen.line.w1, seen.line.w2) == pytest.approx((b, *w))
    assert seen([2.0, 1.0])[0, 0] == pytest.approx(max(0.0, 2 * w[0] + w[1] + b), rel=1e-6)


def test_row_04_perceptron_without_bias_with_m_inputs():
    x, w = gd.tensor("x", ("m",)), gd.tensor("w", ("m",))
    y = gd.sigmoid(gd.sum(x * w))
    assert y.shape == () and str(y) == "sigmoid(sum(x*w))"
    assert value(y, {x: [1.0, 2.0], w: [3.0, -1.0]}) == pytest.approx(1 / (1 + math.exp(-1)))


def test_row_05_sum_form_and_matrix_form_are_the_same():
    x, w, w0 = (gd.tensor(n, s, "float64") for n, s in (("x", ("m",)), ("w", ("m",)), ("w0", ())))
    forms = [w0 + gd.sum(x * w), w0 + x @ w]
    env = {x: draws(5), w: draws(5, seed=1), w0: 0.3}
    with_one = np.concatenate([[1.0], env[x]]) @ np.concatenate([[0.3], env[w]])
    assert [value(z, env) for z in forms] == pytest.approx([with_one] * 2, rel=1e-15)
    slopes = [gd.interpret(gd.grad(z, [x, w, w0]), env) for z in forms]
    for a, b in zip(*slopes, strict=True):
        assert np.array_equal(a, b)


def test_row_06_sigmoid():
    seen = studies.activation("sigmoid", -6, 6, 3)
    assert seen.derivative == "g*(1 - g)"
    assert seen.g == pytest.approx([0.0024726231566, 0.5, 0.9975273768], rel=1e-10)
    assert seen.slope == pytest.approx([0.0024665092914, 0.25, 0.0024665092914], rel=1e-10)


def test_row_07_tanh():
    seen = studies.activation("tanh", -2, 2, 5)
    assert seen.derivative == "1 - g**2"
    assert seen.slope[2] == 1
    assert seen.g == pytest.approx(2 * gd.sigmoid(2 * seen.z) - 1, abs=1e-15)


def test_row_08_relu():
    seen = studies.activation("relu", -1, 1, 3)
    assert seen.derivative == "where(g > 0, 1, 0)"
    assert seen.slope.tolist() == [0, 0, 1]


def test_row_09_linear_layers_collapse_whatever_their_number():
    model = gd.Sequential([layers.Input(shape=(3,)), layers.Dense(7), layers.Dense(2)])
    model.set_weights([draws(*w.shape, seed=k) for k, w in enumerate(model.get_weights())])
    (proof,) = studies.collapse(model).runs
    assert proof.difference <= 1e-15 * proof.scale
    w1, b1, w2, b2 = (w.astype(np.float64) for w in model.get_weights())
    assert np.allclose(proof.weight, w1 @ w2, rtol=1e-15)
    assert np.allclose(proof.bias, b1 @ w2 + b2, rtol=1e-14)
    assert proof.equations[:4] == (
        "ŷ = (x @ W1 + b1) @ W2 + b2",
        "  = x @ W1 @ W2 + b1 @ W2 + b2",
        "  = x @ (W1 @ W2) + (b1 @ W2 + b2)",
        "  = x @ W + b",
    )


def perceptron():
    x1, x2 = gd.tensor("x1", ("n",), "float64"), gd.tensor("x2", ("n",), "float64")
    return gd.sigmoid(1 + 3 * x1 - 2 * x2)


def test_row_10_the_line_of_the_perceptron():
    line = studies.decision(perceptron(), target="python").line
    assert (line.w0, line.w1, line.w2) == (1, 3, -2)
    assert line.intercepts == (-1 / 3, 1 / 2)
    assert str(line) == "1 + 3·x1 − 2·x2 = 0"


def test_row_11_the_example_input():
    seen = studies.decision(perceptron(), target="python")
    assert seen.line.z((-1, 2)) == -6
    assert seen([-1, 2]) == pytest.approx(0.00247262, rel=1e-5)
    assert (
        seen.line.distance((-1, 2))
        == pytest.approx(6 / math.sqrt(13))
        == pytest.approx(1.6641, abs=5e-5)
    )


def test_row_12_half_planes():
    seen = studies.decision(perceptron(), target="python")
    z = 1 + 3 * seen.x1[None, :] - 2 * seen.x2[:, None]
    clear = np.abs(z) > 1e-12
    assert np.array_equal((seen.outputs[..., 0] < 0.5)[clear], (z < 0)[clear])
    assert np.array_equal(seen.classes[clear], (z > 0)[clear])


def test_row_13_printing_stops_at_a_name():
    x, w, w0 = gd.tensor("x", ("m",)), gd.tensor("w", ("m",)), gd.tensor("w0")
    z = (w0 + gd.sum(x * w)).named("z")
    assert str(gd.sigmoid(z)) == "sigmoid(z)"
    assert str(z) == "z = w0 + sum(x*w)"


@pytest.mark.parametrize("m", [1, 3, 10])
def test_row_14_a_dense_layer_of_two_units_has_2m_plus_2_weights(m):
    layer = layers.Dense(2)
    x = draws(4, m).astype(np.float32)
    z = layer(x)
    assert layer.count_params() == 2 * m + 2
    w, b = layer.get_weights()
    for i in range(2):  # the index form of each unit
        assert z[:, i] == pytest.approx(b[i] + sum(x[:, j] * w[j, i] for j in range(m)), abs=1e-6)


class MyDenseLayer(layers.Layer):
    """The layer from scratch: σ(x·W + b) with b of shape (1, out)."""

    def __init__(self, input_dim, output_dim):
        super().__init__()
        self.W = self.add_weight([input_dim, output_dim])
        self.b = self.add_weight([1, output_dim])

    def call(self, inputs):
        return gd.sigmoid(gd.matmul(inputs, self.W) + self.b)


def from_scratch_and_built_in():
    x, y = draws(6, 3), (draws(6, 2, seed=1) > 0).astype(float)
    made = []
    for layer in (MyDenseLayer(3, 2), layers.Dense(2, activation="sigmoid")):
        model = gd.Sequential([layers.Input(shape=(3,)), layer])
        model.compile("sgd", "binary_crossentropy", target="python")
        made.append(model)
    made[1].set_weights(
        [
            w.reshape(v.shape)
            for w, v in zip(made[0].get_weights(), made[1].get_weights(), strict=True)
        ]
    )
    return made, x, y


def test_row_15_a_layer_from_scratch():
    (mine, _), x, y = from_scratch_and_built_in()
    assert [w.shape for w in mine.get_weights()] == [(3, 2), (1, 2)]
    of_w, of_b = mine.gradients(x, y).values()
    residual = (mine.predict(x) - y) / y.size  # δ = (ŷ − y)/(n·units)
    assert of_b == pytest.approx(residual.sum(0, keepdims=True), abs=1e-6)  # column sums
    assert of_w == pytest.approx(x.T @ residual, abs=1e-6)


def test_row_16_the_built_in_layer_is_the_same_to_the_bit():
    (mine, theirs), x, y = from_scratch_and_built_in()
    assert np.array_equal(mine.predict(x), theirs.predict(x))
    pairs = zip(mine.gradients(x, y).values(), theirs.gradients(x, y).values(), strict=True)
    assert all(np.array_equal(np.ravel(a), np.ravel(b)) for a, b in pairs)


def test_row_17_each_unit_of_a_hidden_layer():
    x, w, b = draws(4, 3), draws(3, 5, seed=1), draws(5, seed=2)
    z = value(gd.constant(x, "float64") @ gd.constant(w, "float64") + gd.constant(b, "float64"))
    z2 = b[1] + x[:, 0] * w[0, 1] + x[:, 1] * w[1, 1] + x[:, 2] * w[2, 1]
    assert z[:, 1] == pytest.approx(z2, rel=1e-14)


def test_row_18_n_stays_a_symbol():
    x = gd.tensor("x", ("batch", "m"))
    w1, b1 = gd.tensor("W1", ("m", "n")), gd.tensor("b1", ("n",))
    w2, b2 = gd.tensor("W2", ("n", 2)), gd.tensor("b2", (2,))
    out = (x @ w1 + b1) @ w2 + b2
    assert str(out.shape) == "(batch, 2)"
    sizes = [math.prod(w.shape[1:], start=w.shape[0]) for w in (w1, b1, w2, b2)]
    m, n = named("m"), named("n")
    assert sum(sizes[1:], sizes[0]) == m * n + n + n * 2 + 2
    model = gd.Sequential([layers.Input(shape=(4,)), layers.Dense(9), layers.Dense(2)])
    assert model.count_params() == 4 * 9 + 9 + 2 * 9 + 2


def test_row_19_a_deep_network_prints_as_its_recursion():
    def text(depth):
        model = gd.Sequential(
            [layers.Input(shape=(2,)), *(layers.Dense(3, "tanh") for _ in range(depth))]
        )
        model.compile("sgd", "mse")
        return str(model.derive("dense/kernel"))

    lengths = [len(text(depth)) for depth in (2, 4, 6)]
    assert lengths[2] - lengths[1] < 1.2 * (lengths[1] - lengths[0])  # linear in depth, no blow-up


def test_row_20_will_i_pass_this_class():
    (x, y), (x_test, y_test) = gd.datasets.will_i_pass()
    assert x.shape[1] == 2 and set(np.unique(y)) == {0, 1}
    assert gd.losses.binary_crossentropy([1.0], [0.1]) == pytest.approx(2.302585, rel=1e-6)
    gd.set_seed(0)
    model = gd.Sequential(
        [layers.Input(shape=(2,)), layers.Dense(3, "tanh"), layers.Dense(1, "sigmoid")]
    )
    model.compile(gd.optimizers.Adam(0.05), "binary_crossentropy", ["accuracy"], target="python")
    before = model.evaluate(x_test, y_test, verbose=0)
    model.fit(x, y, epochs=15, verbose=0)
    after = model.evaluate(x_test, y_test, verbose=0)
    assert after[0] < before[0] and after[1] > 0.85
    assert model.predict(x_test[:1]).shape == (1, 1)


def test_row_21_the_loss_of_one_example():
    assert gd.losses.mean_squared_error([1.0], [0.1]) == pytest.approx(0.81)


def test_row_22_the_empirical_loss_is_a_function_of_the_weights():
    x, y = gd.tensor("x", ("n", 2)), gd.tensor("y", ("n", 1))
    w = gd.Variable(np.ones((2, 1)), name="W")
    loss = gd.losses.mean_squared_error(y, x @ w)
    j = gd.mean(loss)
    one_n = gd.sum(loss) / 3
    env = {x: draws(3, 2), y: draws(3, 1)}
    assert value(j, env) == pytest.approx(value(one_n, env))
    graph = gd.Graph([x, y], [j])
    assert graph.variables == [w] and graph.inputs == (x, y)


def test_row_23_binary_cross_entropy():
    y, p = np.array([[1.0], [0.0], [1.0]]), np.array([[0.1], [0.8], [0.6]])
    assert gd.losses.BinaryCrossentropy()(y, p) == pytest.approx(1.474283, rel=1e-6)
    # at z = −6, y = 1: the two factors of the chain rule and their product ŷ − y
    z = gd.tensor("z", (1,), "float64")
    p = gd.sigmoid(z).named("ŷ")
    j = gd.losses.binary_crossentropy(np.ones(1), p)
    at = {z: [-6.0]}
    outer, whole = (value(gd.grad(j, v), at)[0] for v in (p, z))
    inner = value(gd.grad(gd.sum(p), z), at)[0]
    assert (outer, inner, whole) == pytest.approx((-404.4288, 0.0024665, -0.9975274), rel=1e-5)
    assert outer * inner == pytest.approx(whole, rel=1e-9)
    assert np.isfinite(value(j, {z: [-1e4]})).all()
