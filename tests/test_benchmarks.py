"""The benchmarks' data, statistics and settings; no test trains a peer."""

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import switches
from benchmarks.process import Machine
from benchmarks.ratios import ratio
from benchmarks.workloads import WORKLOADS, make_data, mean_loss


@pytest.mark.parametrize("name", [name for name in WORKLOADS if name != "wide"])
def test_data_has_the_declared_shapes_and_types(name):
    workload = WORKLOADS[name]
    x, labels, parameters = make_data(workload)
    assert x.shape == (workload.rows, workload.sizes[0]) and x.dtype == np.float32
    assert labels.shape == (workload.rows,) and labels.dtype == np.int64
    assert set(labels) == set(range(2 if workload.binary else workload.sizes[-1]))
    kernels = [kernel.shape for kernel, _ in parameters]
    assert kernels == list(zip(workload.sizes, workload.sizes[1:], strict=False))
    assert all(bias.shape == (kernel.shape[1],) for kernel, bias in parameters)
    assert {array.dtype for pair in parameters for array in pair} == {np.dtype(np.float32)}


def test_data_is_the_same_in_every_process():
    first, again = (make_data(WORKLOADS["lecture"]) for _ in range(2))
    assert np.array_equal(first.x, again.x) and np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.x, make_data(WORKLOADS["lecture"], seed=1).x)


def test_lecture_ends_on_a_ragged_batch():
    lecture = WORKLOADS["lecture"]
    assert (lecture.full_batches, lecture.steps) == (17, 18)
    assert (WORKLOADS["mnist-like"].full_batches, WORKLOADS["mnist-like"].steps) == (100, 100)


@pytest.mark.parametrize("name", ["lecture", "digits"])
def test_loss_without_an_opinion_is_the_logarithm_of_the_classes(name):
    workload = WORKLOADS[name]
    data = make_data(workload)
    nothing = [(0 * kernel, bias) for kernel, bias in data.parameters]
    expected = np.log(2 if workload.binary else workload.sizes[-1])
    assert mean_loss(workload, data, nothing) == pytest.approx(expected, rel=1e-12)


def test_binary_loss_by_hand():
    workload = WORKLOADS["perceptron"]
    data = make_data(workload)
    kernel, bias = data.parameters[0]
    p = 1 / (1 + np.exp(-(data.x @ kernel + bias)[:, 0].astype(np.float64)))
    by_hand = -np.mean(np.log(np.where(data.labels == 1, p, 1 - p)))
    assert mean_loss(workload, data, data.parameters) == pytest.approx(by_hand, rel=1e-12)


def test_ratio_pairs_rounds_so_that_drift_cancels():
    result = ratio([1.0, 2.0, 4.0], [3.0, 6.0, 12.0])
    assert (result.low, result.median, result.high) == (3.0, 3.0, 3.0)


def test_ratio_gives_median_and_ten_to_ninety_percent():
    result = ratio([1.0] * 11, [float(k) for k in range(11, 0, -1)])
    assert (result.low, result.median, result.high) == (2.0, 6.0, 10.0)


def test_goal_holds_by_the_lower_end():
    result = ratio([1.0] * 11, [float(k) for k in range(1, 12)])
    assert result.holds(2.0)
    assert not result.holds(2.1)


@pytest.mark.parametrize(("ours", "peer"), [([], []), ([1.0], [1.0, 2.0])])
def test_ratio_refuses_rounds_without_a_partner(ours, peer):
    with pytest.raises(ValueError, match="paired rounds"):
        ratio(ours, peer)


def test_ratio_refuses_a_clock_that_stood_still():
    with pytest.raises(ValueError, match="positive"):
        ratio([0.0], [1.0])


def test_what_is_forced_on_openblas_is_not_passed_on(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert "OPENBLAS_CORETYPE" not in Machine().environment()
    forced = Machine(variables={"OPENBLAS_CORETYPE": "Zen"}).environment()
    assert forced["OPENBLAS_CORETYPE"] == "Zen"


def test_threads_reach_every_pool_and_graphdls_teams():
    one, two = Machine().environment(), Machine(threads=2).environment()
    assert one["OPENBLAS_NUM_THREADS"] == one["GRAPHDL_THREADS"] == "1"
    assert two["OPENBLAS_NUM_THREADS"] == two["GRAPHDL_THREADS"] == "2"


def test_a_variable_given_empty_is_taken_from_the_workers(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--something")
    assert "XLA_FLAGS" not in Machine(variables={"XLA_FLAGS": ""}).environment()


def options_of(arguments):
    return command._parser().parse_args(arguments)


def test_switches_are_all_or_those_named(capsys):
    assert options_of([]).switches is None
    assert options_of(["--switches"]).switches == []
    assert options_of(["--switches", "fuse", "hoist"]).switches == ["fuse", "hoist"]
    with pytest.raises(SystemExit):
        options_of(["--switches", "fus"])
    assert "fus" in capsys.readouterr().err


def test_effects_as_a_table():
    effect = switches.Effect("fuse", "graphdl_fit", ratio([1.0], [3.0]), 2.0, 1.25)
    heading, _, row = switches._text([effect]).splitlines()
    assert [c.strip() for c in heading.split("|")[1:6]] == [
        "without", "use", "time", "compile", "memory",
    ]  # fmt: skip
    assert [c.strip() for c in row.split("|")[1:6]] == [
        "fuse", "graphdl_fit", "3.00 (3.00-3.00)", "2.00", "1.25",
    ]  # fmt: skip
    assert switches.USES.keys() <= switches.KNOWN.keys()
