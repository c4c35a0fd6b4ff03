"""`matmul_precision` where there is no library for it, and on targets that need none."""

import json

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import device
from graphdl.compile import require_target
from graphdl.core.errors import TargetError
from graphdl.files.safetensors import TensorFile, write
from graphdl.training import runner

L = gd.layers


@pytest.fixture
def gpu(monkeypatch):
    """All that float32 needs is there."""
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(device, "require_device", lambda: "A GPU")
    device.missing_blas.cache_clear()
    yield
    device.missing_blas.cache_clear()


def model():
    return gd.Sequential([L.Input((6,)), L.Dense(5), L.Dense(1)])


def test_an_unknown_precision():
    x = gd.tensor("x", (2, 2))
    said = "unknown matmul_precision 'half'; use one of 'float32', 'tf32', 'bf16'"
    with pytest.raises(ValueError, match=said):
        gd.function([x], x @ x, matmul_precision="half")
    with pytest.raises(ValueError, match=said):
        model().compile("sgd", "mse", matmul_precision="half")


@pytest.mark.parametrize("target", ["cpu", "python"])
def test_on_the_cpu_products_are_exact_in_each_precision(target):
    x = gd.tensor("x", ("n", 6))
    values = np.random.default_rng(0).standard_normal((4, 6), dtype=np.float32)
    w = gd.Variable(values.T.copy())
    found = [
        gd.function([x], x @ w, target=target, matmul_precision=p)(values)
        for p in ("float32", "tf32", "bf16")
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("target", ["cuda", "auto"])
def test_the_package_that_is_missing_is_named_before_anything_is_compiled(gpu, monkeypatch, target):
    monkeypatch.setattr(device, "_is_there", lambda module: False)
    ours = model()
    with pytest.raises(TargetError, match=r"'bf16' needs .*nvmath-python.*'graphdl\[cuda\]'"):
        ours.compile("sgd", "mse", target=target, matmul_precision="bf16")
    assert ours.optimizer is None
    assert require_target(target).name == "cuda"  # float32 needs no library


def test_a_library_that_cannot_be_loaded(gpu, monkeypatch):
    def fails(library):
        raise RuntimeError(f"lib{library}.so.13: not found\nmore")

    monkeypatch.setattr(device, "_is_there", lambda module: True)
    monkeypatch.setattr(device, "_load", fails)
    with pytest.raises(
        TargetError, match=r"nvidia-cublas>=13,<14' \(libcublasLt.so.13: not found\)"
    ):
        require_target("cuda", "tf32")


def test_bindings_that_do_not_fit_are_as_none(gpu, monkeypatch):
    def fails(module):
        raise ImportError(f"{module} wants another cuda-core")

    monkeypatch.setattr(device, "_is_there", lambda module: True)
    monkeypatch.setattr(device, "_load", lambda library: None)
    monkeypatch.setattr(device, "import_module", fails)
    with pytest.raises(TargetError, match=r"cannot be imported: pip .* \(nvmath.* wants another"):
        require_target("cuda", "tf32")
    assert require_target("cuda").name == "cuda"


def test_a_saved_model_has_its_precision(tmp_path):
    ours = model()
    ours.compile("sgd", "mse", matmul_precision="tf32")
    ours.save(tmp_path / "model.graphdl")
    assert gd.load_model(tmp_path / "model.graphdl")._precision == "tf32"


def test_a_file_of_before_has_float32(tmp_path):
    ours = model()
    ours.compile("sgd", "mse", matmul_precision="tf32")
    ours.save(tmp_path / "model.graphdl")
    with TensorFile(tmp_path / "model.graphdl") as file:
        document = json.loads(file.metadata["graphdl"])
        arrays = file.read(list(file.entries))
    del document["training"]["matmul_precision"]
    write(tmp_path / "before.graphdl", arrays, {"graphdl": json.dumps(document)})
    assert gd.load_model(tmp_path / "before.graphdl")._precision == "float32"


def test_all_programs_of_a_model_are_asked_for_in_its_precision(monkeypatch):
    asked = []
    make = runner.compile_graph

    def noted(*given, matmul_precision="float32", **settings):
        asked.append(matmul_precision)
        return make(*given, **settings)

    monkeypatch.setattr(runner, "compile_graph", noted)
    ours = model()
    ours.compile("sgd", "mse", target="python", matmul_precision="tf32")
    x = np.ones((4, 6), np.float32)
    ours.fit(x, x[:, :1], epochs=1, verbose=0)
    ours.evaluate(x, x[:, :1], verbose=0)
    ours.predict(x)
    assert asked == ["tf32"] * 3
