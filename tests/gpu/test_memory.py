"""Where data lies: arrays on the GPU are used there, files come in chunks, all with the same bits."""

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda.arrays import DeviceArray
from graphdl.training import chunks
from tests.gpu.device import here

L = gd.layers
ROWS, COLUMNS, BATCH = here((20_000, 64, 128), (22, 5, 4))


def data():
    draw = np.random.default_rng(0)
    x = draw.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    return x, (x[:, :1] > 0).astype(np.float32)


def trained(x, y, **settings):
    """Weights and history of two epochs, predictions, and what these are."""
    gd.set_seed(0)
    model = gd.Sequential([L.Input((COLUMNS,)), L.Dense(8, "tanh"), L.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", ["accuracy"], target="cuda")
    history = model.fit(x, y, BATCH, 2, 0, **settings).history
    made = model.predict(x, BATCH)
    return [*model.get_weights(), *map(np.array, history.values()), np.asarray(made)], type(made)


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_data_on_the_gpu():
    x, y = data()
    ours, kind = trained(gd.to_device(x), gd.to_device(y), validation_split=0.2)
    same(ours, trained(x, y, validation_split=0.2)[0])
    assert kind is DeviceArray


def test_bad_values_on_the_gpu_are_found_there():
    x, y = data()
    x[7, 3] = np.nan
    with pytest.raises(
        ValueError, match="x has 1 values that are NaN or infinite, the first in row 7"
    ):
        trained(gd.to_device(x), gd.to_device(y))


@pytest.mark.gpu
def test_tensors_of_torch_and_back():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch was installed without CUDA")
    x, y = data()
    there = [torch.from_numpy(a).cuda() for a in (x, y)]
    same(trained(*there)[0], trained(x, y)[0])
    gd.set_seed(0)
    model = gd.Sequential([L.Input((COLUMNS,)), L.Dense(1)])
    wanted = model.predict(x)
    model.compile("sgd", "mse", target="cuda")
    for _ in range(20):  # memory that torch had is used again when torch is done with it
        made = torch.from_dlpack(model.predict(there[0])) * 2
        np.testing.assert_allclose(made.cpu().numpy(), 2 * wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_file_in_chunks(tmp_path, monkeypatch, shuffle):
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 2 * BATCH * 4 * (COLUMNS + 1))
    x, y = data()
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=x.shape)
    mapped[...] = x
    same(trained(mapped, y, shuffle=shuffle)[0], trained(x, y, shuffle=shuffle)[0])
