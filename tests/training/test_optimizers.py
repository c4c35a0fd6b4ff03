"""Every optimizer and schedule against an independent trainer, Keras's numbers, and itself."""

import json
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from tests.training import reference
from tests.training.nets import SUM, X, compiled, dense, same
from tests.training.optimizer_reference import CASES, RATES, WARM, Reference

ROWS, BATCH = 12, 4
KERAS = json.loads(Path(__file__).with_name("keras_optimizers.json").read_text())
TOGETHER = {
    "learning_rate": WARM, "weight_decay": 0.1, "global_clipnorm": 0.5, "use_ema": True,
    "ema_momentum": 0.75, "ema_overwrite_frequency": 5, "gradient_accumulation_steps": 2,
}  # fmt: skip
EVERYTHING = {f"{name}, everything": (name, TOGETHER) for name in RATES}


@pytest.fixture
def double_precision():
    gd.set_floatx("float64")
    yield
    gd.set_floatx("float32")


def made(case):
    """The optimizer of a case."""
    cls, arguments = case
    rate = arguments["learning_rate"]
    if isinstance(rate, tuple):
        rate = getattr(gd.optimizers.schedules, rate[0])(**rate[1])
    return getattr(gd.optimizers, cls)(**arguments | {"learning_rate": rate})


def problem():
    """Inputs, targets, and the weights to start from."""
    draw = np.random.default_rng(5)
    x = draw.normal(size=(ROWS, 3))
    y = np.sin(x.sum(axis=1, keepdims=True)) + 0.5
    return x, y, [draw.normal(size=s) * 0.5 for s in ((3, 2), (2,), (2, 1), (1,))]


def trained(case, epochs, target="python", **layer):
    """A model after `epochs` passes of three batches."""
    x, y, weights = problem()
    hidden = gd.layers.Dense(2, activation="tanh", **layer)
    model = gd.Sequential([gd.layers.Input(shape=(3,)), hidden, gd.layers.Dense(1)])
    model.compile(made(case), "mse", target=target)
    model.set_weights(weights)
    model.fit(x, y, BATCH, epochs, shuffle=False, verbose=0)
    return model


def expected(case, epochs, penalty=0.0):
    """The weights of the reference, with penalty·Σw² on the first of them."""
    x, y, weights = problem()
    net = reference.Trainer(weights, ["tanh", "linear"], reference.mean_squared_error, None, 0)
    optimizer = Reference(case[0], **case[1])
    for _ in range(epochs):
        for first in range(0, ROWS, BATCH):
            rows = slice(first, first + BATCH)
            _, gradients = net.gradients(x[rows], y[rows], np.ones(BATCH))
            gradients[0] = gradients[0] + 2 * penalty * weights[0]
            optimizer.apply(weights, gradients)
    optimizer.finish(weights)
    return weights


def assert_close(ours, theirs, rtol, atol):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize("name", [*CASES, *EVERYTHING])
def test_51_steps_equal_the_reference(name, double_precision):
    case = (CASES | EVERYTHING)[name]
    assert_close(trained(case, 17).get_weights(), expected(case, 17), 1e-9, 1e-9)


