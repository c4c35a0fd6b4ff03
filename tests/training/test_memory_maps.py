"""Memory maps train as arrays in memory do, to the bit, and are never in memory as a whole."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import graphdl as gd
from codegen.random import permutation
from graphdl.core.errors import NonFiniteError
from graphdl.training import chunks, maps
from graphdl.training.shuffle import SHUFFLE_STREAM
from tests.training.nets import compiled, same

_draw = np.random.default_rng(3)
ROWS = 203
X = _draw.normal(size=(ROWS, 5)).astype(np.float32)
Y = np.tanh(X.sum(axis=1, keepdims=True))
W = _draw.uniform(0.5, 2, ROWS)
CLASS = np.digitize(X[:, 0], [-0.5, 0.5])


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Many chunks and pieces even of little data, whose pages are let go."""
    monkeypatch.setattr(maps, "KEPT_BYTES", 0)
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 24 * 60)
    monkeypatch.setattr(maps, "PIECE_BYTES", 24 * 25 * 4)


@pytest.fixture
def mapped(tmp_path):
    """An array as a memory map, in the order asked for."""

    def write(array, mode="r", order="C"):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, np.asarray(array, order=order))
        return np.load(path, mmap_mode=mode)

    return write


def model(target="python", loss="mse", units=(4, 1), **rest):
    gd.set_seed(11)
    layers = [gd.layers.Dense(units[0], "tanh"), gd.layers.Dropout(0.3), gd.layers.Dense(units[1])]
    return compiled(
        gd.Sequential([gd.layers.Input(shape=(5,)), *layers]), loss, "adam", target, **rest
    )


def trained(x, y, target="python", **settings):
    made = model(target, metrics=["mae"])
    history = made.fit(x, y, 16, epochs=3, verbose=0, **settings).history
    return history, [*made.get_weights(), *(v.value for v in made.optimizer.variables)]


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_same_bits_as_in_memory(mapped, target, shuffle):
    settings = {"shuffle": shuffle, "target": target}
    plain, weights = trained(X, Y, sample_weight=W, validation_data=(X[:30], Y[:30]), **settings)
    ours, theirs = trained(
        mapped(X), mapped(Y), sample_weight=mapped(W), **settings,
        validation_data=(mapped(X[:30]), mapped(Y[:30])),
    )  # fmt: skip
    assert ours == plain
    assert same(theirs, weights)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float64", "uint8", ">f4", "int16", "bool"])
def test_every_form_of_numbers(mapped, dtype, order):
    x = (X * 20 if dtype != "bool" else X > 0).astype(dtype)
    assert same(trained(mapped(x, order=order), Y)[1], trained(np.array(x), Y)[1])


def test_only_some_of_the_arrays_are_maps(mapped):
    expected = trained(X, Y, sample_weight=W)
    for arguments in ((mapped(X), Y, W), (X, mapped(Y), W.tolist()), (X, Y.tolist(), mapped(W))):
        history, weights = trained(*arguments[:2], sample_weight=arguments[2])
        assert history == expected[0]
        assert same(weights, expected[1])


def test_views_of_a_map(mapped):
    wide = mapped(np.repeat(np.concatenate([X, X]), 2, axis=1))
    assert same(trained(wide[:ROWS, ::2], Y)[1], trained(X, Y)[1])
    assert maps.is_map(np.asarray(wide)[3:])
    assert not maps.is_map(np.array(wide))


def test_steps_per_epoch_and_validation_split(mapped):
    settings = {"steps_per_epoch": 3, "validation_split": 0.2}
    with pytest.warns(UserWarning, match="has 11 batches, steps_per_epoch=3: .* takes 2"):
        expected = model().fit(X, Y, 16, epochs=5, verbose=0, **settings).history
    with pytest.warns(UserWarning, match="11 batches"):
        assert model().fit(mapped(X), Y, 16, epochs=5, verbose=0, **settings).history == expected


def test_evaluate_and_predict(mapped):
    made = model(metrics=["mae"])
    assert made.evaluate(mapped(X), mapped(Y), 16, 0) == made.evaluate(X, Y, 16, 0)
    assert made.evaluate(mapped(X), Y, 16, 0, steps=3) == made.evaluate(X[:48], Y[:48], 16, 0)
    assert np.array_equal(made.predict(mapped(X), 16), made.predict(X, 16))
    assert np.array_equal(made.predict(mapped(X), 16, steps=2), made.predict(X, 16)[:32])


def test_class_weights_and_labels(mapped):
    def weights(x, y):
        made = model(loss="sparse_categorical_crossentropy", units=(4, 3))
        made.fit(x, y, 16, epochs=2, verbose=0, class_weight={0: 2.0, 2: 0.5})
        return made.get_weights()

    assert same(weights(mapped(X), mapped(CLASS)), weights(X, CLASS))


def test_several_inputs(mapped):
    def weights(a, b, y):
        gd.set_seed(2)
        inputs = [gd.layers.Input(shape=(5,)), gd.layers.Input(shape=(5,))]
        made = gd.Model(inputs, gd.layers.Dense(1)(gd.layers.Add()(inputs)))
        compiled(made).fit([a, b], y, 16, verbose=0)
        return made.get_weights()

    assert same(weights(mapped(X), mapped(2 * X), Y), weights(X, 2 * X, Y))


