"""Models of every form come back from their files with names, weights and predictions."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy

import graphdl as gd
from graphdl.core.errors import ModelFileError, NotBuiltError
from graphdl.files.safetensors import TensorFile
from tests.files.nets import CUSTOM, FromTheSlide, Keeps, Net, X, Y, same, small

ROOT = Path(__file__).resolve().parents[2]
D = gd.layers.Dense
swish = gd.elementwise("swish it!", lambda z: z / (1 + sympy.exp(-z)))


def quiet(model):
    """Compiled for the interpreter of emitted code, where a test is not about machine code."""
    model.compile("sgd", "mse", target="python")
    return model


def sequential():
    return gd.Sequential([gd.layers.Input((3,)), D(4, "relu"), D(2, gd.tanh, name="end ☃")])


def nested():
    inner = gd.Sequential([D(4, "relu"), gd.Sequential([D(2)]), Keeps(3)])
    return gd.Sequential([gd.layers.Input((3,)), inner, D(1), D(1)])


def functional():
    """Two inputs, a shared layer, plain operations, constants, a formula, an inner model."""
    a, b = gd.Input((3,), name="a"), gd.Input((3,), name="β/☃")
    shared, inner = D(4, "tanh", name="../shared\x00"), gd.Sequential([D(2, swish)], name="inner")
    mixed = gd.concat([shared(a), shared(b)], axis=1)[:, 1:6] * 0.1 + np.arange(5, dtype="f4")
    return gd.Model([a, b], inner(swish(mixed.named("z")) + gd.mean(a + b, axis=1, keepdims=True)))


def two_outputs():
    x = gd.Input((3,))
    h = D(4, "relu")(x)
    return gd.Model(x, [D(1)(h), gd.reshape(D(6)(h), (-1, 3, 2))])


def subclassed():
    model = Net(4, name="mine")
    model.build_for(X)
    return model


def float64():
    gd.set_floatx("float64")
    try:
        return gd.Sequential([gd.layers.Input((3,), "float32"), gd.layers.Activation(as_double),
                              D(2), FromTheSlide(2, 2)])  # fmt: skip
    finally:
        gd.set_floatx("float32")


def as_double(z):
    return gd.cast(z, "float64")


FORMS = [sequential, nested, functional, two_outputs, subclassed, float64]
MINE = CUSTOM | {"swish it!": swish, "as_double": as_double}


def inputs(model):
    return [X, 2 * X][: len(model._symbols)]


def predictions(model):
    given = inputs(model)
    result = model.predict(given if len(given) > 1 else given[0])
    return result if isinstance(result, list) else [result]


@pytest.mark.parametrize("form", FORMS)
def test_a_model_comes_back(form, tmp_path):
    model = form()
    model._target = "python"
    path = tmp_path / "model"
    model.save(path)
    loaded = gd.load_model(str(path), MINE)
    loaded._target = "python"
    assert type(loaded) is type(model) and loaded.name == model.name
    assert [x.name for x in loaded.layers] == [x.name for x in model.layers]
    assert [w.dtype for w in loaded.weights] == [w.dtype for w in model.weights]
    assert same(model, loaded) and loaded.summary_text() == model.summary_text()
    for ours, theirs in zip(predictions(model), predictions(loaded), strict=True):
        assert ours.tobytes() == theirs.tobytes() and ours.shape == theirs.shape
    loaded.save(tmp_path / "again", overwrite=False)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_the_loaded_model_is_trained_like_the_first(tmp_path):
    a, b = gd.Input((3,)), gd.Input((3,))
    shared = D(2, "tanh")
    model = quiet(gd.Model([a, b], D(1)(shared(a) + shared(b) * 2.0)))
    model.save(tmp_path / "m")
    loaded = gd.load_model(tmp_path / "m")
    for m in (model, loaded):
        m.fit([X, X], Y, 8, epochs=2, verbose=0)
    assert same(model, loaded) and len(loaded.layers) == 2


@pytest.mark.parametrize("layers", [
    lambda: [D(4, "relu"), D(1)], lambda: [FromTheSlide(3, 2), FromTheSlide(2, 1)],
    lambda: [Keeps(2), D(1, name="☃")],
])  # fmt: skip
def test_a_model_that_is_not_built_is_built_later(layers, tmp_path):
    model = gd.Sequential(layers())
    model.save(tmp_path / "m")
    loaded = gd.load_model(tmp_path / "m", CUSTOM)
    assert not loaded.built and same(model, loaded)
    quiet(loaded).fit(X, Y, 8, verbose=0)
    assert loaded.built
    loaded.save(tmp_path / "m")
    assert same(loaded, gd.load_model(tmp_path / "m", CUSTOM))


def test_a_model_that_was_only_called(tmp_path):
    model = Net(4)
    out = model(X)
    model.save(tmp_path / "m")
    loaded = gd.load_model(tmp_path / "m", CUSTOM)
    assert same(model, loaded) and np.array_equal(loaded(X), out)


def test_a_layer_in_two_models_is_called_by_each_in_its_own_way(tmp_path):
    first, second, x = D(3), D(3), gd.Input((3,))
    a, b = gd.Model(x, second(first(x))), gd.Model(x, D(1)(first(second(x))))
    a.save(tmp_path / "a")
    b.save(tmp_path / "b")
    assert [w.name for w in gd.load_model(tmp_path / "a").weights][::2] == [
        "dense/kernel", "dense_1/kernel",
    ]  # fmt: skip
    assert same(b, gd.load_model(tmp_path / "b"))


def test_frozen_layers_stay_frozen(tmp_path):
    net = Net(4)
    net.two.trainable = False
    model = gd.Sequential([gd.layers.Input((3,)), net, D(1), D(1)])
    model.layers[2].trainable = False
    model.save(tmp_path / "m")
    loaded = gd.load_model(tmp_path / "m", CUSTOM)
    names = lambda m: [w.name for w in m.trainable_weights]  # noqa: E731
    assert names(loaded) == names(model) != [w.name for w in model.weights]


def test_everything_compile_was_given_comes_back(tmp_path):
    def own_metric(y, p):
        return gd.mean(gd.absolute(p - y), -1)

    rate = gd.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-3, clipnorm=2.0)
    metrics = [gd.losses.mean_squared_error,
               gd.metrics.BinaryAccuracy(threshold=0.3, name="hits"), own_metric]  # fmt: skip
    model = small(rate, metrics=metrics, weighted_metrics=["precision"], check_finite=False)
    model.save(tmp_path / "m")
    loaded = gd.load_model(tmp_path / "m", {"own_metric": own_metric})
    assert loaded._check_finite is False and loaded._target == "python"
    for m in (model, loaded):
        gd.set_seed(1)
        m.fit(X, (Y > 0).astype("f4"), 8, verbose=0, sample_weight=np.linspace(0, 1, 40))
    assert same(model, loaded) and model.history.history == loaded.history.history
    assert loaded.metrics_names[2:] == ["hits", "own_metric", "precision"]


def test_a_loss_of_the_user_s(tmp_path):
    def own_loss(y, p):
        return gd.mean(gd.square(p - y) ** 2, -1)

    model = sequential()
    model.compile("sgd", own_loss, target="python")
    model.save(tmp_path / "m")
    with pytest.raises(ModelFileError, match="your own function 'own_loss'"):
        gd.load_model(tmp_path / "m")
    loaded = gd.load_model(tmp_path / "m", {"own_loss": own_loss})
    assert loaded.evaluate(X, X[:, :2], verbose=0) == model.evaluate(X, X[:, :2], verbose=0)
    assert gd.load_model(tmp_path / "m", compile=False).optimizer is None


def test_any_reader_of_the_format_finds_the_weights_by_name(tmp_path):
    safe = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    model = small()
    model.fit(X, Y, 8, verbose=0)
    model.save(tmp_path / "m.safetensors")
    arrays = safe.load_file(tmp_path / "m.safetensors")
    assert np.array_equal(arrays["dense/kernel"], model.get_weights()[0])
    assert arrays["optimizer/iterations"] == 5 and "optimizer/m/dense_1/bias" in arrays


def test_loading_draws_nothing(tmp_path):
    sequential().save(tmp_path / "m")
    kernels = []
    for load in (False, True):
        gd.set_seed(3)
        if load:
            gd.load_model(tmp_path / "m")
        kernels.append(sequential().get_weights()[0])
    assert np.array_equal(*kernels)


def test_nan_is_a_value_like_any_other(tmp_path):
    model = sequential()
    model.weights[0].assign(np.full((3, 4), np.nan))
    model.save(tmp_path / "m")
    assert np.isnan(gd.load_model(tmp_path / "m").get_weights()[0]).all()


# ------------------------------------------------------------------ weights alone


def test_weights_alone(tmp_path):
    model, other = sequential(), sequential()
    model.save_weights(tmp_path / "w.safetensors")
    other.load_weights(tmp_path / "w.safetensors")
    assert same(model, other)
    with TensorFile(tmp_path / "w.safetensors") as file:
        assert sorted(file.entries) == sorted(w.name for w in model.weights)
    with pytest.raises(ModelFileError, match=r"holds arrays but no model.*load_weights"):
        gd.load_model(tmp_path / "w.safetensors")


def test_weights_of_a_whole_model(tmp_path):
    model, other = small(), small()
    model.fit(X, Y, 8, verbose=0)
    model.save(tmp_path / "m")
    other.load_weights(tmp_path / "m")
    assert same(model, other) and int(other.optimizer.iterations.value) == 0


def test_weights_of_another_program(tmp_path):
    safe = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    model = sequential()
    values = {w.name: w.value + 1 for w in model.weights}
    safe.save_file(values, tmp_path / "w")
    model.load_weights(tmp_path / "w")
    assert all(np.array_equal(w.value, values[w.name]) for w in model.weights)


@pytest.mark.parametrize(("other", "words"), [
    (lambda: gd.Sequential([gd.layers.Input((3,)), D(4)]),
     "it lacks 'end ☃/kernel', 'end ☃/bias'$"),
    (lambda: gd.Sequential([gd.layers.Input((3,)), D(4), D(2), D(2, name="end ☃")]),
     r"it also has 'dense_1/kernel', 'dense_1/bias'; 'end ☃/kernel' .* \(2, 2\), the model has"),
    (lambda: gd.Sequential([gd.layers.Input((3,), "float64"), D(4, dtype="float64"),
                            D(2, dtype="float64", name="end ☃")]),
     r"'dense/kernel' is float64 of shape \(3, 4\), the model has float32"),
])  # fmt: skip
def test_weights_that_do_not_fit_change_nothing(other, words, tmp_path):
    other().save_weights(tmp_path / "w")
    model = sequential()
    before = model.get_weights()
    with pytest.raises(ModelFileError, match=words) as error:
        model.load_weights(tmp_path / "w")
    assert str(tmp_path / "w") in str(error.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_weights_of_what_is_not_built(tmp_path):
    model = gd.Sequential([D(2)])
    for act in (model.save_weights, model.load_weights):
        with pytest.raises(NotBuiltError, match="has no weights yet"):
            act(tmp_path / "w")


# ------------------------------------------------------------------ what cannot be saved


def loose_variable():
    x, loose = gd.Input((3,)), gd.Variable(np.ones(3), name="loose")
    return gd.Model(x, D(1)(x * loose))


def twins():
    class Twins(gd.layers.Layer):
        def __init__(self):
            super().__init__()
            self.a, self.b = self.add_weight(3, name="w"), self.add_weight(3, name="w")

        def call(self, inputs):
            return inputs * self.a + self.b

    return gd.Sequential([gd.layers.Input((3,)), Twins()])


@pytest.mark.parametrize(("form", "words"), [
    (loose_variable, r"the Variable 'loose' outside of any layer.*add_weight"),
    (twins, r"two arrays of the model are called 'twins/w'.*rename one"),
    (lambda: gd.Sequential([D(1, activation=lambda z: z)]), "code is never written"),
])  # fmt: skip
def test_what_cannot_be_saved_says_why_and_writes_nothing(form, words, tmp_path):
    (tmp_path / "m").write_bytes(b"old")
    with pytest.raises(ModelFileError, match=words):
        form().save(tmp_path / "m")
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m").read_bytes() == b"old"


def test_places_are_checked_first(tmp_path):
    model = sequential()
    with pytest.raises(IsADirectoryError):
        model.save(tmp_path)
    with pytest.raises(FileNotFoundError):
        model.save_weights(tmp_path / "no" / "w")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        gd.load_model(tmp_path / "m")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        model.load_weights(tmp_path / "m")


def test_an_operation_between_layers_is_built_again_by_name(tmp_path):
    gd.Model(x := gd.Input((3,)), gd.softmax(D(2)(x)) + 1.0).save(tmp_path / "m")
    with TensorFile(tmp_path / "m") as file:
        document = json.loads(file.metadata["graphdl"])
    ops = [node["op"] for node in document["model"]["config"]["nodes"]]
    assert ops == ["tensor", "layer_call", "softmax", "constant", "add"]


def test_importing_graphdl_loads_no_reader_of_files():
    code = "import sys, graphdl; print('safetensors' in sys.modules, callable(graphdl.load_model))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]
