"""The lecture's items on optimizers, batches and overfitting: each row's number."""

import numpy as np
import pytest

import graphdl as gd

layers, studies = gd.layers, gd.studies


def data(rows=48, seed=0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, 3)).astype(np.float32)
    return x, (x.sum(1, keepdims=True) > 0).astype(np.float32)


def classifier(target="python", units=4):
    gd.set_seed(2)
    model = gd.Sequential(
        [layers.Input(shape=(3,)), layers.Dense(units, "tanh"), layers.Dense(1, "sigmoid")]
    )
    model.compile("sgd", "binary_crossentropy", target=target)
    return model


def after_one_step(optimizer):
    w = gd.Variable(1.0, "w", "float64")
    optimizer.apply_gradients([(np.float64(0.1), w)])
    return float(w.value)


def test_row_37_sgd_one_step():
    assert after_one_step(gd.optimizers.SGD()) == pytest.approx(0.999, abs=1e-9)


def test_row_38_adam_one_step():
    assert after_one_step(gd.optimizers.Adam()) == pytest.approx(0.999000031622, abs=2e-10)


def test_row_42_optimizers_on_one_landscape():
    w = gd.Variable([-2.0, 1.5], "w", "float64")
    j = (gd.square(w[0]) + 20 * gd.square(w[1])) / 2
    seen = studies.compare_optimizers(j, w, ["sgd", "adam"], steps=40, target="python")
    assert [r.name for r in seen.runs] == ["SGD", "Adam"]
    for run in seen.runs:
        assert run.points.shape == (41, 2)
        assert run.points[0].tolist() == [-2, 1.5]
        at = (run.points[:, 0] ** 2 + 20 * run.points[:, 1] ** 2) / 2
        assert run.losses == pytest.approx(at)
        assert run.losses[-1] < 0.1 * run.losses[0]
    sgd = seen.runs[0]
    steps = np.arange(41)
    assert sgd.points[:, 1] == pytest.approx(
        1.5 * (1 - 20 * sgd.rate) ** steps, rel=1e-4, abs=1e-12
    )
    assert w.value.tolist() == [-2, 1.5]


def test_row_44_operations_of_one_gradient_as_a_formula_in_n():
    x, y = data()
    seen = studies.gradient_flops(classifier(), x, y)
    assert [names for names, _ in seen.formula.terms] == [("n",), ()]
    assert seen.at(n=64) - seen.at(n=63) == seen.at(n=2) - seen.at(n=1)
    # the products alone: x·W₁, h·W₂, δ₂·W₂ᵀ, hᵀ·δ₂, xᵀ·δ₁, two operations for each element
    assert seen.at(n=1) > 2 * (12 + 4 + 4 + 4 + 12)


def test_row_44_a_small_gradient_counted_by_hand():
    x, y = gd.tensor("x", ("n", 3)), gd.tensor("y", ("n", 5))
    w = gd.Variable(np.zeros((3, 5)), "W")
    seen = studies.gradient_flops(
        gd.sum(gd.square(x @ w - y)), data={x: np.zeros((4, 3)), y: np.zeros((4, 5))}
    )
    # x·W: 2·3·5; the difference, its square, their sum, 2·difference: 4·5; xᵀ·that: 2·3·5
    assert str(seen.formula) == "80·n" and seen.at(n=10) == 800


def test_row_45_the_mean_of_single_gradients_is_the_gradient():
    model, (x, y) = classifier(), data()
    single = [model.gradients(x[k : k + 1], y[k : k + 1]) for k in range(len(x))]
    full = model.gradients(x, y)
    for name, slope in full.items():
        assert np.mean([g[name] for g in single], 0) == pytest.approx(slope, rel=1e-5, abs=1e-6)
    assert studies.gradient_noise(model, x, y, batch_sizes=[1], draws=2).single_mean_error < 1e-6


def test_row_46_noise_falls_with_the_root_of_the_batch():
    model, (x, y) = classifier(), data()
    seen = studies.gradient_noise(model, x, y, batch_sizes=[1, 4, 16, 64], draws=300)
    assert seen.scaled == pytest.approx(np.full(4, seen.sigma), rel=0.12)


def test_row_46_one_gradient_serves_every_batch_and_the_ragged_last():
    model, (x, y) = classifier(), data(50)
    model.fit(x, y, epochs=1, batch_size=16, verbose=0)
    model.fit(x, y, epochs=1, batch_size=7, verbose=0)
    assert len(model._runners) == 1


def test_row_47_throughput_against_the_batch():
    model, (x, y) = classifier(), data()
    before = model.get_weights()
    seen = studies.throughput(model, x, y, batch_sizes=[4, 32, 1000], seconds=0.0)
    assert seen.batch_sizes.tolist() == [4, 32, 48]  # no batch is larger than the data
    assert np.all(seen.examples_per_second > 0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_row_48_under_and_overfitting():
    draw = np.random.default_rng(0)

    def wave(rows):
        x = draw.uniform(-3, 3, (rows, 1))
        return x, np.sin(2 * x) + 0.3 * draw.normal(size=(rows, 1))

    def python(width):
        model = gd.Sequential(
            [layers.Input(shape=(1,)), layers.Dense(width, "tanh"), layers.Dense(1)]
        )
        model.compile(gd.optimizers.Adam(0.02), "mse", target="python")
        return model

    seen = studies.capacity(
        wave(20), wave(100), widths=(1, 16), build=python, epochs=600, batch_size=20, seed=1
    )
    assert seen.parameters.tolist() == [4, 49]
    assert (
        seen.train[1, -1] < 0.5 * seen.train[0, -1]
    )  # more capacity learns more of the training data
    assert seen.gaps[1] > 0 and seen.train.shape == (2, 600)


def test_row_49_a_penalty_is_seen_in_the_gradient():
    w = gd.Variable(np.array([[1.0, -2.0]]), "W", "float64")
    penalty = gd.regularizers.L2(0.1)(w)
    assert gd.interpret([gd.grad(penalty, w)], {})[0] == pytest.approx(2 * 0.1 * w.value)


def test_row_52_the_core_of_the_lecture_on_one_page():
    """A perceptron; a network; its training with mini-batches: three lines each."""
    x, y = data()
    assert layers.Dense(1, "sigmoid")(x).shape == (48, 1)
    model = classifier()
    assert model.predict(x).shape == (48, 1)
    history = model.fit(x, y, epochs=3, batch_size=16, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def test_row_55_names_of_a_layer_and_a_model():
    model = classifier()
    assert model.layers[0].trainable_variables == model.trainable_variables[:2]
    assert [w.name for w in model.trainable_variables] == [
        "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias",
    ]  # fmt: skip
    assert model.metrics_names == ["loss"]