def test_the_input_of_an_unbuilt_model_is_learnt_from_the_first_rows(mapped):
    gd.set_seed(0)
    made = compiled(gd.Sequential([gd.layers.Dense(1)]))
    made.fit(mapped(X), Y, verbose=0)
    assert made.weights[0].shape == (5, 1)


def broken(at, value):
    x = X.copy()
    x[at, 2] = value
    return x


def test_what_is_wrong_is_refused_before_training(mapped):
    made = model()
    before = made.get_weights()
    with pytest.raises(
        ValueError, match=r"x has 1 values that are NaN .* first in row 3 .*from 150"
    ):
        made.fit(mapped(broken(153, np.nan)), Y, 16, verbose=0)
    with pytest.raises(ValueError, match="x has 203 rows, y has 200"):
        made.fit(mapped(X), Y[:200], 16, verbose=0)
    with pytest.raises(ValueError, match="sample_weight has 7"):
        made.fit(mapped(X), Y, 16, verbose=0, sample_weight=W[:7])
    with pytest.raises(ValueError, match=r"x has shape .*the model expects"):
        made.fit(mapped(X[:, :4]), Y, 16, verbose=0)
    with pytest.raises(ValueError, match="validation data: x has 1 values that are NaN"):
        made.fit(X, Y, 16, verbose=0, validation_data=(mapped(broken(0, np.inf)), Y))
    assert same(made.get_weights(), before)
    labels = model(loss="sparse_categorical_crossentropy", units=(4, 3))
    with pytest.raises(ValueError, match=r"the label 3 in row 7 .* 3 classes .*from 168"):
        labels.fit(X, mapped(np.where(np.arange(ROWS) == 175, 3, CLASS)), 16, verbose=0)


def test_a_file_that_changes_meanwhile_is_checked_again(mapped):
    x = mapped(X, mode="r+")
    made = model()

    def spoil(epoch, logs):
        x[7] = np.nan

    with pytest.raises(ValueError, match=r"x has .* NaN"):
        made.fit(
            x, Y, epochs=3, verbose=0, callbacks=gd.callbacks.LambdaCallback(on_epoch_end=spoil)
        )
    place = permutation(11, SHUFFLE_STREAM, 7, ROWS).tolist().index(7)
    assert int(made.optimizer.iterations.value) == 7 + place // 32  # up to the batch that holds it


def test_changes_that_are_in_no_file_stay(mapped):
    x = mapped(X, mode="c")
    x[:50] = 3.0
    expected = np.array(x)
    assert same(trained(x, Y)[1], trained(expected, Y)[1])
    assert np.array_equal(x, expected)


def test_a_step_that_is_refused_names_the_row(mapped):
    y = Y.copy()
    y[101] = 1e30
    errors = []
    for data in (y, mapped(y)):
        made = model()
        with pytest.raises(NonFiniteError) as caught:
            made.fit(X, data, 16, verbose=0, epochs=2)
        errors.append((str(caught.value), int(made.optimizer.iterations.value)))
    assert errors[0] == errors[1]
    assert "row 101 of the data" in errors[0][0]


def test_callbacks_of_batches_see_the_same(mapped):
    seen = []
    for x in (X, mapped(X)):
        log = []
        hooks = gd.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs, log=log: log.append(batch),
            on_train_batch_end=lambda batch, logs, log=log: log.append((batch, logs["loss"])),
            on_predict_batch_end=lambda batch, logs, log=log: log.append(logs["outputs"].tolist()),
        )
        made = model()
        made.fit(x, Y, 16, epochs=2, verbose=0, callbacks=hooks)
        made.predict(x, 16, callbacks=hooks)
        seen.append(log)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 2 * 2 * 13 + 13


def test_training_goes_on_to_the_bit(mapped):
    x, made = mapped(X), model()
    made.fit(x, Y, 16, epochs=2, verbose=0)
    made.fit(x, Y, 16, epochs=5, initial_epoch=2, verbose=0)
    twin = model()
    twin.fit(X, Y, 16, epochs=5, verbose=0)
    assert same(made.get_weights(), twin.get_weights())


MEASURE = """
    import resource, sys
    import numpy as np
    import graphdl as gd
    from graphdl.training import maps

    maps.KEPT_BYTES = 0  # as if the file were larger

    def mebibytes():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10

    x, y = (np.load(f, mmap_mode="r") for f in sys.argv[1:])
    model = gd.Sequential([gd.layers.Input(shape=x.shape[1:]), gd.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x[:2000].copy(), y[:2000].copy(), verbose=0)  # what the libraries themselves take
    before = mebibytes()
    model.fit(x, y, epochs=2, batch_size=256, verbose=0)
    model.predict(x)
    print(mebibytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
def test_the_map_is_never_in_memory_as_a_whole(tmp_path):
    rows, columns = 2**16, 2**10  # 256 MiB
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "f4", (rows, columns))
    x[::97] = 1.0
    np.save(tmp_path / "y.npy", np.zeros((rows, 1), np.float32))
    code = textwrap.dedent(MEASURE)
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "x.npy", tmp_path / "y.npy"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(done.stdout) < 160  # a few chunks of 16 MiB, and what allocators keep
