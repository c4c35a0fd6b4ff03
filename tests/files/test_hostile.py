"""Model files that lie: each is refused by name, runs nothing, allocates nothing."""

import copy
import json
import resource
import sys

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.errors import GraphdlError, ModelFileError
from graphdl.files.safetensors import TensorFile, write
from graphdl.files.save import VERSION
from tests.files.nets import X, Y, small

EVENTS = ("exec", "compile", "import", "os.system", "os.exec", "subprocess.Popen", "socket.connect")
watched: list[str] | None = None


def _hook(event, _):
    if watched is not None and event in EVENTS:
        watched.append(event)


sys.addaudithook(_hook)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The arrays and the JSON of a trained Sequential, and of a functional model."""
    folder = tmp_path_factory.mktemp("honest")
    model = small()
    model.fit(X, Y, 8, verbose=0)
    model.save(folder / "sequential")
    x = gd.Input((3,))
    gd.Model(x, gd.concat([gd.layers.Dense(2)(x), x], 1)[:, :4]).save(folder / "functional")
    found = {}
    for path in folder.iterdir():
        with TensorFile(path) as file:
            document = json.loads(file.metadata["graphdl"])
            found[path.name] = file.read(list(file.entries)), document
    return found


def opened(path):
    """The error of opening the file; asserts that nothing ran and little memory was taken."""
    global watched
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    watched = []
    try:
        with pytest.raises(GraphdlError) as error:
            gd.load_model(path)
    finally:
        ran, watched = watched, None
    assert not ran and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert isinstance(error.value, ModelFileError) and str(path) in str(error.value)
    return str(error.value)


def changed(document, path, value):
    """A copy of the document with one place, given by its path of keys, replaced."""
    new = copy.deepcopy(document)
    place = new
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return new


LAYER = ("model", "config", "layers", 0)
CONFIG = (*LAYER, "config")
OPTIMIZER = ("training", "optimizer")
LIES = [
    (("version",), VERSION + 1, "upgrade graphdl"),
    (("version",), "1", "no model of graphdl"),
    (("version",), True, "no model of graphdl"),
    (("weights",), [["dense/kernel"]], "no model of graphdl"),
    (("model",), {"class": "Popen", "of": "subprocess", "config": {"args": "true"}}, "no 'Popen'"),
    (("model",), 3, "not a model"),
    (("model",), None, "not a model"),
    (("seed",), -1, "seed"),
    (("seed",), 0.5, "seed"),
    (("seed",), 2**70, "seed"),
    (("training", "slots"), ["nothing"], "'nothing'"),
    (("training", "slots"), [], "also has 'optimizer/m/dense/kernel'"),
    (("training", "target"), "cuda:0", "unknown target"),
    (("training", "matmul_precision"), "half", "unknown matmul_precision"),
    ((*OPTIMIZER, "class"), "Optimiser", "no 'Optimiser'"),
    ((*OPTIMIZER, "of"), "os", "in 'os'"),
    ((*OPTIMIZER, "of"), ["optimizers"], "is no name of a class"),
    ((*OPTIMIZER, "class"), ["Adam"], "is no name of a class"),
    ((*OPTIMIZER, "config"), {"learning_rate": -1.0}, "learning_rate must be"),
    ((*OPTIMIZER, "config"), {"system": "true"}, "system"),
    ((*OPTIMIZER, "config"), [], "cannot be read as a model"),
    (("training", "loss"), {"function": "get", "of": "losses"}, "no 'get'"),
    (("training", "loss"), {"function": "load", "of": "custom"}, "your own function 'load'"),
    (("training", "metrics"), [{"type": "system", "of": "os"}], "no 'system'"),
    ((*LAYER, "class"), "__class__", "no '__class__'"),
    ((*LAYER, "class"), "Lambda", "no 'Lambda'"),
    ((*LAYER, "of"), "custom", "your own class 'Dense'"),
    ((*LAYER, "of"), "losses", "no 'Dense' in 'losses'"),
    ((*LAYER, "id"), 0, None),
    ((*LAYER, "name"), 3, "is called 3"),
    ((*LAYER, "name"), "other", "it lacks 'other/kernel'"),
    ((*LAYER, "trainable"), [], "cannot be read"),
    ((*LAYER, "built"), {"called_on": [{"shape": [-1], "dtype": "float32"}], "many": False}, "neg"),
    ((*LAYER, "built"), {"called_on": [{"shape": [2, 10**15], "dtype": "float32"}], "many": False},
     "the file has"),
    ((*LAYER, "built"), {"inputs": []}, "cannot be read"),
    ((*CONFIG, "units"), 10**12, "the file has"),
    ((*CONFIG, "units"), 5, "cannot be read"),
    ((*CONFIG, "units"), {"size": [[["n"], 1]]}, "units must be a whole number"),
    ((*CONFIG, "units"), {"float": "1e3"}, "number called '1e3'"),
    ((*CONFIG, "units"), {"eval": "3"}, "the keys"),
    ((*CONFIG, "units"), {"shared": 7}, "no layer has the number 7"),
    ((*CONFIG, "units"), {"array": "AAAA", "dtype": "float32", "shape": [10**12]}, "has 3 bytes"),
    ((*CONFIG, "units"), {"array": "☃", "dtype": "float32", "shape": []}, "cannot be read"),
    ((*CONFIG, "units"), {"array": "", "dtype": "object", "shape": [0]}, "dtype 'object'"),
    ((*CONFIG, "activation"), {"function": "eval", "of": "activations"}, "no 'eval'"),
    ((*CONFIG, "activation"), {"function": "Dense", "of": "layers"}, "is a class"),
    ((*CONFIG, "activation"), {"function": "system", "of": "operations"}, "no 'system'"),
    ((*CONFIG, "activation"), "__import__", "unknown activation"),
]  # fmt: skip
NODES = ("model", "config", "nodes")
GRAPH_LIES = [
    ((*NODES, 1, "takes"), [1], "node 1 takes node 1, which does not precede it"),
    ((*NODES, 1, "takes"), [5], "does not precede it"),
    ((*NODES, 1, "takes"), [-1], "does not precede it"),
    ((*NODES, 1, "takes"), [True], "does not precede it"),
    ((*NODES, 2, "op"), "system", "no operation 'system'"),
    ((*NODES, 2, "op"), "variable", "no operation 'variable'"),
    ((*NODES, 2, "op"), "elementwise 'f'", "your own formula 'f'"),
    ((*NODES, 2, "op"), None, "cannot be read"),
    ((*NODES, 2, "attrs"), {"axis": 7}, "cannot be read"),
    ((*NODES, 2, "attrs"), {}, "cannot be read"),
    ((*NODES, 0, "name"), "", "needs a name"),
    ((*NODES, 0, "dtype"), "object", "dtype"),
    (("model", "config", "outputs"), [99], "does not precede it"),
    (("model", "config", "inputs"), [1], "input is made by"),
    (("model", "class"), "Functional", "not known"),
]


def name_of(lie):
    return f"{'.'.join(map(str, lie[0]))}={lie[1]!r:.30}".replace("\n", "")


@pytest.mark.parametrize("lie", LIES, ids=name_of)
def test_a_description_that_lies(honest, tmp_path, lie):
    arrays, document = honest["sequential"]
    write(tmp_path / "m", arrays, {"graphdl": json.dumps(changed(document, lie[0], lie[1]))})
    assert (lie[2] or "number 0") in opened(tmp_path / "m")


@pytest.mark.parametrize("lie", GRAPH_LIES, ids=name_of)
def test_a_graph_that_lies(honest, tmp_path, lie):
    arrays, document = honest["functional"]
    write(tmp_path / "m", arrays, {"graphdl": json.dumps(changed(document, lie[0], lie[1]))})
    assert lie[2] in opened(tmp_path / "m")


def test_the_honest_files_open(honest, tmp_path):
    for arrays, document in honest.values():
        write(tmp_path / "m", arrays, {"graphdl": json.dumps(document)})
        assert gd.load_model(tmp_path / "m").built


def paths(value, before=()):
    """Every place in the JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*before, key)
        if isinstance(inner, (dict, list)):
            yield from paths(inner, (*before, key))


