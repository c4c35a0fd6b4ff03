"""Curvature and the loss over a plane."""

import sys

import numpy as np
import pytest

import graphdl as gd
from graphdl.studies.landscape import filter_normalised
from tests.studies.examples import bowl, data, model

layers, studies = gd.layers, gd.studies


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
