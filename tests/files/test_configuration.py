"""Every class that a file may name is made again from its configuration."""

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from graphdl.configuration import arguments
from graphdl.core.errors import ModelFileError
from graphdl.files import known
from graphdl.files.decode import from_config
from graphdl.files.encode import config_of
from tests.files.nets import Keeps, same

# Values for the arguments that constructors need, by the argument's name.
NEEDED = {
    "activation": "relu", "axes": 1, "boundaries": [10, 20], "decay_rate": 0.5, "decay_steps": 10,
    "dims": (2, 1), "first_decay_steps": 10, "fn": gd.activations.relu,
    "function": gd.activations.relu, "initial_learning_rate": 0.1, "input_dim": 5,
    "learning_rate": 0.1, "n": 2, "num_classes": 3, "output_dim": 2, "precision": 0.5, "rate": 0.25,
    "recall": 0.5, "scale": 2.0, "sensitivity": 0.5, "specificity": 0.5, "stddev": 0.5,
    "target_shape": (1, 2), "units": 3, "values": [0.3, 0.2, 0.1],
}  # fmt: skip


def described():
    """The classes of each family, but for those that are there to be derived from."""
    for family, module in known.FAMILIES.items():
        classes = {n: c for n, c in known.by_name(family).items() if isinstance(c, type)}
        named = set(getattr(module, "KNOWN", {}).values())
        for name, cls in classes.items():
            if cls in named or not any(
                issubclass(c, cls) for c in classes.values() if c is not cls
            ):
                yield pytest.param(cls, id=f"{family}/{name}")


def needed(cls):
    """Arguments with which there is an object of the class."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    without = [p.name for p in parameters if p.default in (p.empty, None)]
    return {name: NEEDED[name] for name in without if name in NEEDED}


def variations(cls):
    """The constructor's arguments one by one, each with another value than its default."""
    yield {}
    for base in cls.__mro__:
        init = vars(base).get("__init__")
        for p in inspect.signature(init).parameters.values() if init else ():
            if isinstance(p.default, bool):
                yield {p.name: not p.default}
            elif isinstance(p.default, float):
                yield {p.name: p.default * 0.75 + 0.01}
            elif isinstance(p.default, int) or (p.default is None and p.name == "seed"):
                yield {p.name: (p.default or 0) + 1}
            elif p.name == "name":
                yield {"name": "another"}


def made(cls, change):
    try:
        return cls(**{**needed(cls), **change})
    except (TypeError, ValueError):
        return None  # no argument of this class, or no value for it


@pytest.mark.parametrize("cls", list(described()))
def test_every_class_is_made_again(cls):
    assert made(cls, {}) is not None, f"{cls.__name__} needs arguments: add values to NEEDED"
    for change in variations(cls):
        first = made(cls, change)
        if first is None:
            continue
        text = json.dumps(config_of(first), allow_nan=False)
        second = from_config(json.loads(text))
        assert type(second) is cls
        assert json.dumps(config_of(second)) == text
        for name, value in change.items():
            kept = arguments(first)[name]
            if isinstance(kept, gd.core.graph.Variable):  # in float32
                kept, value = kept.value[()], np.float32(value)
            assert kept == value, f"{cls.__name__}.{name}"


SHAPES = [(4,), (3, 4), (2,), (32,)]


def model_of(cls, shape, count):
    """The layer between Dense layers, or on the data itself; None where it does not fit them."""
    inputs = [gd.Input(shape) for _ in range(count)]
    try:
        layer = cls(**needed(cls))
        out = layer([gd.layers.Dense(4)(x) for x in inputs] if count > 1 else inputs[0])
        return gd.Model(inputs, gd.layers.Dense(2)(out))
    except (TypeError, ValueError):
        return None


LAYERS = [c for c in known.by_name("layers").values() if isinstance(c, type)]


@pytest.mark.parametrize("cls", [c for c in LAYERS if c is not gd.layers.Layer])
def test_every_layer_is_saved_in_a_model(cls, tmp_path):
    tries = (model_of(cls, shape, count) for count in (1, 2) for shape in SHAPES)
    model = next(filter(None, tries))
    model.save(tmp_path / "m")
    loaded = gd.load_model(tmp_path / "m")
    shape = model._symbols[0].shape[1:]
    data = [np.random.default_rng(k).integers(0, 4, (5, *shape)) for k in range(2)]
    data = data[: len(model._symbols)]
    draws = [m(data if len(data) > 1 else data[0]) for m in (model, loaded)]
    assert same(model, loaded) and draws[0].tobytes() == draws[1].tobytes()


def test_every_module_of_names_is_a_family():
    """Such a module has a dict KNOWN and a function `get`."""
    texts = {str(f): f.read_text("utf-8") for f in Path(gd.__file__).parent.rglob("*.py")}
    form = re.compile(r"^KNOWN\b.*^def get\(", re.MULTILINE | re.DOTALL)
    named = {file for file, text in texts.items() if form.search(text)}
    families = {m.__file__ for m in known.FAMILIES.values()}
    assert named <= families, "add the module to graphdl.files.known.FAMILIES"


