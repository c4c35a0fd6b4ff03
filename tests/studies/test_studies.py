"""Studies: what they return, what they leave alone, what they refuse, and that they draw."""

import subprocess
import sys

import numpy as np
import pytest

import graphdl as gd
from graphdl import config
from graphdl.studies.landscape import filter_normalised

layers, studies = gd.layers, gd.studies


@pytest.fixture
def figures():
    """Pictures are closed again."""
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    yield pyplot
    pyplot.close("all")


def data(rows=40):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 2)).astype(np.float32)
    return x, (x[:, :1] * x[:, 1:] > 0).astype(np.float32)


def model(optimizer=None, target="python", units=4):
    gd.set_seed(3)
    parts = [layers.Dense(units, "tanh"), layers.Dense(1, "sigmoid")]
    made = gd.Sequential([layers.Input(shape=(2,)), *parts])
    made.compile(
        optimizer or gd.optimizers.Adam(0.02), "binary_crossentropy", ["accuracy"], target=target
    )
    return made


def bowl(values=(3.0, -1.0)):
    w = gd.Variable(list(values), "w", "float64")
    return (gd.square(w[0]) + 10 * gd.square(w[1])) / 2, w


def everything(made):
    """All bits that a study could change."""
    arrays = [v.storage.tobytes() for v in (*made.weights, *made.optimizer.variables)]
    metrics = [v.storage.tobytes() for m, _ in made._metrics or () for v in m.variables]
    return arrays, metrics, made._tracker.result(), config._seed, len(config._counter)


# ------------------------------------------------------------------ a model is left as it is


STUDIES = {
    "range_test": lambda m, x, y: studies.range_test(m, x, y, steps=12),
    "landscape": lambda m, x, y: studies.landscape(m, x, y, points=3),
    "learning_rate_study": lambda m, x, y: studies.learning_rate_study(m, x, y, steps=3),
    "curvature": studies.curvature,
    "effective_rates": lambda m, x, y: studies.effective_rates(m, x, y, steps=3),
    "gradient_noise": lambda m, x, y: studies.gradient_noise(m, x, y, batch_sizes=[4], draws=3),
    "throughput": lambda m, x, y: studies.throughput(m, x, y, batch_sizes=[8], seconds=0),
    "minimise": lambda m, x, y: studies.minimise(m, x, y, max_steps=3),
    "gradient_flops": studies.gradient_flops,
    "decision": lambda m, x, y: studies.decision(m, (x, y), points=5, target="python"),
    "collapse": lambda m, x, y: studies.collapse(m),
}


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_leaves_the_model_as_it_is_to_the_bit(name, trained):
    made, (x, y) = model(), data()
    if trained:
        made.fit(x, y, epochs=2, verbose=0)
    before = everything(made)
    STUDIES[name](made, x, y)
    assert everything(made) == before


def test_training_goes_on_as_if_there_had_been_no_range_test():
    (x, y), ends = data(), []
    for studied in (False, True):
        made = model()
        made.fit(x, y, epochs=2, verbose=0)
        if studied:
            studies.range_test(made, x, y, steps=20, high=100.0)
        made.fit(x, y, epochs=2, verbose=0)
        ends.append(made.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


# ------------------------------------------------------------------ range test


def test_the_range_test_trains_at_growing_rates():
    made, (x, y) = model(gd.optimizers.SGD(0.5)), data()
    seen = studies.range_test(made, x, y, low=1e-3, high=10.0, steps=20, batch_size=40)
    assert seen.rates == pytest.approx(np.geomspace(1e-3, 10, 20))
    first = made.evaluate(x, y, batch_size=40, verbose=0, return_dict=True)["loss"]
    assert seen.losses[0] == pytest.approx(first, rel=1e-6)
    # the second loss is that after one step at the lowest rate
    made.optimizer.learning_rate = 1e-3
    made.train_on_batch(x, y)
    second = made.evaluate(x, y, batch_size=40, verbose=0, return_dict=True)["loss"]
    assert seen.losses[1] == pytest.approx(second, rel=1e-6)
    assert 1e-3 <= seen.steepest <= 10 and seen.ended == "all steps"


def test_the_range_test_stops_when_the_loss_explodes():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(40, 2)), draw.normal(size=(40, 1))
    made = gd.Sequential([layers.Input(shape=(2,)), layers.Dense(1)])
    made.compile("sgd", "mse", target="python")
    seen = studies.range_test(made, x, y, low=1e-3, high=1e4, steps=60)
    assert seen.ended == "diverged" and len(seen.rates) < 60
    assert seen.steepest < seen.rates[-1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"low": 1.0, "high": 0.1}, "low < high"),
        ({"low": 0.0}, "low < high"),
        ({"steps": 3}, "steps"),
        ({"high": float("nan")}, "high"),
    ],
)
def test_a_bad_range_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        studies.range_test(model(), *data(), **settings)


