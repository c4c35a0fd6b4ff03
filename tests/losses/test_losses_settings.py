"""Names, settings, reductions and weights of losses; targets that no loss can learn from."""

import inspect

import numpy as np
import pytest

import graphdl as gd
from tests.training.nets import X, compiled, dense, same

L = gd.losses
Y, P = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0.0, 2.0], [3.0, 1.0]])  # losses 0.5 and 8
WEIGHT = np.array([2.0, 0.5])


def test_names_and_aliases():
    assert L.get("MSE").name == "mean_squared_error"
    for short in ("mse", "mae", "mape", "msle", "kld", "bce"):
        assert getattr(L, short) is getattr(L, short.upper())
        assert type(L.get(short)) is type(L.get(short.upper())) is type(L.get(getattr(L, short)))
    for name, kind in L.KNOWN.items():
        assert type(L.get(name)) is type(L.get(kind)) is type(L.get(kind.__name__)) is kind
    assert (L.Huber().name, L.KLDivergence().name, L.LogCosh().name) == (
        "huber_loss", "kl_divergence", "log_cosh",
    )  # fmt: skip
    assert type(L.get(L.tversky)) is L.Tversky


def test_settings_are_kept_under_their_names():
    focal = L.BinaryFocalCrossentropy(True, 0.3, 1.5, True, 0.1, 1, "sum", "mine", "float64")
    assert vars(focal) == {
        "apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "from_logits": True,
        "label_smoothing": 0.1, "axis": 1, "reduction": "sum", "name": "mine", "dtype": "float64",
    }  # fmt: skip
    for kind in L.KNOWN.values():
        assert set(inspect.signature(kind).parameters) <= set(vars(kind())), kind
    assert L.MeanSquaredError(dtype="float32")(Y, P).dtype == np.float32


@pytest.mark.parametrize(
    ("reduction", "plain", "weighted"),
    [
        ("sum_over_batch_size", 4.25, 2.5),
        ("mean", 4.25, 2.5),
        ("sum", 8.5, 5.0),
        ("mean_with_sample_weight", 4.25, 2.0),
        ("none", [0.5, 8.0], [1.0, 4.0]),
        (None, [0.5, 8.0], [1.0, 4.0]),
    ],
)
def test_reductions(reduction, plain, weighted):
    loss = L.MeanSquaredError(reduction)
    np.testing.assert_allclose(loss(Y, P), plain)
    np.testing.assert_allclose(loss(Y, P, WEIGHT), weighted)
    np.testing.assert_allclose(loss(Y, P, WEIGHT[:, None]), weighted)
    if reduction is not None and reduction != "none":
        assert loss(Y, P, np.zeros(2)) == 0


def test_a_mask_is_a_weight_of_0_or_1():
    loss = L.MeanSquaredError("mean_with_sample_weight")
    assert loss(Y, P, np.array([0, 1])) == 8.0
    assert loss(Y, P, np.array([True, False])) == 0.5


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: L.Huber(-1.0), "delta"),
        (lambda: L.Huber(float("nan")), "delta"),
        (lambda: L.BinaryCrossentropy(label_smoothing=1.5), "label_smoothing"),
        (lambda: L.BinaryFocalCrossentropy(alpha=-0.1), "alpha"),
        (lambda: L.CategoricalFocalCrossentropy(gamma=-2), "gamma"),
        (lambda: L.Tversky(beta=-1), "beta"),
        (lambda: L.get("hubert"), "huber"),
    ],
)
def test_bad_settings_are_refused_by_name(make, said):
    with pytest.raises(ValueError, match=said):
        make()


SHARE = np.full((40, 2), 0.5)
BAD_TARGETS = {  # (loss, activation, outputs, good targets, the bad number, what is said)
    "hinge": ("hinge", "tanh", 1, np.ones((40, 1)), 0.5, "labels -1 and 1, or 0 and 1"),
    "two kinds": ("squared_hinge", "tanh", 1, -np.ones((40, 1)), 0, "labels -1 and 1, or 0 and 1"),
    "categorical hinge": ("categorical_hinge", "linear", 2, SHARE, -1, "from 0 to 1"),
    "negative count": ("poisson", "softplus", 1, np.ones((40, 1)), -1, "0 or more"),
    "kl": ("kl_divergence", "softmax", 2, SHARE, 1.5, "from 0 to 1"),
    "focal": ("binary_focal_crossentropy", "sigmoid", 1, np.ones((40, 1)), 2, "from 0 to 1"),
    "classes": ("categorical_focal_crossentropy", "softmax", 2, SHARE, -0.5, "from 0 to 1"),
    "dice": ("dice", "sigmoid", 1, np.ones((40, 1)), 3, "from 0 to 1"),
    "tversky": ("tversky", "sigmoid", 1, np.ones((40, 1)), -3, "from 0 to 1"),
    "nan": ("huber", "linear", 1, np.ones((40, 1)), np.nan, "NaN"),
}


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_bad_targets_are_refused_before_anything_changes(case):
    loss, last, outputs, good, bad, said = BAD_TARGETS[case]
    model = compiled(dense(outputs, last=last), loss)
    target = np.array(good, np.float32)
    target[7] = bad
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"row 7.*{said}|{said}.*row 7"):
        model.fit(X, target, verbose=0)
    assert same(model.get_weights(), before)


def test_hinge_takes_both_kinds_of_labels():
    p, signs = np.array([[0.3], [-2.0], [1.5]]), np.array([[1.0], [-1.0], [-1.0]])
    for loss in (L.Hinge(), L.SquaredHinge()):
        assert loss(signs, p) == loss((signs + 1) / 2, p)
    assert L.hinge(np.array([[0.5]]), np.array([[1.0]])) == 0.5  # other numbers stay


def test_classes_that_are_ignored_pass_the_door():
    model = compiled(dense(3, last="softmax"), L.SparseCategoricalCrossentropy(ignore_class=-1))
    labels = np.where(np.arange(40) % 4, 1, -1)
    counted = model.evaluate(X[labels == 1], labels[labels == 1], verbose=0)
    assert model.evaluate(X, labels, batch_size=40, verbose=0) == pytest.approx(counted, rel=1e-6)
    with pytest.raises(ValueError, match="label -2"):
        model.evaluate(X, labels - 1, verbose=0)


def test_a_loss_of_the_whole_batch_takes_no_weights():
    with pytest.raises(ValueError, match="sample_weight"):
        L.Dice()(SHARE, SHARE, np.ones(40))
    assert L.Dice(axis=1)(SHARE, SHARE, np.ones(40)) == pytest.approx(0.5, rel=1e-6)


def test_derivations_take_the_targets_of_the_loss():
    for loss in ("sparse_categorical_crossentropy", "categorical_focal_crossentropy", "huber"):
        model = compiled(dense(3, last="softmax"), loss)
        assert "∂J/∂W1" in str(model.derive("dense/kernel"))


@pytest.mark.parametrize(
    "loss", ["huber", "log_cosh", "kl_divergence", "binary_focal_crossentropy"]
)
def test_compiled_training_is_the_interpreted_one(loss):
    """Machine code, un-jitted source: the same losses to float32 accuracy."""
    last = {"kl_divergence": "softmax", "binary_focal_crossentropy": "sigmoid"}.get(loss, "linear")
    target = np.abs(X[:, :2]) / np.abs(X[:, :2]).sum(1, keepdims=True)
    runs = []
    for where in ("cpu", "python"):
        gd.set_seed(5)
        model = compiled(dense(2, last=last), loss, target=where)
        runs.append(model.fit(X, target, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*runs, rtol=1e-5)
