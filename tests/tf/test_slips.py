"""Slips that slides have: the intent works with a warning, or the error explains it."""

import numpy as np
import pytest

import graphdl as gd
import graphdl.tf as tf

pytestmark = pytest.mark.usefixtures("python_tape")


def problem():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((20, 3)).astype("float32")
    model = tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(1)])
    return model, x, x[:, :1] - 2 * x[:, 1:2]


@pytest.mark.parametrize(
    "compute_loss",
    [
        lambda y, p: tf.reduce_mean(tf.square(tf.subtract(y, p))),
        lambda y, p: tf.reduce_mean((y - p) ** 2),
        lambda y, p: gd.losses.MeanSquaredError()(y, p),
    ],
)
def test_a_forward_pass_before_the_tape_is_recorded_again(compute_loss):
    model, x, y = problem()
    with pytest.warns(tf.SlideWarning, match=r"tf.keras.optimizers"):
        optimizer = tf.keras.optimizer.SGD(0.1)
    losses = []
    while len(losses) < 50:
        prediction = model(x)
        with pytest.warns(tf.SlideWarning, match="forward pass"), tf.GradientTape() as tape:
            loss = compute_loss(y, prediction)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        losses.append(float(loss))
        residual = np.asarray(prediction) - y
        assert losses[-1] == pytest.approx(np.mean(residual**2), rel=1e-5)
    assert losses[-1] < 1e-3 * losses[0]


def test_a_prediction_of_former_weights_or_one_that_was_changed_is_numbers():
    model, x, y = problem()
    old, changed = model(x), model(x)
    changed[0] = 7.0
    assert not isinstance(old + 1, type(old)) and old.numpy()[0] == old[0]
    for prediction in (changed, old):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - prediction))
        with pytest.raises(gd.errors.DisconnectedError, match="forward pass"):
            tape.gradient(loss, model.trainable_variables)
        model.weights[1].assign([1.0])


def test_one_output_under_softmax_cross_entropy_is_refused_with_the_proof():
    y, predicted = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
    with pytest.raises(gd.errors.ShapeError, match=r"constant 0: softmax of a single unit is 1"):
        tf.nn.softmax_cross_entropy_with_logits(y, predicted)
    with pytest.raises(gd.errors.ShapeError, match="sigmoid unit"):
        tf.nn.softmax_cross_entropy_with_logits(y[:, 0], predicted)


def test_names_that_are_nearly_right_do_what_was_meant():
    if "RMSprop" in dir(tf.keras.optimizers):
        with pytest.warns(tf.SlideWarning, match="RMSprop"):
            assert tf.keras.optimizers.RMSProp is tf.keras.optimizers.RMSprop
    if "Dropout" in dir(tf.keras.layers):
        with pytest.warns(UserWarning, match="rate"):
            assert tf.keras.layers.Dropout(p=0.5).rate == 0.5
    with pytest.warns(tf.SlideWarning, match="shape"):
        assert tf.random.uniform().shape == ()


def test_a_step_without_gradients_says_what_is_missing():
    model, _, _ = problem()
    with pytest.raises(gd.errors.ShapeError, match="does not depend on it"):
        tf.keras.optimizers.SGD().apply_gradients([(None, model.weights[0])])
