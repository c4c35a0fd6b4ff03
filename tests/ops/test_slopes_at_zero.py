"""The slope of an activation at 0, where two formulas meet: that of the function where it has one."""

import pytest

import graphdl as gd

SMOOTH = {"celu": 1.0, "elu": 1.0, "softsign": 1.0, "tanh": 1.0, "sigmoid": 0.25, "silu": 0.5}
KINKED = {"relu": 0.0, "relu6": 0.0, "leaky_relu": 0.2}  # the slope of the left side, as in Keras


@pytest.mark.parametrize(("name", "slope"), (SMOOTH | KINKED).items())
def test_the_slope_at_zero(name, slope):
    z = gd.tensor("z", (), "float64")
    node = gd.grad(gd.activations.get(name)(z), z)
    assert gd.interpret([node], {z: 0.0})[0] == pytest.approx(slope)
