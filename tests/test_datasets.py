import dataclasses
import sys

import numpy as np
import pytest

from graphdl import datasets

CLASSIFICATION = ["breast_cancer", "digits", "iris", "wine", "will_i_pass", "moons", "spirals"]
BUNDLED = {
    "breast_cancer": (569, 30, "binary", 2),
    "digits": (1797, 64, "multiclass", 10),
    "iris": (150, 4, "multiclass", 3),
    "wine": (178, 13, "multiclass", 3),
    "diabetes": (442, 10, "regression", 0),
}
GENERATED = dict.fromkeys(("will_i_pass", "moons", "spirals"), (400, 2, "binary", 2))


@pytest.fixture(params=datasets.names())
def name(request):
    if request.param in BUNDLED:
        pytest.importorskip("sklearn")
    return request.param


def test_every_set_has_the_form_that_its_info_states(name):
    rows, features, task, classes = (BUNDLED | GENERATED)[name]
    info = datasets.info(name)
    assert (info.name, info.task, info.features, info.classes) == (name, task, features, classes)
    assert len(info.feature_names) == features and len(info.class_names) == classes
    (x_train, y_train), (x_test, y_test) = datasets.load(name)
    assert len(x_train) + len(x_test) == rows
    assert x_train.shape[1:] == x_test.shape[1:] == (features,)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        assert x.flags.c_contiguous and np.isfinite(x).all() and x.dtype == np.float64
        if task == "regression":
            assert y.shape == (len(x), 1) and y.dtype == np.float64
        else:
            assert y.shape == (len(x),) and y.dtype == np.int64
            assert np.array_equal(np.unique(y), np.arange(classes))


def test_the_parts_are_a_split_of_the_whole(name):
    parts = datasets.load(name, standardize=False)
    other = datasets.load(name, standardize=False, seed=0, test_size=0.5)
    rows = [np.column_stack([x, y]) for x, y in parts]
    again = [np.column_stack([x, y]) for x, y in other]
    if name in BUNDLED:
        assert np.array_equal(_sorted(np.concatenate(rows)), _sorted(np.concatenate(again)))
    assert abs(len(rows[1]) - 0.2 * len(np.concatenate(rows))) <= 5


def _sorted(rows):
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("name", [n for n in CLASSIFICATION if n in BUNDLED])
def test_each_class_has_its_share_in_the_test_part(name):
    pytest.importorskip("sklearn")
    (_, y_train), (_, y_test) = datasets.load(name, test_size=0.25)
    counts = np.bincount(y_train) + np.bincount(y_test)
    assert np.all(np.abs(np.bincount(y_test) - counts / 4) <= 0.5)


def test_training_features_are_standardised_or_constant(name):
    (x_train, _), _ = datasets.load(name)
    deviation = x_train.std(axis=0)
    assert np.allclose(x_train.mean(axis=0), 0, atol=1e-12)
    assert np.all(np.isclose(deviation, 1) | (deviation == 0))


def test_the_test_part_is_scaled_by_the_training_part():
    pytest.importorskip("sklearn")
    (raw_train, _), (raw_test, _) = datasets.load_iris(standardize=False)
    _, (x_test, _) = datasets.load_iris()
    expected = (raw_test - raw_train.mean(axis=0)) / raw_train.std(axis=0)
    np.testing.assert_allclose(x_test, expected, rtol=1e-12)


def test_a_column_constant_in_training_is_zero_everywhere():
    values = np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0], [7.0, 4.0]])
    result = datasets.split.standardized(values, np.arange(3))
    assert np.array_equal(result[:, 0], np.zeros(4))
    assert np.isclose(result[:3, 1].std(), 1)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(name):
    first, again, other = (datasets.load(name, seed=seed) for seed in (3, 3, 4))
    for (x, y), (x_again, y_again) in zip(first, again, strict=True):
        assert np.array_equal(x, x_again) and np.array_equal(y, y_again)
    assert not np.array_equal(first[0][0], other[0][0])


def test_the_split_of_a_seed_never_changes():
    assert datasets.split.permutation(10, 0).tolist() == [3, 2, 1, 8, 6, 0, 7, 4, 5, 9]


def test_dtype_is_of_the_features_and_of_a_real_target():
    pytest.importorskip("sklearn")
    for x, y in datasets.load_iris(dtype="float32"):
        assert x.dtype == np.float32 and y.dtype == np.int64
    for x, y in datasets.load_diabetes(dtype=np.float32):
        assert x.dtype == y.dtype == np.float32


def test_a_real_target_can_be_standardised_by_its_training_part():
    pytest.importorskip("sklearn")
    (_, raw_train), (_, raw_test) = datasets.load_diabetes()
    (_, y_train), (_, y_test) = datasets.load_diabetes(standardize_target=True)
    assert raw_train.min() >= 25 and raw_train.max() <= 346
    assert np.isclose(y_train.mean(), 0) and np.isclose(y_train.std(), 1)
    np.testing.assert_allclose(y_test, (raw_test - raw_train.mean()) / raw_train.std())


def test_students_pass_by_lectures_and_hours():
    (x, y), _ = datasets.will_i_pass(n=4000, standardize=False)
    assert np.array_equal(np.unique(x[:, 0]), np.arange(11))
    assert x[:, 1].min() >= 0 and x[:, 1].max() <= 10
    likely = 2 * x[:, 0] + 1.5 * x[:, 1] > 14
    assert 0.92 < np.mean(likely == y) < 0.96


def test_without_noise_the_shapes_are_exact():
    (x, y), _ = datasets.moons(noise=0, standardize=False)
    centre = np.column_stack([y, y / 2])
    np.testing.assert_allclose(np.hypot(*(x - centre).T), 1)
    (x, y), _ = datasets.spirals(noise=0, standardize=False)
    turn = np.arctan2(x[:, 1], x[:, 0]) - 3 * np.pi * np.hypot(*x.T) / 5 - np.pi * y
    np.testing.assert_allclose(np.exp(1j * turn), 1)


def test_an_unknown_name_lists_the_known_ones():
    for call in (datasets.load, datasets.info):
        with pytest.raises(ValueError, match=r"unknown data set 'mnist'.*breast_cancer.*spirals"):
            call("mnist")


def test_a_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"'iris'.*pip install \"graphdl\[data\]\""):
        datasets.load_iris()
    assert datasets.load("moons")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test_size": 0}, "between 0 and 1, not 0"),
        ({"test_size": 1.0}, r"between 0 and 1, not 1\.0"),
        ({"test_size": float("nan")}, "not nan"),
        ({"test_size": 0.001}, "400 rows leaves 400 to train and 0 to test"),
        ({"dtype": "int32"}, "floating-point type .* not 'int32'"),
        ({"n": 1}, "at least 2"),
        ({"noise": -0.5}, r"0 or more, not -0\.5"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        datasets.moons(**options)


def test_info_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        datasets.info("moons").name = "suns"
