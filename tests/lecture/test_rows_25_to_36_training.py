"""The lecture's items on minimising the loss: each row's number."""

import numpy as np
import pytest

import graphdl as gd

layers, studies = gd.layers, gd.studies


def line_data(rows=60):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 2))
    return x, x @ [[1.0], [-2.0]] + 0.5 + 0.1 * draw.normal(size=(rows, 1))


def linear_problem():
    """(J, its weights, its data, the solution of the normal equations)"""
    x_data, y_data = line_data()
    x, y = gd.tensor("x", ("n", 2), "float64"), gd.tensor("y", ("n", 1), "float64")
    w = gd.Variable(np.zeros((2, 1)), "W", "float64")
    b = gd.Variable(np.zeros(1), "b", "float64")
    j = gd.mean(gd.square(x @ w + b - y))
    full = np.column_stack([x_data, np.ones(len(x_data))])
    return j, [w, b], {x: x_data, y: y_data}, np.linalg.solve(full.T @ full, full.T @ y_data)


def network(*units, activation="tanh", rate=0.1, inputs=2, loss="mse", last="linear"):
    gd.set_seed(1)
    hidden = [layers.Dense(u, activation) for u in units[:-1]]
    model = gd.Sequential([layers.Input(shape=(inputs,)), *hidden, layers.Dense(units[-1], last)])
    model.compile(gd.optimizers.SGD(rate), loss, target="python")
    return model


def test_row_25_mean_squared_error_in_two_spellings():
    y, p = np.array([90.0, 20.0, 95.0]), np.array([30.0, 80.0, 85.0])
    first = gd.mean(gd.square(gd.subtract(y, p)))
    second = gd.losses.mean_squared_error(y, p)
    assert first == pytest.approx(second) == pytest.approx(2433.33, abs=5e-3)
    node = gd.tensor("p", (3,), "float64")
    slope = gd.grad(gd.losses.mean_squared_error(y, node), node)
    assert gd.interpret([slope], {node: p})[0] == pytest.approx(2 * (p - y) / 3)


def test_row_26_gradient_descent_ends_at_the_normal_equations():
    j, w, data, solution = linear_problem()
    found = studies.minimise(j, wrt=w, data=data, tolerance=1e-10, target="python")
    exact = studies.closed_form(j, wrt=w, data=data, target="python")
    assert found.reason == "converged"
    for result in (found, exact):
        assert np.vstack([result.weights[0], result.weights[1]]) == pytest.approx(
            solution, abs=1e-9
        )
    assert exact.loss <= found.loss + 1e-15


def test_row_27_a_small_step_lowers_j_by_eta_times_the_squared_gradient():
    j, w, data, _ = linear_problem()
    run = studies.learning_rate_study(j, rates=[1e-6], steps=1, wrt=w, data=data, target="python")
    slope = gd.interpret(gd.grad(j, w), data)
    squared = sum(np.sum(g**2) for g in slope)
    assert run.losses[0, 0] - run.losses[0, 1] == pytest.approx(1e-6 * squared, rel=1e-4)


def test_row_28_gradient_descent_returns_weights_steps_and_reason():
    j, w, data, _ = linear_problem()
    for rate, steps, reason in (
        (0.1, 10_000, "converged"),
        (0.1, 5, "max_steps"),
        (100.0, 10_000, "diverged"),
    ):
        found = studies.minimise(
            j, wrt=w, data=data, learning_rate=rate, max_steps=steps, target="python"
        )
        assert found.reason == reason
    assert w[0].value.tolist() == [[0], [0]]  # as they were, until the result is assigned
    found = studies.minimise(j, wrt=w, data=data, max_steps=5, target="python")
    assert found.steps == 5 and len(found.losses) == 6
    found.assign()
    assert np.array_equal(w[0].value, found.weights[0])


def test_row_33_the_slice_passes_through_the_trained_weights():
    model = network(4, 1)
    x, y = line_data()
    path = studies.WeightPath()
    model.fit(x, y, epochs=5, verbose=0, callbacks=[path])
    loss = model.evaluate(x, y, batch_size=len(x), verbose=0)
    for along in ("random", "pca", [("dense/kernel", (0, 1)), ("dense_1/bias", 0)]):
        seen = studies.landscape(model, x, y, along=along, path=path, points=5)
        assert seen.centre == pytest.approx(loss, rel=1e-6)
        assert seen.losses[2, 2] == seen.centre  # the middle of the grid
        assert seen.path.shape == (6, 2)
        assert seen.path[-1] == pytest.approx([0, 0], abs=1e-12)


def test_row_34_learning_rates():
    w = gd.Variable(1.0, "w", "float64")
    seen = studies.learning_rate_study(
        gd.square(w) / 2, rates=[0.01, 1.9, 2.0, 2.1], target="python"
    )
    final = [float(values[0]) for values in seen.weights]
    assert final == pytest.approx([0.60501, 0.005154, 1, 117.39], rel=1e-4)
    assert seen.limit == 2
    words = [seen.verdict(rate).split()[0] for rate in seen.rates]
    assert words == ["stable:", "stable:", "at", "large:"]


def test_row_34_the_limit_of_a_quadratic_is_exact():
    j, w, data, _ = linear_problem()
    limit = studies.curvature(j, wrt=w, data=data, target="python").limit
    seen = studies.learning_rate_study(
        j, rates=[0.99 * limit, 1.01 * limit], steps=1000, wrt=w, data=data, target="python"
    )
    assert seen.losses[0, -1] < seen.losses[0, 0] < seen.losses[1, -1]


def test_row_35_a_sweep_of_rates():
    w = gd.Variable(1.0, "w", "float64")
    rates = np.geomspace(0.01, 1.9, 9)
    seen = studies.learning_rate_study(gd.square(w) / 2, rates=rates, steps=20, target="python")
    assert seen.losses[:, -1] == pytest.approx((1 - rates) ** 40 / 2)
    assert seen.best == rates[np.argmin(np.abs(1 - rates))]


def test_row_36_the_rate_of_each_weight_over_time():
    j, w, data, _ = linear_problem()

    def of(optimizer):
        return studies.effective_rates(
            j, optimizer=optimizer, steps=8, wrt=w, data=data, target="python"
        )

    assert of(gd.optimizers.SGD(0.25)).rates == pytest.approx(np.full((8, 3), 0.25), rel=1e-6)
    adam = of(gd.optimizers.Adam(0.01)).rates
    slopes = np.concatenate([np.ravel(g) for g in gd.interpret(gd.grad(j, w), data)])
    assert adam[0] == pytest.approx(0.01 / np.abs(slopes), rel=1e-5)  # the first step is η·sign(g)
    assert adam[0].std() > 0.001  # and so each weight has a rate of its own
