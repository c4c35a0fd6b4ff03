"""The lecture's items on targets, tapes and steps taken by hand: each row's number."""

import numpy as np
import pytest

import graphdl as gd
import graphdl.tf as tf

layers = gd.layers


def data(rows=40):
    draw = np.random.default_rng(7)
    x = draw.normal(size=(rows, 3)).astype(np.float32)
    return x, (x[:, :1] > x[:, 1:2]).astype(np.float32)


def network(target="python", optimizer=None):
    gd.set_seed(9)
    model = gd.Sequential(
        [layers.Input(shape=(3,)), layers.Dense(4, "tanh"), layers.Dense(1, "sigmoid")]
    )
    model.compile(optimizer or gd.optimizers.SGD(0.1), "binary_crossentropy", target=target)
    return model


def test_row_03_one_switch_chooses_the_target():
    """Compiled for the CPU and run as plain Python, the gradients agree to float32's rounding."""
    x, y = data()
    compiled, plain = (network(target).gradients(x, y) for target in ("cpu", "python"))
    for name, slope in compiled.items():
        np.testing.assert_allclose(slope, plain[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_row_24_softmax_cross_entropy_with_logits():
    draw = np.random.default_rng(0)
    z, y = draw.normal(size=(5, 3)), np.eye(3)[[0, 1, 2, 0, 1]]
    loss = tf.nn.softmax_cross_entropy_with_logits(y, z)
    by_hand = np.log(np.exp(z).sum(1)) - (y * z).sum(1)
    np.testing.assert_allclose(loss, by_hand, rtol=1e-6)


def test_row_24_over_one_logit_the_loss_is_0_and_so_is_its_gradient():
    z = gd.tensor("z", ("n", 1), "float64")
    loss = -gd.sum(gd.log_softmax(z))
    for at in (-6.0, 0.0, 40.0):
        values = gd.interpret([loss, gd.grad(loss, z)], {z: [[at]]})
        assert [float(v.item()) for v in values] == [0, 0]
    with pytest.raises(gd.errors.ShapeError, match="constant 0: softmax of a single unit is 1"):
        tf.nn.softmax_cross_entropy_with_logits([[1.0]], [[-6.0]])


def by_hand(model, optimizer, x, y, steps):
    losses = []
    for _ in range(steps):
        with gd.GradientTape(target="python") as tape:
            loss = gd.losses.BinaryCrossentropy()(y, model(x))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        losses.append(float(loss))
    return losses


@pytest.mark.parametrize("optimizer", [gd.optimizers.SGD, gd.optimizers.Adam])
def test_row_43_the_hand_written_loop_and_its_compiled_twin(optimizer):
    x, y = data()
    fitted, looped = network(optimizer=optimizer(0.1)), network()
    history = fitted.fit(x, y, epochs=6, batch_size=len(x), shuffle=False, verbose=0).history
    assert by_hand(looped, optimizer(0.1), x, y, 6) == pytest.approx(history["loss"], rel=1e-5)
    for a, b in zip(looped.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_row_53_the_gradient_of_a_tape_is_the_compiled_gradient():
    x, y = data()
    model = network()
    with gd.GradientTape(target="python") as tape:
        loss = gd.losses.BinaryCrossentropy()(y, model(x))
    of_tape = tape.gradient(loss, model.trainable_variables)
    for a, b in zip(of_tape, model.gradients(x, y).values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_row_54_gradients_are_applied_in_pairs_with_their_variables():
    variables = [gd.Variable([1.0, 2.0], "a", "float64"), gd.Variable(3.0, "b", "float64")]
    gradients = [np.array([0.5, -1.0]), np.array(2.0)]
    gd.optimizers.SGD(0.1).apply_gradients(zip(gradients, variables, strict=True))
    assert variables[0].value == pytest.approx([0.95, 2.1], abs=1e-8)
    assert float(variables[1].value) == pytest.approx(2.8, abs=1e-8)