@pytest.mark.parametrize("name", CASES)
def test_21_steps_in_float32_equal_keras(name):
    weights = np.concatenate([w.ravel() for w in trained(CASES[name], 7).get_weights()])
    np.testing.assert_allclose(weights, KERAS[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["Adadelta", "Nadam", "warm-up", "Ftrl, everything"])
def test_machine_code_equals_the_reference(name, double_precision):
    case = (CASES | EVERYTHING)[name]
    assert_close(trained(case, 17, "cpu").get_weights(), expected(case, 17), 1e-9, 1e-9)


def test_a_penalty_and_momentum(double_precision):
    case = ("SGD", {"learning_rate": 0.05, "momentum": 0.9})
    model = trained(case, 17, kernel_regularizer=gd.regularizers.L2(0.01))
    assert_close(model.get_weights(), expected(case, 17, penalty=0.01), 1e-9, 1e-9)


ONE_STEP = {  # from w = 1 with g = 0.1, at the default settings
    "SGD": 0.999, "Adam": 0.999000031622, "Adadelta": 0.99999858593, "Adagrad": 0.99969849,
    "RMSprop": 0.99683788,
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_STEP)
def test_one_step_with_the_defaults(name, double_precision):
    w = gd.Variable(1.0, "w")
    getattr(gd.optimizers, name)().apply_gradients([(0.1, w)])
    assert w.value == pytest.approx(ONE_STEP[name], abs=5e-9 if name != "Adam" else 5e-13)


EXTREMES = {  # the first step from w = 0 in float32: Keras 3.15 for g = 1e-30 and 1e20
    "SGD": (-1e-32, -1e18), "RMSprop": (-3.16228e-30, 0), "Adagrad": (-3.16228e-33, 0),
    "Adadelta": (-1e-33, 0), "Adamax": (-1e-26, -0.001), "Nadam": (-1.06279e-26, 0),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", EXTREMES)
def test_tiny_and_huge_gradients(name):
    for gradient, want in zip((0.0, 1e-30, 1e20), (0, *EXTREMES[name]), strict=True):
        w, g = gd.Variable(np.zeros(1), "w"), gd.tensor("g", (1,))
        updates = getattr(gd.optimizers, name)().updates([w], [g])
        gd.function([g], None, updates, target="python", check_finite=False)([gradient])
        assert w.value[0] == pytest.approx(want, rel=1e-5)


# ------------------------------------------------------------------ state


@pytest.mark.parametrize("name", ["amsgrad", "momentum", "warm-up", *EVERYTHING])
def test_state_carried_to_a_fresh_optimizer_goes_on_to_the_bit(name):
    case = (CASES | EVERYTHING)[name]
    x, y, _ = problem()
    steps = [slice(k % ROWS, k % ROWS + BATCH) for k in range(0, 5 * BATCH, BATCH)]
    straight, second = trained(case, 0), trained(case, 0)
    for k, rows in enumerate(steps):
        if k == 2:
            second.set_weights(straight.get_weights())
            second.optimizer.build(second.trainable_weights)
            pairs = zip(second.optimizer.variables, straight.optimizer.variables, strict=True)
            for new, old in pairs:
                assert new.name.rpartition("/")[2] == old.name.rpartition("/")[2]
                new.assign(old.value)
        for model in (straight, second)[: 1 + (k >= 2)]:
            model.train_on_batch(x[rows], y[rows])
    assert same(straight.get_weights(), second.get_weights())
    ours, theirs = straight.optimizer.variables, second.optimizer.variables
    assert same([v.value for v in ours], [v.value for v in theirs])


def test_the_order_of_variables():
    model = dense(2, 1)
    optimizer = gd.optimizers.Nadam(use_ema=True, gradient_accumulation_steps=2)
    assert [v.name for v in optimizer.variables] == ["iterations", "learning_rate", "product"]
    optimizer.build(model.weights)
    slots = ["m", "v", "gradient_sum", "average"]
    names = [f"{w.name}/{s}" for w in model.weights for s in slots]
    assert [v.name for v in optimizer.variables[3:]] == names
    optimizer.build(model.weights)
    assert len(optimizer.variables) == 3 + len(names)


def test_slots_start_where_keras_starts_them():
    w = gd.Variable(np.zeros(2), "w")
    for optimizer in (gd.optimizers.Adagrad(), gd.optimizers.Ftrl()):
        optimizer.build([w])
        np.testing.assert_array_equal(optimizer.variables[2].value, np.float32([0.1, 0.1]))


# ------------------------------------------------------------------ averages, accumulation


def test_fit_ends_with_the_averages():
    model = compiled(dense(1), "mse", gd.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    start = model.get_weights()
    model.train_on_batch(X, SUM)
    first = model.get_weights()
    averages = [slots["average"] for slots in model.optimizer.slots.values()]
    assert same(first, [a.value for a in averages])  # the first average is the weight itself
    model.set_weights(start)
    model.fit(X, SUM, 10, verbose=0)
    assert same(model.get_weights(), [a.value for a in averages])
    model.fit(X, SUM, 10, epochs=0, verbose=0)
    assert same(model.get_weights(), [a.value for a in averages])


def test_finalizing_before_the_first_step_changes_nothing():
    w = gd.Variable(np.ones(2), "w")
    optimizer = gd.optimizers.SGD(use_ema=True)
    optimizer.build([w])
    optimizer.finalize_variable_values([w])
    np.testing.assert_array_equal(w.value, 1)


def test_weights_wait_until_enough_gradients_have_come():
    w = gd.Variable(np.zeros(2), "w")
    optimizer = gd.optimizers.SGD(1.0, momentum=0.5, gradient_accumulation_steps=3)
    for k, want in enumerate([0, 0, -2, -2]):
        optimizer.apply_gradients([(np.full(2, k + 1.0), w)])
        np.testing.assert_allclose(w.value, want)
    assert int(optimizer.iterations.value) == 4


# ------------------------------------------------------------------ weight decay


def test_weights_that_do_not_decay():
    kernel, bias, other = (gd.Variable(np.ones(1), n) for n in ("a/kernel", "a/bias", "b/kernel"))
    optimizer = gd.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[other], var_names=["bias"])
    optimizer.apply_gradients([(np.zeros(1), v) for v in (kernel, bias, other)])
    np.testing.assert_allclose([v.value[0] for v in (kernel, bias, other)], [0.95, 1, 1])
    with pytest.raises(ValueError, match="before"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])
    with pytest.raises(TypeError, match=r"\['bias'\]"):
        gd.optimizers.AdamW().exclude_from_weight_decay(var_names="bias")


# ------------------------------------------------------------------ settings


def test_names_and_classes():
    for name, cls in gd.optimizers.KNOWN.items():
        assert type(gd.optimizers.get(name)) is type(gd.optimizers.get(cls)) is cls
        assert cls.__name__.lower() == name
    assert type(gd.optimizers.get("RMSProp")) is gd.optimizers.RMSProp is gd.optimizers.RMSprop
    with pytest.raises(ValueError, match="did you mean 'adadelta'"):
        gd.optimizers.get("adadelt")


def test_the_default_is_that_of_keras():
    model = dense(1)
    model.compile(loss="mse")
    assert type(model.optimizer) is gd.optimizers.RMSprop


@pytest.mark.parametrize("name", [*CASES, *EVERYTHING])
def test_every_argument_is_an_attribute(name):
    cls, arguments = (CASES | EVERYTHING)[name]
    optimizer = made((cls, arguments))
    for key, value in arguments.items():
        if key != "learning_rate":
            assert getattr(optimizer, key) == value
    rate = arguments["learning_rate"]
    if isinstance(rate, tuple):
        assert type(optimizer.learning_rate).__name__ == rate[0]
    else:
        assert optimizer.learning_rate.value == np.float32(rate)


BAD = {
    "rate negative": (lambda o: o.Ftrl(-1), ValueError, "learning_rate"),
    "rate callable": (lambda o: o.SGD(lambda: 0.1), TypeError, "schedule"),
    "rho 1": (lambda o: o.RMSprop(rho=1.0), ValueError, "rho"),
    "rho of adadelta": (lambda o: o.Adadelta(rho=-0.1), ValueError, "rho"),
    "momentum above 1": (lambda o: o.RMSprop(momentum=2), ValueError, "momentum"),
    "epsilon negative": (lambda o: o.Adamax(epsilon=-1e-7), ValueError, "epsilon"),
    "beta NaN": (lambda o: o.Nadam(beta_1=float("nan")), ValueError, "beta_1"),
    "lion's beta_1 0": (lambda o: o.Lion(beta_1=0.0), ValueError, "beta_1"),
    "decay missing": (lambda o: o.AdamW(weight_decay=None), TypeError, "weight_decay"),
    "decay negative": (lambda o: o.SGD(weight_decay=-1), ValueError, "weight_decay"),
    "power positive": (lambda o: o.Ftrl(learning_rate_power=0.5), ValueError, "learning_rate_pow"),
    "start negative": (
        lambda o: o.Adagrad(initial_accumulator_value=-1), ValueError, "initial_accumulator_value",
    ),
    "penalty negative": (
        lambda o: o.Ftrl(l1_regularization_strength=-1), ValueError, "l1_regularization_strength",
    ),
    "two ways of clipping": (
        lambda o: o.Adam(clipvalue=1, global_clipnorm=1), ValueError, "clipvalue and global_clip",
    ),
    "clip at 0": (lambda o: o.Adam(clipnorm=0.0), ValueError, "clipnorm"),
    "average outside": (lambda o: o.Adam(use_ema=True, ema_momentum=1.5), ValueError, "ema_mom"),
    "overwriting every 0": (lambda o: o.Adam(ema_overwrite_frequency=0), ValueError, "ema_over"),
    "accumulation of 1": (
        lambda o: o.Adam(gradient_accumulation_steps=1), ValueError, "gradient_accumulation_steps",
    ),
    "accumulation of 2.5": (
        lambda o: o.Adam(gradient_accumulation_steps=2.5), ValueError, "gradient_accumulation",
    ),
    "no such argument": (lambda o: o.Adam(decay=0.1), TypeError, "decay"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_are_refused_by_name(name):
    make, error, words = BAD[name]
    with pytest.raises(error, match=words):
        make(gd.optimizers)


def test_a_schedule_is_not_overruled_by_a_number():
    optimizer = gd.optimizers.SGD(gd.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(TypeError, match="ExponentialDecay"):
        optimizer.learning_rate = 0.1


def test_a_schedule_takes_the_place_of_a_rate():
    model = compiled(dense(1), "mse", gd.optimizers.SGD(0.1))
    model.train_on_batch(X, SUM)
    before = model.get_weights()
    model.optimizer.learning_rate = gd.optimizers.schedules.ConstantLearningRate(0.0)
    model.train_on_batch(X, SUM)
    assert same(model.get_weights(), before)
    names = [v.name for v in model.optimizer.variables]
    assert names == ["iterations"]


def test_a_schedule_of_ones_own():
    class Halving(gd.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 1.0 / 2.0**step

    w = gd.Variable(np.zeros(1), "w")
    optimizer = gd.optimizers.SGD(Halving())
    for want in (-1.0, -1.5, -1.75):
        optimizer.apply_gradients([(np.ones(1), w)])
        assert w.value == want
    assert Halving()(3) == 0.125
