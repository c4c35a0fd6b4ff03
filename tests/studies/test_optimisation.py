"""Minima, optimizers side by side, and what is refused at the door."""

import numpy as np
import pytest

import graphdl as gd
from tests.studies.examples import bowl, data, model

layers, studies = gd.layers, gd.studies


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
