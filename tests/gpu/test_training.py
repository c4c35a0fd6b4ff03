"""Training on the device: one step, longer runs, masks, shuffles, the same bits twice.

Hidden layers are tanh's: where a relu's input is nearly 0, its slope hangs on the last bit.
"""

import numpy as np
import pytest

import graphdl as gd
from graphdl.layers.trace import Trace, tracing
from tests.cuda.collected import NETWORKS_BY_NAME, OPTIMIZERS, network, trained
from tests.gpu.device import allowed, apart, here

L = gd.layers
# sizes and batch
DENSE = here(
    {
        "micro": ((2, 64, 64, 1), 64),
        "lecture": ((30, 16, 1), 32),
        "small": ((784, 128, 10), 128),
        "middle": ((784, 512, 512, 10), 128),
        "wide": ((784, 4096, 4096, 10), 1024),
    },
    {"tiny": ((5, 4, 3), 4)},
)
LONG = here(["micro", "lecture", "small", "middle"], ["tiny"])
STEPS = here(100, 6)
FOUR_STEPS = 1e-5  # by norm, of each tensor: what four steps make of roundings


def dense(sizes, seed=3):
    gd.set_seed(seed)
    *hidden, last = sizes[1:]
    layers = [L.Dense(n, activation="tanh") for n in hidden]
    layers.append(L.Dense(last, activation="sigmoid" if last == 1 else "softmax"))
    return gd.Sequential([L.Input((sizes[0],)), *layers])


def data(sizes, rows):
    draw = np.random.default_rng(0)
    x = draw.standard_normal((rows, sizes[0]), dtype=np.float32)
    labels = draw.integers(max(2, sizes[-1]), size=rows)
    return x, labels[:, None].astype(np.float32) if sizes[-1] == 1 else labels


def fitted(name, optimizer, target, steps, **settings):
    """The weights, and what the optimizer keeps, after so many steps."""
    sizes, batch = DENSE[name]
    model = dense(sizes)
    loss = "binary_crossentropy" if sizes[-1] == 1 else "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, target=target)
    x, y = data(sizes, batch * steps)
    model.fit(x, y, epochs=1, batch_size=batch, verbose=0, **settings)
    return [*model.get_weights(), *(v.value for v in model.optimizer.variables)]


@pytest.mark.parametrize("name", DENSE)
def test_one_step(name, reference):
    """Weights, and the momentum, which is the gradient: by the longest contraction of the step."""
    sizes, batch = DENSE[name]
    states = [
        fitted(name, gd.optimizers.SGD(0.1, momentum=0.9), target, 1)
        for target in ("cuda", reference)
    ]
    for ours, theirs in zip(*states, strict=True):
        assert apart(ours, theirs) <= allowed(max(*sizes, batch))


@pytest.mark.parametrize("name", LONG)
def test_a_long_run_is_as_exact_as_pytorchs(name):
    """Each tensor within twice PyTorch's own distance in float32 from its run in float64."""
    pytest.importorskip("torch", reason="not installed: torch")
    from tests.gpu.torch_steps import adam

    sizes, batch = DENSE[name]
    x, y = data(sizes, batch * STEPS)
    ours = fitted(name, gd.optimizers.Adam(1e-3), "cuda", STEPS, shuffle=False)
    start = dense(sizes).get_weights()
    exact, theirs = (adam(start, x, y, batch, 1e-3, dtype) for dtype in ("float64", "float32"))
    for mine, other, true in zip(ours, theirs, exact, strict=False):
        error = np.linalg.norm(mine - true)
        own = np.linalg.norm(other - true)
        assert error <= 2 * own + 1e-6 * np.linalg.norm(true)


@pytest.mark.parametrize("name", here(list(OPTIMIZERS), ["adam"]))
def test_four_steps_of_an_optimizer_with_dropout(name):
    """With another mask, or another order of the rows, nothing would agree."""
    for ours, theirs in zip(
        *(trained(t, OPTIMIZERS[name]) for t in ("cuda", "python")), strict=True
    ):
        assert apart(np.asarray(ours), np.asarray(theirs)) <= FOUR_STEPS


@pytest.mark.gpu
@pytest.mark.parametrize("layers", NETWORKS_BY_NAME.values(), ids=NETWORKS_BY_NAME)
def test_other_networks(layers):
    states = [trained(target, "adam", layers) for target in ("cuda", "python")]
    for ours, theirs in zip(*states, strict=True):
        assert apart(np.asarray(ours), np.asarray(theirs)) <= FOUR_STEPS


def test_masks_are_the_cpus():
    """What dropout leaves of ones is 0 or 1/(1 - rate), and that is a power of two."""
    gd.set_seed(5)
    x = gd.tensor("x", here((200, 130), (6, 5)))
    with tracing(Trace(training=True)):
        left = L.Dropout(0.5)(x)
    ones = np.ones(x.shape, np.float32)
    masks = [gd.function([x], left, target=t)(ones) for t in ("cuda", "python")]
    np.testing.assert_array_equal(*masks)
    assert set(np.unique(masks[0])) == {0.0, 2.0}


def test_shuffles_are_the_cpus():
    """w ← (w + y) / 2, row after row: whole numbers y, so w is exact, and tells their order."""
    x, y = np.ones((8, 1), np.float32), np.arange(8, dtype=np.float32)[:, None]
    weights = {}
    for target, shuffle in (("cuda", True), ("python", True), ("python", False)):
        gd.set_seed(11)
        model = gd.Sequential([L.Input((1,)), L.Dense(1, use_bias=False)])
        model.set_weights([np.zeros((1, 1), np.float32)])
        model.compile(gd.optimizers.SGD(0.25), "mse", target=target)
        model.fit(x, y, epochs=2, batch_size=1, shuffle=shuffle, verbose=0)
        weights[target, shuffle] = model.get_weights()[0]
    assert weights["cuda", True] == weights["python", True] != weights["python", False]


def test_two_runs_are_the_same_bits():
    for a, b in zip(
        trained("cuda", "adam", network), trained("cuda", "adam", network), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["middle", "wide"])
def test_two_runs_of_large_networks_are_the_same_bits(name):
    states = [fitted(name, "adam", "cuda", 5) for _ in range(2)]
    for a, b in zip(*states, strict=True):
        np.testing.assert_array_equal(a, b)
