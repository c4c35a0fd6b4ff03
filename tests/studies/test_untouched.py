"""A study leaves the model that it studies as it is, to the bit."""

import numpy as np
import pytest

import graphdl as gd
from graphdl import config
from tests.studies.examples import data, model

layers, studies = gd.layers, gd.studies


def everything(made):
    """All bits that a study could change."""
    arrays = [v.storage.tobytes() for v in (*made.weights, *made.optimizer.variables)]
    metrics = [v.storage.tobytes() for m, _ in made._metrics or () for v in m.variables]
    return arrays, metrics, made._tracker.result(), config._seed, len(config._counter)


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