# ------------------------------------------------------------------ curvature and landscape


def test_the_hessian_is_that_of_second_differences():
    made, (x, y) = model(units=2), data()
    h = studies.curvature(made, x, y).hessian
    weights, step = made.get_weights(), 1e-2

    def slope(k, move):
        moved = [w.copy() for w in weights]
        moved[0].flat[k] += move
        made.set_weights(moved)
        found = made.gradients(x, y)
        made.set_weights(weights)
        return np.concatenate([np.ravel(g) for g in found.values()])

    for k in range(4):
        column = (slope(k, step) - slope(k, -step)) / (2 * step)
        assert h[:, k] == pytest.approx(column, abs=2e-4)


def test_lanczos_finds_the_largest_eigenvalue(monkeypatch):
    made, (x, y) = model(), data()
    exact = studies.curvature(made, x, y)
    monkeypatch.setattr(sys.modules["graphdl.studies.curvature"], "EXACT", 0)
    found = studies.curvature(made, x, y)
    assert not found.exact and exact.exact
    assert found.largest == pytest.approx(exact.largest, rel=1e-4)


def test_random_directions_have_the_norm_of_each_filter():
    weight = np.random.default_rng(0).normal(size=(5, 3))
    direction = filter_normalised(np.random.default_rng(1).normal(size=(5, 3)), weight)
    assert np.linalg.norm(direction, axis=0) == pytest.approx(np.linalg.norm(weight, axis=0))
    assert not np.any(filter_normalised(np.ones(3), np.ones(3)))  # a bias stays where it is


def test_the_plane_of_two_weights():
    j, w = bowl()
    seen = studies.landscape(j, along=[("w", 0), (w, 1)], span=2.0, points=5, target="python")
    at0, at1 = 3 + seen.alphas[None, :], -1 + seen.betas[:, None]
    assert seen.losses == pytest.approx((at0**2 + 10 * at1**2) / 2)
    assert seen.labels == ("change of w[0]", "change of w[1]")


def test_the_principal_plane_holds_most_of_the_path():
    made, (x, y) = model(gd.optimizers.SGD(0.5)), data()
    path = studies.WeightPath()
    made.fit(x, y, epochs=8, verbose=0, callbacks=[path])
    seen = studies.landscape(made, x, y, along="pca", path=path, points=3)
    assert len(path.points) == 9 and seen.path.shape == (9, 2)
    assert 0.9 < sum(seen.explained) <= 1 and seen.explained[0] >= seen.explained[1]
    flat = np.array([np.concatenate([np.ravel(a) for a in d]) for d in seen.directions])
    assert flat @ flat.T == pytest.approx(np.eye(2), abs=1e-9)


def test_one_program_serves_the_whole_grid(monkeypatch):
    from graphdl.studies import rows as module

    made = []
    real = module.Runner
    monkeypatch.setattr(module, "Runner", lambda *a, **k: made.append(1) or real(*a, **k))
    studies.landscape(model(), *data(), points=7)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"along": "pca"}, ValueError, "WeightPath"),
        (
            {"along": [("nowhere", 0), ("w", 0)]},
            gd.errors.GraphError,
            "no weight is called 'nowhere'",
        ),
        ({"along": [("w", 7), ("w", 0)]}, gd.errors.ShapeError, "no element"),
        ({"along": 3}, ValueError, "two weights"),
        ({"points": 1}, ValueError, "points"),
        ({"span": 0}, ValueError, "span"),
        ({"seed": -1}, ValueError, "seed"),
        ({"path": [[np.zeros(5)]]}, gd.errors.ShapeError, "path"),
    ],
)
def test_a_bad_landscape_is_refused(settings, error, message):
    with pytest.raises(error, match=message):
        studies.landscape(bowl()[0], target="python", **settings)


