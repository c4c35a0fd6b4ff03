"""Deep stacks of a layer and its normalisation or dropout are folded: depth adds hardly any code."""

import pytest

import graphdl as gd
from tests.training.nets import LABEL, X, compiled

KINDS = {
    "dropout": lambda: gd.layers.Dropout(0.2),
    "batch normalisation": gd.layers.BatchNormalization,
    "layer normalisation": gd.layers.LayerNormalization,
}


def lines(kind, depth):
    """The length of the generated module."""
    body = [layer for _ in range(depth) for layer in (gd.layers.Dense(4, "relu"), KINDS[kind]())]
    model = compiled(gd.Sequential([gd.layers.Input((3,)), *body, gd.layers.Dense(1)]))
    model.train_on_batch(X, LABEL)
    return len(model.source.splitlines())


@pytest.mark.parametrize("kind", KINDS)
def test_a_further_layer_adds_few_lines(kind):
    """Its draw, or the numbers that follow the batch: 9 to 20. Written out it would take over 100."""
    assert (lines(kind, 12) - lines(kind, 6)) / 6 < 40