@pytest.mark.parametrize("form", ["sequential", "functional"])
def test_any_place_with_anything_in_it_is_an_error_or_a_model(honest, tmp_path, form):
    arrays, document = honest[form]
    draw = np.random.default_rng(0)
    things = [None, True, -1, 2**63, 1e308, "", "☃", [], {}, [[]], {"tuple": 3}, {"class": []}]
    for place in paths(document):
        thing = things[draw.integers(len(things))]
        write(tmp_path / "m", arrays, {"graphdl": json.dumps(changed(document, place, thing))})
        try:
            assert isinstance(gd.load_model(tmp_path / "m"), gd.Model), place
        except ModelFileError as error:
            assert str(tmp_path) in str(error), place


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, '{"version": 1}',
                                  '{"version": 1, "version": 2}'])  # fmt: skip
def test_a_description_that_is_none(tmp_path, text):
    write(tmp_path / "m", {"a": np.zeros(3)}, {"graphdl": text})
    opened(tmp_path / "m")


def test_a_value_nested_without_end(honest, tmp_path):
    arrays, document = honest["sequential"]
    deep = []
    for _ in range(400):
        deep = {"tuple": [deep]}
    write(tmp_path / "m", arrays, {"graphdl": json.dumps(changed(document, ("model",), deep))})
    opened(tmp_path / "m")


@pytest.mark.parametrize("content", [
    b"", b"\x80\x04\x95", b"PK\x03\x04" + bytes(60), b"\x89HDF\r\n\x1a\n" + bytes(60),
    b"cos\nsystem\n(S'true'\ntR.", bytes(100), b"\xff" * 100,
])  # fmt: skip
def test_files_of_other_kinds(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    opened(tmp_path / "m")


def test_a_sparse_file_of_a_terabyte_is_not_read(tmp_path):
    path = tmp_path / "m"
    header = json.dumps({"a": {"dtype": "F64", "shape": [2**37], "data_offsets": [0, 2**40]}})
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header.encode())
        try:
            file.truncate(8 + len(header) + 2**40)
        except OSError:
            pytest.skip("the file system has no sparse files of this size")
    assert "holds arrays but no model" in opened(path)
    model = small()
    with pytest.raises(ModelFileError, match="it lacks 'dense/kernel'"):
        model.load_weights(path)


def test_nothing_changes_in_the_model_that_loads(honest, tmp_path):
    arrays, document = honest["sequential"]
    model = small()
    before = model.get_weights()
    for changes in ({"dense/kernel": arrays["dense/kernel"][:2]}, {"x": np.zeros(3)}):
        write(tmp_path / "m", arrays | changes, {"graphdl": json.dumps(document)})
        if "x" in changes:
            assert "also has 'x'" in opened(tmp_path / "m")
            continue
        with pytest.raises(ModelFileError, match=r"'dense/kernel' is float32 of shape \(2, 4\)"):
            model.load_weights(tmp_path / "m")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_floatx_is_as_it_was(honest, tmp_path):
    arrays, document = honest["sequential"]
    lie = changed(document, (*LAYER, "dtype"), "float64")
    write(tmp_path / "m", arrays, {"graphdl": json.dumps(changed(lie, (*CONFIG, "units"), -1))})
    opened(tmp_path / "m")
    assert gd.floatx() == "float32"