# ------------------------------------------------------------------ minima, optimizers


def test_a_singular_problem_has_a_closed_form_too():
    w = gd.Variable([1.0, 5.0], "w", "float64")
    found = studies.closed_form(gd.square(w[0] + w[1] - 2), target="python")
    assert found.loss == pytest.approx(0, abs=1e-25)
    assert found.weights[0] == pytest.approx([-1, 3])  # the nearest point of the line


def test_what_is_not_quadratic_has_no_closed_form():
    with pytest.raises(gd.errors.GraphError, match="not quadratic"):
        studies.closed_form(model(), *data())


def test_a_compiled_minimisation():
    j, w = bowl()
    found = studies.minimise(j, tolerance=1e-8, max_steps=2000)
    assert found.reason == "converged" and found.gradient_norm <= 1e-8
    assert found.weights[0] == pytest.approx([0, 0], abs=1e-8)
    assert w.value.tolist() == [3, -1]


def test_every_known_optimizer_takes_part():
    j, _ = bowl()
    seen = studies.compare_optimizers(j, None, steps=10, rates=(0.01, 0.1), target="python")
    assert [r.name for r in seen.runs] == [
        c.__name__ for c in dict.fromkeys(gd.optimizers.KNOWN.values())
    ]
    assert all(r.losses[-1] < r.losses[0] for r in seen.runs)


def test_an_optimizer_object_runs_at_its_own_rate_and_keeps_its_state():
    j, _ = bowl()
    adam = gd.optimizers.Adam(0.3)
    (run,) = studies.compare_optimizers(j, None, [adam], steps=5, target="python").runs
    assert run.rate == pytest.approx(0.3) and not adam.slots and adam.iterations.value == 0


def test_a_landscape_to_compare_on_has_two_weights():
    w = gd.Variable(np.ones(3), "w")
    with pytest.raises(gd.errors.ShapeError, match="two weights"):
        studies.compare_optimizers(gd.sum(gd.square(w)), w)


# ------------------------------------------------------------------ decisions, curves, widths


def test_the_regions_of_several_classes():
    gd.set_seed(0)
    made = gd.Sequential([layers.Input(shape=(2,)), layers.Dense(3, "softmax")])
    seen = studies.decision(made, points=11, target="python")
    assert seen.line is None and seen.outputs.shape == (11, 11, 3)
    places = np.stack(np.meshgrid(seen.x1, seen.x2), -1).reshape(-1, 2)
    assert np.array_equal(seen.classes.ravel(), seen(places).argmax(1))


def test_a_curved_decision_has_no_line():
    assert studies.decision(model(), points=5, target="python").line is None


def test_only_two_inputs_can_be_drawn():
    three = gd.Sequential([layers.Input(shape=(3,)), layers.Dense(1)])
    with pytest.raises(gd.errors.ShapeError, match="two inputs"):
        studies.decision(three)


# these act on rows, or need a number of their own
OTHERS = {"softmax", "log_softmax", "sparsemax", "glu", "threshold"}


@pytest.mark.parametrize("name", sorted(set(gd.activations.KNOWN) - OTHERS))
def test_the_curve_of_every_activation(name):
    seen = studies.activation(name, -3, 3, 601)
    inner = np.gradient(seen.g, seen.z)
    smooth = np.abs(np.gradient(inner)) < 0.02  # elsewhere the quotient straddles a kink
    assert seen.slope[smooth][1:-1] == pytest.approx(inner[smooth][1:-1], abs=0.02)


def test_an_activation_of_whole_rows_has_no_curve():
    with pytest.raises(gd.errors.ShapeError, match="softmax acts on whole rows"):
        studies.activation("softmax")


def test_a_seeded_study_repeats_and_leaves_the_seed_alone():
    gd.set_seed(11)
    runs = [
        studies.capacity(
            data(), data(), widths=(1,), build=lambda w: model(units=w), epochs=2, seed=5
        )
        for _ in range(2)
    ]
    assert np.array_equal(runs[0].train, runs[1].train)
    with config.seeded(5):
        assert config.seed() == 5
    before = config.seed(), config.next_stream()
    with config.seeded(6):
        config.next_stream()
    assert (config.seed(), config.next_stream()) == (before[0], before[1] + 1)