@pytest.mark.parametrize("family", [*known.FAMILIES, "operations"])
def test_every_function_is_found_again(family):
    functions = {n: f for n, f in known.by_name(family).items() if not isinstance(f, type)}
    for function in functions.values():
        assert from_config(config_of(function)) is function


def test_only_graphdl_s_own_is_named():
    for family in (*known.FAMILIES, "operations"):
        for name, value in known.by_name(family).items():
            assert value.__module__.startswith("graphdl."), name


@pytest.mark.parametrize("value", [
    None, True, 3, -(2**62), 0.1, 5e-324, "☃\ud800\"\\", [1, [2.0]], (1, ("a",)), {"a": (1, None)},
    {3: "x"}, float("inf"), float("-inf"), gd.core.sizes.named("n") * 2 + 1, [], {}, (),
])  # fmt: skip
def test_plain_values_come_back(value):
    back = from_config(json.loads(json.dumps(config_of(value), allow_nan=False)))
    assert back == value and type(back) is type(value)


def test_numbers_of_numpy_come_back_as_python_s():
    assert from_config(config_of([np.float32(0.5), np.int64(3), np.bool_(True)])) == [0.5, 3, True]
    assert config_of(np.float32) == config_of(np.dtype("float32")) == "float32"
    assert np.isnan(from_config(config_of(float("nan"))))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool"])
def test_arrays_come_back(dtype):
    array = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    back = from_config(json.loads(json.dumps(config_of(array.T))))
    assert back.dtype == array.dtype and np.array_equal(back, array.T)


def test_equal_layers_stay_apart_and_shared_ones_together():
    dense = gd.layers.Dense(2)
    a, b, c = from_config(config_of([dense, gd.layers.Dense(2), dense]))
    assert a is c and a is not b


# ------------------------------------------------------------------ classes of the user's


class Ramp:
    """An initializer that keeps its argument."""

    def __init__(self, slope):
        self.slope = slope

    def __call__(self, shape, dtype=None):
        return np.full(shape, self.slope, dtype)


class KerasWay(gd.layers.Layer):
    """Says itself what it is made of."""

    def __init__(self, units, **rest):
        super().__init__(**rest)
        self.size = 2 * units

    def get_config(self):
        return {**super().get_config(), "units": self.size // 2}

    @classmethod
    def from_config(cls, config):
        assert set(config) == {"units"}
        return cls(**config)


class Forgets:
    """Keeps nothing, and is no layer, which would remember."""

    def __init__(self, strength):
        self.power = strength


class Listed:
    def __init__(self, *parts):
        self.parts = parts


def test_a_layer_of_the_user_s():
    layer = from_config(config_of(Keeps(3, scale=2.0, name="☃")), {"Keeps": Keeps})
    assert (layer.units, layer.scale, layer.name) == (3, 2.0, "☃")


def test_get_config_and_from_config_are_respected():
    layer = from_config(config_of(KerasWay(4)), {"KerasWay": KerasWay})
    assert layer.size == 8


def test_other_objects_of_the_user_s():
    config = config_of(gd.layers.Dense(2, kernel_initializer=Ramp(0.5)))
    assert from_config(config, {"Ramp": Ramp}).kernel_initializer.slope == 0.5


def swish(z):
    return z * gd.sigmoid(z)


def test_functions_of_the_user_s_go_by_their_names():
    config = config_of(gd.layers.Dense(2, activation=swish))
    assert from_config(config, {"swish": swish}).activation is swish
    with pytest.raises(ModelFileError, match=r"your own function 'swish'.*custom_objects="):
        from_config(config)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            gd.layers.Dense(2, activation=lambda z: z),
            r"'activation' of Dense is '<lambda>'.*def name",
        ),
        (Forgets(3), r"takes 'strength', which it does not keep. Write self.strength = strength"),
        (Listed(1, 2), r"takes \*parts"),
        (object(), "object, which cannot be written"),
        (np.array(["a"]), "array of <U1"),
        (gd.Variable(np.zeros(3), name="W"), "the Variable 'W'"),
        (gd.tensor("x") * 2, "an expression of nodes"),
    ],
)
def test_what_cannot_be_written_says_why(value, words):
    with pytest.raises(ModelFileError, match=words):
        config_of(value)


def test_custom_objects_are_checked():
    config = config_of(Keeps(3))
    with pytest.raises(ModelFileError, match=r"your own class 'Keeps'.*\{'Keeps': …\}"):
        from_config(config)
    with pytest.raises(TypeError, match="expected a class"):
        from_config(config, {"Keeps": Keeps(3)})
    with pytest.raises(TypeError, match="custom_objects maps names"):
        from_config(config, [Keeps])


def test_a_class_s_signature_is_that_of_its_constructor():
    assert next(iter(inspect.signature(gd.layers.Dense).parameters)) == "units"
    assert list(inspect.signature(Keeps).parameters) == ["units", "scale", "rest"]
