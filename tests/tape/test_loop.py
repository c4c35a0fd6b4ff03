"""The hand-written loop: the numbers of `fit`, one program, nothing compiled after the second turn."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import graphdl as gd
from graphdl.tape import gradient, programs, traces

ROWS = 70


def data(dtype):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((ROWS, 4)).astype(dtype)
    return x, (x[:, :1] * x[:, 1:2] > 0).astype(dtype)


def network():
    gd.set_seed(11)
    return gd.Sequential([
        gd.layers.Input((4,)),
        gd.layers.Dense(5, activation="tanh"),
        gd.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def batches(x, y, size=32):
    return [(x[k : k + size], y[k : k + size]) for k in range(0, len(x), size)]


def by_hand(model, optimizer, x, y, epochs, target):
    loss_of, losses = gd.losses.BinaryCrossentropy(), []
    for _ in range(epochs):
        for xb, yb in batches(x, y):
            with gd.GradientTape(target=target) as tape:
                loss = loss_of(yb, model(xb, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            losses.append(loss)
    return [float(loss) for loss in losses]


@pytest.mark.parametrize(
    ("optimizer", "dtype", "target", "rtol"),
    [
        (lambda: gd.optimizers.SGD(0.1, momentum=0.9), "float64", "python", 1e-12),
        (lambda: gd.optimizers.Adam(0.01), "float64", "python", 1e-12),
        (lambda: gd.optimizers.Adam(0.01), "float32", "cpu", 2e-5),
    ],
)
def test_the_loop_and_fit_give_the_same_numbers(optimizer, dtype, target, rtol):
    gd.set_floatx(dtype)
    x, y = data(dtype)
    fitted = network()
    fitted.compile(optimizer(), "binary_crossentropy", target=target)
    history = fitted.fit(x, y, epochs=3, batch_size=32, shuffle=False, verbose=0).history["loss"]
    looped = network()
    losses = by_hand(looped, optimizer(), x, y, 3, target)
    sizes = [len(xb) for xb, _ in batches(x, y)]
    means = [np.dot(losses[k : k + 3], sizes) / ROWS for k in (0, 3, 6)]
    np.testing.assert_allclose(means, history, rtol=rtol)
    for a, b in zip(looped.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


def test_loss_gradients_and_step_are_one_program_for_every_batch_size(compiled):
    x, y = data("float32")
    model = network()
    by_hand(model, gd.optimizers.Adam(), x, y, 1, "python")
    assert len(compiled) == 1  # 32, 32 and 6 rows
    by_hand(model, gd.optimizers.Adam(), x[:33], y[:33], 3, "python")
    assert len(compiled) == 2  # another optimizer; 32 rows and then a single one
    tensors = [(gd.Tensor(xb), gd.Tensor(yb)) for xb, yb in batches(x[:33], y[:33])]
    for xb, yb in tensors:
        with gd.GradientTape(target="python") as tape:
            loss = gd.losses.BinaryCrossentropy()(yb, model(xb))
        assert np.isfinite(tape.gradient(loss, model.weights[0])).all()
    assert len(compiled) == 3  # gradients alone


def test_everything_that_is_held_is_computed_when_the_first_value_is_asked_for(compiled):
    v = gd.Variable([1.0, 2.0])
    with gd.GradientTape(target="python") as tape:
        z = gd.square(v)
        loss = gd.sum(z)
    gradient = tape.gradient(loss, v)
    assert float(loss) == 5
    assert gradient.pending is None and z.pending is None
    np.testing.assert_array_equal(gradient, [2, 4])
    assert len(compiled) == 1


def test_a_loop_with_updates_of_its_own_compiles_nothing_after_the_second_turn(compiled):
    v, counts = gd.Variable([3.0, -1.0], dtype="float64"), []
    for turn in range(6):
        rate = 0.3 / (turn + 1)
        with gd.GradientTape(target="python") as tape:
            loss = gd.sum(gd.square(v)) * rate + turn * gd.mean(v) + 0.1
        v.assign_sub(rate * tape.gradient(loss, v))
        counts.append(len(compiled))
    assert counts[1:] == [counts[1]] * 5


def test_a_rebound_variable_compiles_nothing_after_the_second_turn(compiled):
    w, counts = gd.Variable([3.0], dtype="float64"), []
    for _ in range(5):
        with gd.GradientTape(target="python") as tape:
            if isinstance(w, gd.Tensor):
                tape.watch(w)
            loss = gd.mean(gd.square(w - 1.0))
            gradient = tape.gradient(loss, w)
        w = w - 0.25 * gradient
        counts.append(len(compiled))
    assert counts == [1, 2, 2, 2, 2]
    assert float(w) == pytest.approx(1 + 2 * 0.5**5, rel=1e-14)


def test_numbers_that_change_are_arguments_and_those_of_mathematics_structure(compiled):
    v = gd.Variable(0.5, dtype="float64")
    for k, scale in enumerate((1.0, 1.0, 0.25, 7.0, 1.0)):
        with gd.GradientTape(target="python"):
            z = scale * v
        assert float(z) == scale * 0.5
        assert len(compiled) == 1 + (k >= 2)
    with gd.GradientTape(target="python") as tape:
        naive = -gd.log(1 - gd.sigmoid(v * 1e4))
    assert float(naive) == 5000  # the 1 is part of the structure, so the formula is recognised
    assert float(tape.gradient(naive, v)) == 1e4


def test_a_layer_that_was_changed_is_traced_again():
    class Scale(gd.layers.Layer):
        def __init__(self):
            super().__init__()
            self.factor = 2.0

        def call(self, inputs):
            return inputs * self.factor

    layer, x = Scale(), np.ones((2, 1))
    for factor in (2.0, 3.0, 3.0, 0.5):
        layer.factor = factor
        with gd.GradientTape(target="python"):
            out = layer(x)
        assert float(out[0, 0]) == factor


def test_what_a_layer_updates_is_updated_once_a_turn():
    class Counter(gd.layers.Layer):
        def build(self, input_shape):
            self.seen = self.add_weight((), "zeros", trainable=False, name="seen")
            self.w = self.add_weight((1, 1), "ones", name="w")

        def call(self, inputs):
            self.add_update(self.seen, self.seen + 1)
            return gd.matmul(inputs, self.w)

    layer, x = Counter(), np.ones((3, 1))
    optimizer = gd.optimizers.SGD(0.0)
    for turn in range(3):
        with gd.GradientTape(target="python") as tape:
            loss = gd.mean(layer(x, training=True))
        optimizer.apply_gradients([(tape.gradient(loss, layer.w), layer.w)])
        assert float(layer.seen.value) == turn + 1 and float(loss) == 1
    with gd.GradientTape(target="python"):
        float(gd.mean(layer(x)))
    assert float(layer.seen.value) == 3


def test_a_model_without_an_input_is_built_by_its_first_batch():
    x, y = data("float32")
    model = gd.Sequential([gd.layers.Dense(3, activation="relu"), gd.layers.Dense(1)])
    with gd.GradientTape(target="python") as tape:
        loss = gd.losses.MeanSquaredError()(y, model(x))
    assert [g.shape for g in tape.gradient(loss, model.weights)] == [(4, 3), (3,), (3, 1), (1,)]
    model.compile("sgd", "mse", target="python")
    assert len(model.fit(x, y, verbose=0).history["loss"]) == 1


def test_a_model_can_be_put_together_inside_a_tape():
    with gd.GradientTape(target="python") as tape:
        x = gd.Input((2,))
        model = gd.Model(x, gd.layers.Dense(1, kernel_initializer="ones")(x * 2.0))
        loss = gd.sum(model(np.ones((3, 2))))
    assert float(loss) == 12
    np.testing.assert_array_equal(tape.gradient(loss, model.weights[0]), [[6], [6]])


def test_metrics_take_what_a_tape_has_computed():
    metric = gd.metrics.BinaryAccuracy()
    v = gd.Variable([[0.9], [0.1], [0.8]])
    with gd.GradientTape(target="python"):
        p = gd.square(v)
        metric.update_state(np.array([[1], [0], [0]]), p)
    assert metric.result() == pytest.approx(2 / 3)


def test_a_gradient_that_is_not_finite_changes_nothing():
    v = gd.Variable(0.0, name="v")
    optimizer = gd.optimizers.Adam()
    with gd.GradientTape(target="python") as tape:
        loss = gd.log(v)
    gradient = tape.gradient(loss, v)
    with pytest.raises(gd.errors.NonFiniteError, match="the gradient of 'v'"):
        optimizer.apply_gradients([(gradient, v)])
    assert float(v.value) == 0 and int(optimizer.iterations.value) == 0
    assert float(loss) == -np.inf


def test_memory_does_not_grow_with_the_number_of_turns():
    x, v, optimizer = np.ones((4, 2)), gd.Variable([[1.0], [2.0]]), gd.optimizers.SGD(0.0)

    def turns(count):
        for _ in range(count):
            with gd.GradientTape(target="python") as tape:
                loss = gd.mean(gd.square(gd.matmul(x, v)))
            optimizer.apply_gradients([(tape.gradient(loss, v), v)])

    turns(20)
    gc.collect()
    objects = len(gc.get_objects())
    tracemalloc.start()
    turns(20)
    before = tracemalloc.get_traced_memory()[0]
    turns(2000)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 4000 and len(gc.get_objects()) - objects < 20


def test_new_variables_in_every_turn_are_forgotten(monkeypatch):
    for memory in (programs.programs, gradient._gradients, traces._results):
        monkeypatch.setattr(memory, "_limit", 2)
    seen = []
    for _ in range(4):
        v = gd.Variable(1.0)
        seen.append(weakref.ref(v))
        with gd.GradientTape(target="python") as tape:
            z = v * 3.0
        assert float(tape.gradient(z, v)) == 3
    del v, z
    gc.collect()
    assert [ref() is None for ref in seen] == [True, True, False, False]
