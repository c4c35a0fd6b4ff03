"""`model.lint()`: each fault is found with its proof; sound networks are left in peace."""

import numpy as np
import pytest

import graphdl as gd

layers = gd.layers


def model(*parts, loss="mse", inputs=2):
    made = gd.Sequential([layers.Input(shape=(inputs,)), *parts])
    made.compile("sgd", loss, target="python")
    return made


class On(layers.Layer):
    """A function as a layer."""

    def __init__(self, function, **rest):
        super().__init__(**rest)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def standardised(x):
    return (x - gd.mean(x, 0, keepdims=True)) / gd.sqrt(gd.var(x, 0, keepdims=True) + 1e-3)


def rules(made):
    return [finding.rule for finding in made.lint()]


def test_a_finding_says_where_why_and_what_helps():
    report = model(layers.Dense(8), layers.Dense(2)).lint()
    (finding,) = report
    assert finding.where == "dense → dense_1" and finding.severity == "warning"
    assert "x·(W₁·W₂) + (b₁·W₂ + b₂)" in finding.proof and "relu" in finding.cure
    assert str(report).splitlines()[0] == "sequential: 1 finding"
    assert str(model(layers.Dense(1)).lint()) == "sequential: nothing found"


# ------------------------------------------------------------------ sound networks


SOUND = {
    "the first program": lambda: model(
        layers.Dense(16, "relu"), layers.Dense(1, "sigmoid"), loss="binary_crossentropy"
    ),
    "a perceptron": lambda: model(layers.Dense(1, "sigmoid"), loss="binary_crossentropy"),
    "deep": lambda: model(
        *(layers.Dense(8, a) for a in ("relu", "tanh", "sigmoid", "softplus", "gelu", "silu")),
        layers.Dense(3, "softmax"), loss="categorical_crossentropy",
    ),
    "sparse": lambda: model(
        layers.Dense(8, "relu"), layers.Dense(3, "softmax"), loss="sparse_categorical_crossentropy"
    ),
    "regression": lambda: model(layers.Dense(8, "relu"), layers.Dense(1)),
    "linear regression": lambda: model(layers.Dense(1)),
    "logits": lambda: model(
        layers.Dense(8, "relu"), layers.Dense(1), loss=gd.losses.BinaryCrossentropy(from_logits=True)
    ),
    "normalised": lambda: model(
        layers.Dense(8, use_bias=False), On(standardised), layers.Dense(8, "relu"), layers.Dense(1)
    ),
    "penalised": lambda: model(layers.Dense(8, "relu", kernel_regularizer="l2"), layers.Dense(1)),
    "own loss": lambda: model(
        layers.Dense(4, "tanh"), layers.Dense(1, "sigmoid"),
        loss=lambda y, p: -gd.mean(y * gd.log(p) + (1 - y) * gd.log(1 - p), -1),
    ),
    "own softmax loss": lambda: model(
        layers.Dense(4, "tanh"), layers.Dense(3, "softmax"),
        loss=lambda y, p: -gd.sum(y * gd.log(p), -1),
    ),
    "log of the data": lambda: model(On(gd.log), layers.Dense(1)),
    "log of a positive number": lambda: model(
        layers.Dense(4), On(lambda x: gd.log(gd.relu(x) + 1e-6)), layers.Dense(1)
    ),
    "masked log": lambda: model(
        layers.Dense(4), On(lambda x: gd.where(x > 0, gd.log(x), 0.0)), layers.Dense(1)
    ),
    "safe argument": lambda: model(
        layers.Dense(4), On(lambda x: gd.log(gd.where(x > 0.5, x, 1.0))), layers.Dense(1)
    ),
    "norm": lambda: model(
        layers.Dense(4), On(lambda x: x / (1 + gd.norm(x, -1, keepdims=True))), layers.Dense(1)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_found_in_a_sound_network(name):
    assert rules(SOUND[name]()) == []


# ------------------------------------------------------------------ linear layers


def test_an_activation_or_a_single_layer_ends_the_run():
    made = model(
        layers.Dense(4), layers.Dense(4), layers.Dense(3, "tanh"), layers.Dense(2), layers.Dense(1)
    )
    assert [f.where for f in made.lint()] == ["dense → dense_1 → dense_2", "dense_3 → dense_4"]


def test_a_linear_bottleneck_is_said_to_have_a_rank():
    (finding,) = model(layers.Dense(2), layers.Dense(5), inputs=5).lint()
    assert "of rank 2 at most" in finding.proof


def test_layers_that_are_added_up_do_not_collapse():
    x = layers.Input(shape=(3,))
    first = layers.Dense(3, "relu")(x)
    made = gd.Model(x, layers.Dense(1)(first + layers.Dense(3)(x)))
    assert rules(made) == []


# ------------------------------------------------------------------ weights without effect


def gradients_are_zero(made, names):
    """Backpropagation agrees: the gradients of these weights are 0, of the others not."""
    x = np.random.default_rng(0).normal(size=(16, 2))
    y = np.random.default_rng(1).normal(size=(16, made.output_shape[-1]))
    found = made.gradients(x, y)
    scale = max(np.abs(g).max() for g in found.values())
    small = {n for n, g in found.items() if np.abs(g).max() <= 1e-6 * scale}
    return small == set(names)


def test_a_bias_before_a_normalisation():
    made = model(layers.Dense(4), On(standardised), layers.Dense(4, "relu"), layers.Dense(1))
    (finding,) = made.lint()
    assert (finding.rule, finding.where) == ("weight without effect", "dense/bias")
    assert "move by the same amount" in finding.proof
    assert gradients_are_zero(made, ["dense/bias"])


def test_a_bias_before_a_normalisation_by_row_has_an_effect():
    rows = lambda x: x - gd.mean(x, -1, keepdims=True)  # noqa: E731
    assert rules(model(layers.Dense(4), On(rows), layers.Dense(4, "relu"), layers.Dense(1))) == []


class Unused(layers.Layer):
    """x·W, and a weight that nothing uses."""

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1], 1), name="used")
        self.idle = self.add_weight((3,), name="idle")

    def call(self, inputs):
        return inputs @ self.w


