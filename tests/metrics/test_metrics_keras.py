"""Two batches of float32 give each metric the value of Keras 3.15 (TensorFlow) in `keras.json`.

A row is class, settings, kind of data, shape, weighted, Keras's result. Both batches at once give
the same to 1e-12.
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
def test_equals_keras_batch_by_batch_and_at_once(kind):
    for name, settings, about, shape, weighted, expected in ROWS:
        if name == kind:
            streamed, at_once = (getattr(gd.metrics, name)(**settings) for _ in range(2))
            batches = [[*map(single, data(about, tuple(shape), k))] for k in (0, 1)]
            if weighted:
                batches = [[*b, single(weights(shape, k))] for k, b in enumerate(batches)]
            for batch in batches:
                streamed.update_state(*batch)
            said = f"{name}({settings}) on {about} {shape}, {weighted=}"
            result = streamed.result()
            assert np.shape(result) == np.shape(expected), said
            assert isinstance(result, np.ndarray if np.ndim(expected) else float), said
            np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5, err_msg=said)
            together = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
            np.testing.assert_allclose(at_once(*together), result, rtol=1e-12, err_msg=said)


def test_every_metric_is_compared():
    own = {"Mean", "Sum"}  # they take values: test_metrics.py
    assert {c.__name__ for c in gd.metrics.KNOWN.values()} - own <= set(KINDS)