# ------------------------------------------------------------------ what is refused at the door


def test_a_node_needs_its_data_and_must_be_a_number():
    x = gd.tensor("x", ("n",))
    w = gd.Variable(1.0, "w")
    with pytest.raises(gd.errors.GraphError, match="depends on 'x'"):
        studies.minimise(gd.mean(x * w))
    with pytest.raises(gd.errors.ShapeError, match="single number"):
        studies.minimise(x * w, data={x: np.ones(3)})
    with pytest.raises(gd.errors.GraphError, match="does not depend"):
        studies.minimise(gd.mean(x), wrt=w, data={x: np.ones(3)})


def test_a_study_of_a_model_needs_its_loss():
    bare = gd.Sequential([layers.Input(shape=(2,)), layers.Dense(1)])
    for study in (studies.curvature, studies.range_test, studies.throughput, studies.minimise):
        with pytest.raises(gd.errors.NotCompiledError, match=r"call model\.compile"):
            study(bare, *data())
        with pytest.raises(TypeError, match="got int"):
            study(3, *data())
    with pytest.raises(TypeError, match="got str"):
        studies.decision("model")
    with pytest.raises(ValueError, match="rates is empty"):
        studies.learning_rate_study(model(), *data(), rates=[])


# ------------------------------------------------------------------ pictures


PICTURES = {
    "decision": lambda: studies.decision(model(), data(), points=9, target="python"),
    "classes": lambda: studies.decision(
        gd.Sequential([layers.Input(shape=(2,)), layers.Dense(3, "softmax")]), points=9, target="python"
    ),
    "activation": lambda: studies.activation("gelu"),
    "landscape": lambda: studies.landscape(model(), *data(), points=5),
    "learning rates": lambda: studies.learning_rate_study(model(), *data(), steps=3),
    "range test": lambda: studies.range_test(model(), *data(), steps=12),
    "optimizers": lambda: studies.compare_optimizers(
        bowl()[0], None, ["sgd", "adam"], steps=5, target="python"
    ),
    "rates": lambda: studies.effective_rates(model(), *data(), steps=4),
    "few rates": lambda: studies.effective_rates(bowl()[0], optimizer="sgd", steps=4, target="python"),
    "noise": lambda: studies.gradient_noise(model(), *data(), batch_sizes=[1, 8], draws=3),
    "throughput": lambda: studies.throughput(model(), *data(), batch_sizes=[8], seconds=0),
    "capacity": lambda: studies.capacity(
        data(), data(), widths=(1, 2), build=lambda w: model(units=w), epochs=2
    ),
    "curvature": lambda: studies.curvature(model(), *data()),
    "operations": lambda: studies.gradient_flops(model(), *data()),
    "collapse": lambda: studies.collapse(
        gd.Sequential([layers.Input(shape=(2,)), layers.Dense(3), layers.Dense(2)])
    )[0],
    "minimum": lambda: studies.minimise(bowl()[0], max_steps=5, target="python"),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_labelled_axes_and_can_be_written(name, figures, tmp_path):
    result = PICTURES[name]()
    assert str(result) and "\x1b" not in str(result)
    drawn = np.ravel(result.plot())
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in drawn)
    drawn[0].figure.savefig(tmp_path / "picture.png", dpi=40)
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_lines_differ_in_more_than_colour(figures):
    ax = PICTURES["learning rates"]().plot()
    assert len({line.get_linestyle() for line in ax.lines}) == len(ax.lines) == 4


def test_a_picture_is_drawn_where_it_is_asked_for(figures):
    _, ax = figures.subplots()
    assert PICTURES["minimum"]().plot(ax) is ax
    seen = PICTURES["landscape"]()
    assert seen.surface().get_zlabel() == "loss J"
    assert studies.learning_rate_study(bowl()[0], steps=2, target="python").plot_sweep(ax) is ax


def test_without_matplotlib_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import graphdl as gd\n"
        "assert 'graphdl.studies' not in sys.modules\n"
        "seen = gd.studies.activation('tanh')\n"
        "print(seen)\n"
        "try: seen.plot()\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.strip().splitlines()
    assert first.startswith("tanh: g(z)") and 'pip install "graphdl[plot]"' in second