def test_a_weight_that_nothing_uses():
    (finding,) = model(Unused()).lint()
    assert finding.where.endswith("/idle") and "no path leads" in finding.proof


FLAT = {"stop_gradient": gd.stop_gradient, "sign": gd.sign, "round": gd.round}


@pytest.mark.parametrize("name", FLAT)
def test_what_lies_before_a_flat_function_is_not_learnt(name):
    made = model(layers.Dense(4, "tanh"), On(FLAT[name]), layers.Dense(1))
    dead = ["dense/kernel", "dense/bias"]
    assert [f.where for f in made.lint()] == dead
    assert gradients_are_zero(made, dead)


def test_what_is_multiplied_by_zero_is_not_learnt():
    made = model(layers.Dense(4, "tanh"), On(lambda x: x * 0.0), layers.Dense(1))
    proofs = {f.where: f.proof for f in made.lint()}
    assert "multiplied by 0" in proofs["dense/kernel"]


def test_softmax_over_one_unit_is_a_constant_loss():
    made = model(layers.Dense(4, "tanh"), layers.Dense(1), On(gd.softmax))
    (finding,) = made.lint()
    assert finding.rule == "constant loss" and finding.severity == "error"
    assert "single unit" in finding.proof
    assert all(not np.any(g) for g in made.gradients(np.ones((3, 2)), np.zeros((3, 1))).values())


# ------------------------------------------------------------------ logarithms and divisions


HAZARDS = {
    "log of relu": (lambda x: gd.log(gd.relu(x)), "log reachable at 0"),
    "log of anything": (gd.log, "log reachable at 0"),
    "division": (lambda x: 1 / x, "div reachable at 0"),
    "division by a square": (lambda x: 1 / gd.square(x), "div reachable at 0"),
    "root": (lambda x: gd.sqrt(gd.relu(x)), "sqrt reachable at 0"),
    "inverse root": (lambda x: gd.rsqrt(gd.relu(x)), "rsqrt reachable at 0"),
    "power": (lambda x: gd.relu(x) ** -0.5, "pow reachable at 0"),
    "log1p": (lambda x: gd.log1p(gd.tanh(x) * 2), "log1p reachable at −1"),
    "product of sigmoids": (
        lambda x: gd.log(gd.sigmoid(x) * gd.sigmoid(x + 1)), "log reachable at 0 by rounding",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HAZARDS)
def test_a_singular_place_in_reach(name):
    function, rule = HAZARDS[name]
    made = model(layers.Dense(4, "tanh"), layers.Dense(4), On(function), layers.Dense(1))
    (finding,) = made.lint()
    assert finding.rule == rule
    assert finding.severity == ("warning" if rule.endswith("rounding") else "error")
    assert "test_lint.py" in finding.where


def test_which_end_rounding_reaches_is_said():
    made = model(layers.Dense(4), On(HAZARDS["product of sigmoids"][0]), layers.Dense(1))
    assert "below z ≈ −104 and exactly 1 above z ≈ 17" in made.lint()[0].proof
    at = np.float32([-104.5, -103, 16, 17.5])
    assert (
        gd.sigmoid(at).tolist()[0] == 0 < gd.sigmoid(at)[1]
        and gd.sigmoid(at)[2] < 1 == gd.sigmoid(at)[3]
    )


# ------------------------------------------------------------------ losses that do not fit


def test_a_prediction_that_is_no_probability():
    made = model(layers.Dense(4, "relu"), layers.Dense(1), loss="binary_crossentropy")
    (finding,) = made.lint()
    assert finding.rule == "not a probability" and "(−∞, ∞)" in finding.proof


@pytest.mark.parametrize(
    ("last", "loss", "least"),
    [
        (layers.Dense(1, "sigmoid"), gd.losses.BinaryCrossentropy, np.log(2)),
        (layers.Dense(1, "tanh"), gd.losses.BinaryCrossentropy, np.log1p(np.exp(-1))),
        (layers.Dense(3, "softmax"), gd.losses.CategoricalCrossentropy, np.log1p(2 * np.exp(-1))),
    ],
)
def test_logits_that_are_bounded_bound_the_loss(last, loss, least):
    made = model(layers.Dense(4, "relu"), last, loss=loss(from_logits=True))
    (finding,) = made.lint()
    assert finding.rule == "bounded logits"
    assert f"above {least:.4g}" in finding.proof


def test_squared_error_of_a_sigmoid():
    made = model(layers.Dense(4, "relu"), layers.Dense(1, "sigmoid"))
    assert rules(made) == ["flat where most wrong"]
    s = gd.sigmoid(-10.0)
    assert abs(2 * (s - 1) * s * (1 - s)) == pytest.approx(9e-5, rel=0.02)  # the number it states


def test_a_model_is_read_before_it_is_compiled():
    made = gd.Sequential([layers.Input(shape=(2,)), layers.Dense(3), layers.Dense(1)])
    assert rules(made) == ["linear layers collapse"]
    with pytest.raises(gd.errors.NotBuiltError, match="Input"):
        gd.Sequential([layers.Dense(1)]).lint()


def test_linting_changes_nothing():
    made = model(layers.Dense(3), layers.Dense(1))
    before = made.get_weights()
    made.lint()
    assert all(np.array_equal(a, b) for a, b in zip(before, made.get_weights(), strict=True))
    assert not made._runners and not made.optimizer.slots
