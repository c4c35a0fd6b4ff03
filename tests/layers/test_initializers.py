"""Initial weights: ranges and spreads are Keras's, draws depend on the seed alone."""

import math

import numpy as np
import pytest

import graphdl as gd

IN, OUT = 300, 200
BOTH = (IN + OUT) / 2
UNIFORM = {"glorot_uniform": 1 / BOTH, "he_uniform": 2 / IN, "lecun_uniform": 1 / IN}
NORMAL = {"glorot_normal": 1 / BOTH, "he_normal": 2 / IN, "lecun_normal": 1 / IN}
CUT = 0.87962566103423978  # the standard deviation of a normal cut off at ±2


def draw(initializer, shape=(IN, OUT)):
    return initializer(shape, "float64")


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_range(name):
    values, limit = draw(gd.initializers.get(name)), math.sqrt(3 * UNIFORM[name])
    assert 0.999 * limit < np.abs(values).max() <= limit
    assert (
        abs(values.std() / math.sqrt(UNIFORM[name]) - 1) < 0.01
        and abs(values.mean()) < 0.01 * limit
    )


@pytest.mark.parametrize("name", NORMAL)
def test_truncated_normal_has_the_variance_it_names(name):
    values, sigma = draw(gd.initializers.get(name)), math.sqrt(NORMAL[name])
    assert 1.95 * sigma / CUT < np.abs(values).max() <= 2 * sigma / CUT
    assert abs(values.std() / sigma - 1) < 0.015


def test_truncated_normal_alone_is_not_corrected():
    values = draw(gd.initializers.TruncatedNormal(1.0, 0.5))
    assert np.abs(values - 1).max() <= 1.0 and abs(values.std() / (0.5 * CUT) - 1) < 0.015


def test_plain_distributions():
    normal = draw(gd.initializers.RandomNormal(2.0, 0.3))
    assert abs(normal.mean() - 2) < 0.01 and abs(normal.std() - 0.3) < 0.005
    uniform = draw(gd.initializers.RandomUniform(-1.0, 3.0))
    assert -1 <= uniform.min() < -0.99 and 2.99 < uniform.max() < 3
    long = draw(gd.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"))
    assert abs(long.std() / math.sqrt(2 / OUT) - 1) < 0.015 and np.abs(long).max() > 0.35


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5), (2, 3, 4)])
def test_orthogonal(shape):
    matrix = draw(gd.initializers.Orthogonal(gain=2.0, seed=1), shape).reshape(-1, shape[-1])
    small = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_identity_constant_and_empty():
    np.testing.assert_array_equal(gd.initializers.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])
    assert (gd.initializers.Constant(-3.5)((2, 2)) == -3.5).all()
    for wrong in (gd.initializers.Identity(), gd.initializers.Orthogonal()):
        with pytest.raises(gd.errors.ShapeError, match="matrix"):
            wrong((3,))


@pytest.mark.parametrize("shape", [(), (6,), (3, 4), (2, 3, 4, 5)])
def test_fans(shape):
    """Of (…, inputs, outputs) the leading axes multiply both."""
    field = math.prod(shape[:-2])
    inputs = {0: 1, 1: 6}.get(len(shape)) or shape[-2] * field
    values = gd.initializers.HeUniform(seed=3)(shape, "float64")
    assert np.abs(values).max() <= math.sqrt(6 / inputs) and values.shape == shape


def test_seeds():
    one, two = (gd.initializers.Orthogonal(seed=1)((3, 3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    free = gd.initializers.HeNormal()
    assert (free((3, 3)) != free((3, 3))).any()
