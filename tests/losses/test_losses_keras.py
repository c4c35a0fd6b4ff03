"""Float32 results of every loss equal those of Keras 3.15 (TensorFlow), which `keras.json` holds.

A row is class, settings, kind of data, shape, reduction, weighted, Keras's result.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from tests.losses.data import data, single, weights

ROWS = json.loads(Path(__file__).with_name("keras.json").read_text())
KINDS = list(dict.fromkeys(row[0] for row in ROWS))


@pytest.mark.parametrize("kind", KINDS)
def test_equals_keras(kind):
    for name, settings, about, shape, reduction, weighted, expected in ROWS:
        if name == kind:
            loss = getattr(gd.losses, name)(**settings, reduction=reduction)
            y, p = map(single, data(about, tuple(shape)))
            if about == "bits":
                p = np.clip(p, np.float32(0.01), np.float32(0.99))
            got = loss(y, p, single(weights(shape)) if weighted else None)
            assert got.dtype == np.float32
            said = f"{name}({settings}, {reduction!r}) on {about} {shape}, {weighted=}"
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6, err_msg=said)


def test_every_loss_is_compared():
    assert {c.__name__ for c in gd.losses.KNOWN.values()} == set(KINDS)
