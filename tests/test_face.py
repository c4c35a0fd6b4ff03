"""The programs that are the public contract, on the names given."""

import numpy as np
import pytest
import sympy

import graphdl as gd


@pytest.fixture
def data():
    gd.set_seed(0)
    (x_train, y_train), (x_test, y_test) = gd.datasets.load_breast_cancer()
    return x_train, y_train, x_test, y_test


def test_program_a(data, capsys):
    x_train, y_train, x_test, y_test = data
    model = gd.Sequential([
        gd.layers.Input(shape=x_train.shape[1:]),
        gd.layers.Dense(16, activation="relu"),
        gd.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x_train, y_train, epochs=10, batch_size=32, validation_data=(x_test, y_test)
    )
    assert history.history["val_accuracy"][-1] > 0.9
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    loss, accuracy = model.evaluate(x_test, y_test)
    assert accuracy == pytest.approx(history.history["val_accuracy"][-1])
    assert loss == pytest.approx(history.history["val_loss"][-1])
    assert model.predict(x_test).shape == (len(x_test), 1)
    model.summary()
    assert "Total params: 513" in capsys.readouterr().out


def test_program_b(data):
    x_train, y_train = data[0], data[1][:, None]
    x = gd.tensor("x", shape=("n", "m"))
    y = gd.tensor("y", shape=("n", 1))
    W = gd.Variable(np.zeros((30, 1)), name="W")
    b = gd.Variable(np.zeros(1), name="b")
    z = (x @ W + b).named("z")
    p = gd.sigmoid(z).named("ŷ")
    J = gd.mean(gd.losses.binary_crossentropy(y, p)).named("J")
    dW, db = gd.grad(J, [W, b])
    assert str(dW).startswith("xᵀ @ (") and "ŷ" in str(dW)
    assert r"\hat{y}" in dW.latex()
    step = gd.function([x, y], J, updates={W: W - 0.1 * dW, b: b - 0.1 * db})
    losses = [float(step(x_train, y_train)) for _ in range(20)]
    assert losses[0] == pytest.approx(np.log(2), rel=1e-6) and losses[-1] < 0.3
    assert np.abs(W.value).max() > 0
    assert "def run(" in step.source and step.source_file.endswith(".py")
    assert step.program.items and len(step.graph.nodes) > 5
    assert "bce∘sigmoid" in step.explain()


def test_program_c(data):
    swish = gd.elementwise("swish", lambda z: z / (1 + sympy.exp(-z)))
    layer = gd.layers.Dense(16, activation=swish)
    x = np.linspace(-3, 3, 60, dtype=np.float32).reshape(2, 30)
    out = layer(x)
    kernel, bias = layer.get_weights()
    z = x @ kernel + bias
    np.testing.assert_allclose(out, z / (1 + np.exp(-z)), rtol=1e-5, atol=1e-6)


def test_program_e():
    class MyDenseLayer(gd.layers.Layer):
        def __init__(self, input_dim, output_dim):
            super().__init__()
            self.W = self.add_weight([input_dim, output_dim])
            self.b = self.add_weight([1, output_dim])

        def call(self, inputs):
            z = gd.matmul(inputs, self.W) + self.b
            return gd.sigmoid(z)

    model = gd.Sequential([gd.layers.Input(shape=(3,)), MyDenseLayer(3, 2)])
    x = np.ones((5, 3), np.float32)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict(x), 1 / (1 + np.exp(-(x @ kernel + bias))), rtol=1e-5)
    assert (kernel.shape, bias.shape) == ((3, 2), (1, 2))


def test_program_f():
    assert float(gd.sigmoid(-6.0)) == pytest.approx(0.0024726231566, rel=1e-6)
    y_true, y_pred, w = np.array([[1.0], [0.0]]), np.array([[2.0], [-1.0]]), np.array([1.0, 0.5])
    loss = gd.losses.BinaryCrossentropy(from_logits=True)(y_true, y_pred, sample_weight=w)
    expected = (np.log1p(np.exp(-2.0)) + 0.5 * np.log1p(np.exp(-1.0))) / 2
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    m = gd.metrics.Precision()
    m.update_state(y_true, np.array([[0.9], [0.7]]), sample_weight=w)
    assert m.result() == pytest.approx(1 / 1.5)
    W = gd.Variable(np.ones(3), name="W")
    opt = gd.optimizers.Adam(1e-3, clipnorm=1.0)
    opt.apply_gradients(zip([np.array([3.0, 0.0, 4.0])], [W], strict=True))
    np.testing.assert_allclose(W.value, [0.999, 1.0, 0.999], atol=2e-6)
    assert gd.activations.gelu(np.linspace(-3, 3, 7)).shape == (7,)
    assert gd.initializers.GlorotUniform(seed=0)((64, 32)).shape == (64, 32)
    assert float(gd.interpret([gd.regularizers.L2(0.01)(W)], {})[0]) == pytest.approx(
        0.01 * float((W.value**2).sum()), rel=1e-6
    )
