"""Iterables of batches: the same steps as one batch after the other, whatever the batches' sizes."""

import itertools
import signal
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.errors import NonFiniteError
from graphdl.training import chunks
from tests.training.nets import LABEL, compiled, dense, same

_draw = np.random.default_rng(4)
X = _draw.normal(size=(90, 3)).astype(np.float32)
Y = np.sin(X.sum(axis=1, keepdims=True))
W = _draw.uniform(0.5, 2, len(X)).astype(np.float32)
REGULAR = [slice(a, a + 16) for a in range(0, 90, 16)]  # the last one is smaller
RAGGED = [slice(*ends) for ends in itertools.pairwise([0, 7, 14, 15, 40, 40 + 16, 72, 73, 90])]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """A few batches fill a chunk; a batch of 25 is larger than one."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 16 * 20)


def model(target="python", layers=(), **rest):
    gd.set_seed(11)
    made = gd.Sequential(
        [
            gd.layers.Input(shape=(3,)), gd.layers.Dense(4, "tanh"), *layers,
            gd.layers.Dropout(0.3), gd.layers.Dense(1),
        ]
    )  # fmt: skip
    return compiled(made, "mse", "adam", target, metrics=["mae"], **rest)


class Batches:
    """Can be iterated anew: a data loader without length."""

    def __init__(self, parts, weighted=False, form=tuple):
        self.items = [(X[p], Y[p], *([W[p]] if weighted else [])) for p in parts]
        self.form, self.passes = form, 0

    def __iter__(self):
        self.passes += 1
        return map(self.form, self.items)


class Indexed(Batches):
    """A dataset as Keras knows it: length, index, and a hook for the end of an epoch."""

    __iter__ = None
    ended = 0

    def __len__(self):
        return len(self.items)

    def __getitem__(self, k):
        return self.items[k]

    def on_epoch_end(self):
        self.ended += 1


def state(model):
    return [*model.get_weights(), *(v.value for v in model.optimizer.variables)]


def one_by_one(parts, epochs=1, weighted=False, **rest):
    """The state after each batch was trained on by itself."""
    twin = model(**rest)
    for part in list(parts) * epochs:
        twin.train_on_batch(X[part], Y[part], W[part] if weighted else None)
    return state(twin)


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("parts", [REGULAR, RAGGED])
def test_the_same_bits_as_batch_by_batch(target, parts):
    made = model(target)
    made.fit(Batches(parts, True), epochs=2, verbose=0)
    assert same(state(made), one_by_one(parts, 2, True, target=target))
    assert len(made._runners) == 1


class Mixing(gd.layers.Layer):
    """Each row is a mean of all rows of its batch: an array of (batch, batch) is needed."""

    def call(self, inputs):
        return gd.softmax(inputs @ gd.transpose(inputs)) @ inputs


@pytest.mark.parametrize("parts", [REGULAR, RAGGED])
def test_programs_that_need_memory_of_just_the_size_of_the_batch(parts):
    made = model(layers=[Mixing()])
    made.fit(Batches(parts), epochs=2, verbose=0)
    assert [r.exact for r in made._runners.values()] == [True]
    assert same(state(made), one_by_one(parts, 2, layers=[Mixing()]))


@pytest.mark.parametrize("form", [tuple, list])
@pytest.mark.parametrize("kind", [Batches, Indexed])
def test_history_metrics_and_validation(kind, form):
    made, twin = model(), model()
    given = kind(REGULAR, form=form)
    history = made.fit(given, epochs=3, verbose=0, validation_data=kind(RAGGED, True)).history
    expected = twin.fit(
        X, Y, 16, epochs=3, verbose=0, shuffle=False, validation_data=Batches(RAGGED, True)
    ).history
    assert history == expected
    assert set(history) == {"loss", "mae", "val_loss", "val_mae"}
    assert getattr(given, "ended", 3) == 3
    assert getattr(given, "passes", 3) in (0, 3)


def test_a_list_of_batches_and_a_generator():
    expected = one_by_one(REGULAR, 2)
    for given, settings in [
        (Batches(REGULAR).items, {"epochs": 2}),
        (iter(Batches(REGULAR).items * 2), {}),
        (itertools.cycle(Batches(REGULAR).items), {"epochs": 2, "steps_per_epoch": len(REGULAR)}),
    ]:
        made = model()
        made.fit(given, verbose=0, **settings)
        assert same(state(made), expected)


def test_a_generator_gives_what_is_needed_and_not_a_batch_more():
    taken = itertools.count()
    batches = ((X[:8], Y[:8]) for _ in taken)
    model().fit(batches, epochs=3, steps_per_epoch=5, verbose=0)
    assert next(taken) == 15


def test_a_buffer_that_is_filled_again():
    x, y = np.empty((16, 3), np.float32), np.empty((16, 1), np.float32)

    def batches():
        for part in REGULAR[:-1]:
            x[:], y[:] = X[part], Y[part]
            yield x, y

    made = model()
    made.fit(batches(), verbose=0)
    assert same(state(made), one_by_one(REGULAR[:-1]))


def test_steps_per_epoch_goes_on_where_the_last_epoch_ended():
    counts = []
    count = gd.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: counts.append(steps()))
    made = model()
    steps = lambda: int(made.optimizer.iterations.value)  # noqa: E731
    made.fit(Batches(REGULAR), epochs=4, steps_per_epoch=4, verbose=0, callbacks=count)
    assert counts == [4, 6, 10, 12]  # a pass has 6 batches; Keras ends such an epoch early, too


def test_arrays_with_steps_per_epoch():
    # Keras 3: 10 batches, 3 an epoch, gives epochs of 3, 3, 3, 1, 3 with these losses
    y = np.arange(10).repeat(2)[:, None].astype("f4")
    made = compiled(dense(1, inputs=1), "mse", gd.optimizers.SGD(0.0))
    made.set_weights([np.zeros((1, 1)), np.zeros(1)])
    with pytest.warns(UserWarning, match="10 batches, steps_per_epoch=3: .* takes 1"):
        history = made.fit(
            np.zeros((20, 1)), y, 2, epochs=5, steps_per_epoch=3, shuffle=False, verbose=0
        ).history
    assert np.round(history["loss"], 3).tolist() == [1.667, 16.667, 49.667, 81.0, 1.667]


@pytest.mark.parametrize(
    ("given", "settings", "steps"),
    [
        ((X, Y), {"batch_size": 16}, 6),
        ((X, Y), {"batch_size": 15, "steps_per_epoch": 3}, 3),
        ((Batches(REGULAR),), {}, None),
        ((Batches(REGULAR),), {"steps_per_epoch": 3}, 3),
        ((Indexed(REGULAR),), {}, 6),
    ],
)
def test_callbacks_are_told_how_many_steps_there_are(given, settings, steps):
    seen = []
    hook = gd.callbacks.LambdaCallback(on_train_begin=lambda logs: seen.append(hook.params))
    model().fit(*given, epochs=2, verbose=0, callbacks=hook, **settings)
    assert seen[0]["steps"] == steps


def test_shuffled_arrays_in_parts_see_every_example_once():
    made, twin = model(), model()
    made.fit(X, Y, 15, epochs=4, steps_per_epoch=3, verbose=0)
    twin.fit(X, Y, 15, epochs=2, verbose=0)
    assert same(state(made), state(twin))


def test_evaluate():
    made = model()
    batches = Batches(REGULAR, True)
    assert made.evaluate(batches, verbose=0) == made.evaluate(X, Y, 16, 0, sample_weight=W)
    assert made.evaluate(iter(batches), verbose=0, steps=2) == made.evaluate(
        X[:32], Y[:32], 16, 0, sample_weight=W[:32]
    )


def test_predict():
    made = model()
    expected = made.predict(X)
    for given in [
        (X[p] for p in RAGGED),
        Batches(RAGGED),
        Batches(RAGGED, True, list),
        Indexed(RAGGED),
    ]:
        assert np.allclose(made.predict(given), expected, rtol=1e-6, atol=1e-7)
    assert len(made.predict(Batches(REGULAR), steps=3)) == 48
    outputs = []
    hook = gd.callbacks.LambdaCallback(on_predict_batch_end=lambda k, logs: outputs.append(logs))
    predicted = made.predict(Batches(RAGGED), callbacks=hook)
    assert same([o["outputs"] for o in outputs], [predicted[p] for p in RAGGED])


def test_predict_on_batch():
    made = model()
    assert np.array_equal(made.predict_on_batch(X), made.predict(X, len(X)))
    assert made.predict_on_batch(X[:0]).shape == (0, 1)


def test_several_inputs_and_an_unbuilt_model():
    inputs = [gd.layers.Input(shape=(3,)), gd.layers.Input(shape=(3,))]
    two = compiled(gd.Model(inputs, gd.layers.Dense(1)(gd.layers.Add()(inputs))))
    two.fit((([X[p], X[p]], Y[p]) for p in REGULAR), verbose=0)
    assert int(two.optimizer.iterations.value) == len(REGULAR)
    assert np.array_equal(two.predict([X[p], X[p]] for p in REGULAR), two.predict([X, X], 16))
    unbuilt = compiled(gd.Sequential([gd.layers.Dense(1)]))
    unbuilt.fit(Batches(REGULAR), verbose=0)
    assert unbuilt.weights[0].shape == (3, 1)


def test_class_weights():
    states = []
    for given, settings in [
        (([X[p], LABEL[p]] for p in [slice(0, 16), slice(16, 32)]), {}),
        (X[:32], {"y": LABEL[:32], "batch_size": 16, "shuffle": False}),
    ]:
        gd.set_seed(3)
        made = compiled(dense(1, last="sigmoid"), "binary_crossentropy")
        made.fit(given, class_weight={0: 1.0, 1: 3.0}, verbose=0, **settings)
        states.append(made.get_weights())
    assert same(*states)


def test_callbacks_of_batches_and_the_end_of_training():
    log = []
    hooks = gd.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: log.append(batch),
        on_train_batch_end=lambda batch, logs: log.append((batch, sorted(logs))),
    )
    model().fit(Batches(REGULAR), verbose=0, callbacks=hooks)
    assert log == [e for k in range(6) for e in (k, (k, ["loss", "mae"]))]

    made = model()
    stop = gd.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(made, "stop_training", batch == 2)
    )
    made.fit(itertools.cycle(Batches(REGULAR).items), verbose=0, callbacks=stop)
    assert same(state(made), one_by_one(REGULAR[:3]))


def test_progress_of_what_has_no_length(capsys):
    model().fit(Batches(REGULAR), epochs=2, verbose=2)
    assert "6/6" in capsys.readouterr().out
    model().evaluate(iter(Batches(REGULAR)), verbose=2)
    assert "6/" in capsys.readouterr().out


# -------------------------------------------------- what goes wrong


def spoilt(k, x=None, y=None):
    """Batches of which number k (from 1) is another."""
    items = Batches(REGULAR).items
    items[k - 1] = (items[k - 1][0] if x is None else x, items[k - 1][1] if y is None else y)
    return iter(items)


BAD = X[:16].copy()
BAD[3, 1] = np.nan


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": BAD}, "x has 1 values that are NaN or infinite, the first in row 3"),
        ({"x": X[:16, :2]}, r"x has shape \(16, 2\), the model expects"),
        ({"y": Y[:9]}, "x has 16 rows, y has 9"),
        ({"x": X[:0]}, "x is empty"),
        ({"x": "words"}, "x: expected numbers"),
    ],
)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_a_bad_batch_is_named_and_those_before_it_are_trained(k, changes, message):
    made = model()
    with pytest.raises((ValueError, TypeError), match=f"batch {k} of the iterable: {message}"):
        made.fit(spoilt(k, **changes), verbose=0)
    assert same(state(made), one_by_one(REGULAR[: k - 1]))


def test_labels_out_of_range_are_named():
    made = compiled(dense(3, last="softmax"), "sparse_categorical_crossentropy")
    labels = [np.zeros(4), np.zeros(4), np.full(4, 3)]
    with pytest.raises(ValueError, match=r"batch 3 of the iterable: y: the label 3 .* 3 classes"):
        made.fit([(X[:4], y) for y in labels], verbose=0)
    with pytest.raises(ValueError, match="batch 3 of the validation data: y: the label 3"):
        made.fit(
            [(X[:4], labels[0])], verbose=0, validation_data=iter([(X[:4], y) for y in labels])
        )


@pytest.mark.parametrize(
    ("given", "settings", "message"),
    [
        ([(X, Y), (X, Y, W)], {}, "batch 2 of the iterable: some batches have a sample_weight"),
        (iter([X]), {}, r"batch 1 of the iterable: expected \(x, y\) or .*, got one ndarray"),
        (iter([]), {}, "the iterable is empty"),
        (Indexed([]), {}, "the iterable is empty"),
        (iter([(X, Y)]), {"epochs": 2}, "is an iterator, .* for 2 epochs: .*steps_per_epoch"),
        (
            Batches(REGULAR),
            {"validation_data": iter([(X, Y)]), "epochs": 2},
            "the validation data is an iterator, .*validation_steps",
        ),
        (iter([(X, Y)]), {"batch_size": 8}, "batch_size=8 beside an iterable"),
        (iter([(X, Y)]), {"y": Y}, "y beside an iterable"),
        (iter([(X, Y)]), {"sample_weight": W}, "sample_weight beside an iterable"),
        (iter([(X, Y)]), {"validation_split": 0.2}, "validation_split needs arrays"),
        (iter([(X, Y)]), {"steps_per_epoch": 0}, "steps_per_epoch must be a whole number"),
    ],
)
def test_what_does_not_fit_an_iterable(given, settings, message):
    with pytest.raises(ValueError, match=message):
        model().fit(given, verbose=0, **settings)


def test_an_exhausted_generator():
    made = model()
    with pytest.raises(ValueError, match="exhausted after 6 batches, 2 of the 4 for this epoch"):
        made.fit(iter(Batches(REGULAR)), epochs=2, steps_per_epoch=4, verbose=0)
    assert same(state(made), one_by_one(REGULAR))


def test_an_exception_in_the_iterable_keeps_its_traceback():
    def batches():
        yield from Batches(REGULAR).items[:4]
        raise OSError("the disk is gone")

    made = model()
    with pytest.raises(OSError, match="the disk is gone") as caught:
        made.fit(batches(), verbose=0)
    assert "batches" in [f.name for f in traceback.extract_tb(caught.tb)]
    assert same(state(made), one_by_one(REGULAR[:4]))
    assert not readers()


def test_a_step_that_is_refused_names_batch_and_row():
    y = Y[:16].copy()
    y[5] = 1e30
    with pytest.raises(NonFiniteError, match=r"batch 4 of epoch 1: .* in row 5 of the batch"):
        model().fit(spoilt(4, y=y), verbose=0)
    assert not readers()


def readers():
    """The threads that still read data; they have a moment to end."""
    end = time.perf_counter() + 5
    alive = lambda: [t for t in threading.enumerate() if t.name == "data"]  # noqa: E731
    while alive() and time.perf_counter() < end:
        time.sleep(0.01)
    return alive()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer that sends signals")
def test_ctrl_c_while_waiting_for_data():
    release, asked = threading.Event(), []

    def batches():
        for item in Batches(REGULAR).items:
            asked.append(item)
            if len(asked) == 4:
                release.wait(30)
            yield item

    def press():
        pressed.append(time.perf_counter() + 0.1)
        signal.setitimer(signal.ITIMER_REAL, 0.1)

    pressed, made = [], model()
    hook = gd.callbacks.LambdaCallback(on_train_batch_end=lambda k, logs: k == 2 and press())
    previous = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with pytest.raises(KeyboardInterrupt):
            made.fit(batches(), verbose=0, callbacks=hook)
        assert time.perf_counter() - pressed[0] < 20  # it does not wait for the data
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert same(state(made), one_by_one(REGULAR[:3]))
    release.set()
    assert not readers()
    assert len(asked) == 4  # nobody asks for more


def test_the_program_in_the_documentation(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 2**20)
    page = Path(__file__).parents[2] / "docs" / "data.md"
    program = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    found = {}
    exec(compile(program, str(page), "exec"), found)
    assert found["history"].history["val_accuracy"][-1] > 0.9
    assert found["predictions"].shape == (20_000, 1)


def test_torch_data_loader():
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    made = model()
    made.fit(torch.utils.data.DataLoader(data, 16), epochs=2, verbose=0)
    assert same(state(made), one_by_one(REGULAR, 2))
