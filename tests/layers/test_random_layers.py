"""Dropout and its kin: one mask forward and back, another at each step and layer, none in use."""

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.interpret import interpret
from graphdl.layers.trace import Trace, tracing
from tests.training.nets import LABEL, X, compiled, same

NOISY = [
    gd.layers.Dropout(0.5), gd.layers.AlphaDropout(0.3), gd.layers.GaussianDropout(0.3),
    gd.layers.GaussianNoise(0.4),
]  # fmt: skip
ONES = np.ones((50, 40), np.float32)


def traced(layer, x):
    with tracing(Trace(training=True)):
        return layer(x)


def dropping(seed=None, rate=0.5):
    """Two layers of dropout in a network that copies its input."""
    layers = [gd.layers.Input((40,)), gd.layers.Dropout(rate, seed=seed)]
    eye = {"kernel_initializer": "identity", "use_bias": False, "trainable": False}
    return gd.Sequential([*layers, gd.layers.Dense(40, **eye), gd.layers.Dropout(rate, seed=seed)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", NOISY, ids=lambda layer: type(layer).__name__)
def test_compiled_draws_are_the_interpreters(layer, dtype):
    x = gd.tensor("x", ("n", 7), dtype)
    y = traced(layer, x)
    outputs = [y, gd.grad(gd.sum(y * y), x)]
    step = gd.function([x], outputs, target="python")
    data = np.random.default_rng(0).normal(size=(5, 7)).astype(dtype)
    gd.set_seed(11)
    for k in range(3):
        expected = interpret(outputs, {x: data}, seed=11, step=k)
        np.testing.assert_allclose(step(data), expected, rtol=1e-6)


def test_machine_code_draws_the_same():
    x = gd.tensor("x", ("n", 7))
    y = traced(gd.layers.Dropout(0.5), x)
    step = gd.function([x], [y, gd.grad(gd.sum(y), x)])
    gd.set_seed(11)
    for k in range(2):
        expected = interpret([y], {x: ONES[:5, :7]}, seed=11, step=k)[0]
        value, gradient = step(ONES[:5, :7])
        assert same(
            [value, gradient], [expected, expected]
        )  # the mask of the value is the gradient's


def test_masks_differ_between_layers_and_steps():
    model, seen = dropping(), []
    x = gd.tensor("x", ("n", 40))
    with tracing(Trace(training=True)):
        first = model.layers[0](x)
        second = model.layers[2](x)
    for step in (0, 1):
        seen += interpret([first, second], {x: ONES}, seed=1, step=step)
    for k, a in enumerate(seen):
        for b in seen[k + 1 :]:
            agree = ((a == 0) == (b == 0)).mean()
            assert 0.44 < agree < 0.56  # of 2000 independent coins: 0.5 ± 5 standard deviations


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_expectation_is_the_input(rate):
    y = gd.layers.Dropout(rate, seed=3)(np.ones((400, 100), np.float32), training=True)
    spread = np.sqrt(rate / (1 - rate) / y.size)
    assert abs(y.mean() - 1) < 5 * spread
    np.testing.assert_allclose(np.unique(y), [0, 1 / (1 - rate)], rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "spread"),
    [
        (gd.layers.AlphaDropout(0.2, seed=3), None),
        (gd.layers.GaussianDropout(0.2, seed=3), 0.5),
        (gd.layers.GaussianNoise(0.5, seed=3), 0.5),
    ],
)
def test_mean_and_spread_of_noise(layer, spread):
    x = np.random.default_rng(0).normal(size=(400, 100)).astype(np.float32)
    y = layer(x if spread is None else np.ones_like(x), training=True)
    mean, std = (0, 1) if spread is None else (1, spread)
    assert abs(y.mean() - mean) < 0.02 and abs(y.std() - std) < 0.02


@pytest.mark.parametrize("layer", NOISY, ids=lambda layer: type(layer).__name__)
def test_nothing_happens_in_use(layer):
    assert same([layer(ONES)], [ONES])
    x = gd.tensor("x", ("n", 4))
    with tracing(Trace(training=False)):
        assert layer(x) is x


def test_rate_zero_is_the_identity():
    x = gd.tensor("x", ("n", 4))
    for kind in (gd.layers.Dropout, gd.layers.AlphaDropout, gd.layers.GaussianDropout):
        assert traced(kind(0.0), x) is x
    assert traced(gd.layers.GaussianNoise(0.0), x) is x


def test_seed_of_a_layer_stands_above_the_process_seed():
    draws = []
    for seed in (1, 2):
        gd.set_seed(seed)
        draws.append(gd.layers.Dropout(0.5, seed=9)(ONES, training=True))
        draws.append(gd.layers.Dropout(0.5)(ONES, training=True))
    assert same(draws[:1], draws[2:3]) and not same(draws[1:2], draws[3:4])
    layer = gd.layers.Dropout(0.5, seed=9)
    assert not same([layer(ONES, training=True)], [layer(ONES, training=True)])


def test_noise_shape_shares_the_mask():
    y = gd.layers.Dropout(0.5, noise_shape=(None, 1), seed=1)(ONES, training=True)
    assert same([y], [np.repeat(y[:, :1], 40, axis=1)]) and len(np.unique(y)) == 2
    z = gd.layers.SpatialDropout1D(0.5, seed=1)(np.ones((5, 6, 7), np.float32), training=True)
    assert same([z], [np.repeat(z[:, :1], 6, axis=1)]) and len(np.unique(z)) == 2


def test_mask_stands_in_the_derivation():
    model = gd.Sequential(
        [
            gd.layers.Input((3,)),
            gd.layers.Dense(4, "relu"),
            gd.layers.Dropout(0.5),
            gd.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    text = str(model.derive("dense/kernel"))
    assert "∂h2/∂h1 = where(m2, 2, 0)" in text
    assert str(traced(gd.layers.Dropout(0.5), gd.tensor("x", ("n", 3)))).endswith(
        "where(random_uniform >= 0.5, x, 0)/0.5"
    )


def fitted(target, seed=5, layers=4, **rest):
    gd.set_seed(seed)
    body = [
        layer
        for _ in range(layers)
        for layer in (gd.layers.Dense(4, "tanh"), gd.layers.Dropout(0.25, **rest))
    ]
    model = compiled(
        gd.Sequential([gd.layers.Input((3,)), *body, gd.layers.Dense(1)]), target=target
    )
    history = model.fit(X, LABEL, epochs=2, batch_size=16, verbose=0)
    return history.history["loss"], model


def test_deep_stack_trains_the_same_compiled():
    """Segments that differ in their stream are not folded into one; the rest may be."""
    (ours, model), (plain, other) = fitted("cpu"), fitted("python")
    np.testing.assert_allclose(ours, plain, rtol=1e-5)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_same_seed_same_bits():
    (a, one), (b, two), (c, _) = fitted("python"), fitted("python"), fitted("python", seed=6)
    assert a == b and a != c and same(one.get_weights(), two.get_weights())


def test_changing_a_seed_compiles_nothing_anew():
    _, one = fitted("python", seed=1)
    _, two = fitted("python", seed=2)
    assert one.source_file == two.source_file
    _, one = fitted("python", layers=1, **{"seed": 100})
    _, two = fitted("python", layers=1, **{"seed": 2**40})
    assert one.source_file == two.source_file


def test_p_is_taken_as_rate():
    with pytest.warns(UserWarning, match=r"Dropout\(rate=0.5\) was meant"):
        assert gd.layers.Dropout(p=0.5).rate == 0.5


@pytest.mark.parametrize("kind", ["Dropout", "AlphaDropout", "GaussianDropout", "SpatialDropout1D"])
@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan"), "half"])
def test_rates_that_are_refused(kind, rate):
    with pytest.raises((ValueError, TypeError), match=f"{kind} rate"):
        getattr(gd.layers, kind)(rate)


def test_other_settings_that_are_refused():
    with pytest.raises(TypeError, match="once"):
        gd.layers.Dropout(0.5, p=0.5)
    with pytest.raises(ValueError, match="GaussianNoise stddev"):
        gd.layers.GaussianNoise(-1)
    with pytest.raises(ValueError, match="seed"):
        gd.layers.Dropout(0.5, seed=-1)
    with pytest.raises(gd.errors.ShapeError, match="noise_shape"):
        traced(gd.layers.Dropout(0.5, noise_shape=(None, 3)), gd.tensor("x", ("n", 4)))
