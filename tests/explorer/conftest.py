"""The models whose pages are looked at, and the browser that looks."""

import os
import shutil

import numpy as np
import pytest

import graphdl as gd


def find_browser():
    """The path of a Chromium: that of the environment variable CHROMIUM, or one on the path."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser():
    """A Chromium, driven by playwright; skips where one of them is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = find_browser()
    if path is None:
        pytest.skip("no chromium is on the path, and CHROMIUM names none")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Looked:
    """A page that is looked at, and what it complained of or asked for."""

    def __init__(self, page):
        self.page, self.problems = page, []
        page.on(
            "console", lambda m: m.type in ("error", "warning") and self.problems.append(m.text)
        )
        page.on("pageerror", lambda e: self.problems.append(str(e)))
        page.on(
            "request",
            lambda r: r.url.startswith("file:") or self.problems.append(f"asked for {r.url}"),
        )

    def open(self, path, fragment=""):
        self.page.goto("about:blank")  # so that a fragment alone loads anew, too
        self.page.goto(f"{path.as_uri()}{fragment}")
        self.page.wait_for_selector("html[data-ready]")

    def number(self, name):
        """The full number behind what an element shows."""
        return float(self.page.get_attribute(f"#{name}", "data-value"))

    def give(self, selector, value):
        field = self.page.locator(selector)
        field.fill(str(value))
        field.press("Enter")


@pytest.fixture
def look(browser):
    """Opens pages; in the end none has complained of anything, or asked for anything."""
    contexts, looked = [], []

    def make(path, fragment="", **settings):
        contexts.append(browser.new_context(**{"offline": True, "viewport": SIZE, **settings}))
        looked.append(Looked(contexts[-1].new_page()))
        looked[-1].open(path, fragment)
        return looked[-1]

    yield make
    for context in contexts:
        context.close()
    assert [p for one in looked for p in one.problems] == []


SIZE = {"width": 1300, "height": 900}


def fresh(layers, loss, optimizer, dtype="float64"):
    """A compiled model of these layers with weights of a fixed seed."""
    gd.set_seed(11)
    gd.set_floatx(dtype)
    model = gd.Sequential(layers(), name="net")
    model.compile(optimizer, loss, target="python")
    return model


@pytest.fixture
def lecture():
    """Two features, three hidden units, one answer; and three examples."""
    model = fresh(
        lambda: [
            gd.layers.Input(shape=(2,)),
            gd.layers.Dense(3, "tanh"),
            gd.layers.Dense(1, "sigmoid"),
        ],
        "binary_crossentropy",
        gd.optimizers.SGD(0.3),
    )
    x = np.array([[0.4, 0.5], [0.9, -0.2], [-0.3, 0.8]])
    return model, x, np.array([[1.0], [0.0], [1.0]])


@pytest.fixture
def classifier():
    """Batch norm, dropout, softmax: what is not one number for each unit."""
    model = fresh(
        lambda: [
            gd.layers.Input(shape=(4,)),
            gd.layers.Dense(5, "relu"),
            gd.layers.BatchNormalization(),
            gd.layers.Dropout(0.3),
            gd.layers.Dense(3, "softmax"),
        ],
        "sparse_categorical_crossentropy",
        gd.optimizers.Adam(0.01),
    )
    return model, np.random.default_rng(0).normal(size=(6, 4)), np.array([0, 1, 2, 1, 0, 2])


@pytest.fixture
def skipping():
    """A functional model whose paths part and meet again."""
    gd.set_seed(11)
    gd.set_floatx("float64")
    x = gd.layers.Input(shape=(3,))
    h = gd.layers.Dense(4, "tanh")(x)
    k = gd.layers.Dense(4, "relu")(h)
    model = gd.Model(x, gd.layers.Dense(2)(gd.layers.Add()([h, k])), name="net")
    model.compile(gd.optimizers.SGD(0.05, momentum=0.9), "mse", target="python")
    rng = np.random.default_rng(1)
    return model, rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


@pytest.fixture(autouse=True)
def float32_again():
    yield
    gd.set_floatx("float32")


@pytest.fixture
def penalised():
    """A weight that is in the loss by itself, too."""
    model = fresh(
        lambda: [
            gd.layers.Input(shape=(4,)),
            gd.layers.Dense(3, "tanh", kernel_regularizer=gd.regularizers.L2(0.05)),
            gd.layers.Dense(1),
        ],
        "mse",
        gd.optimizers.Adam(0.02),
    )
    rng = np.random.default_rng(2)
    return model, rng.normal(size=(5, 4)), rng.normal(size=(5, 1))


@pytest.fixture
def by_hand():
    """Layers as on the lecture's slide, which name nothing and add a row as bias."""

    class MyDenseLayer(gd.layers.Layer):
        def __init__(self, input_dim, output_dim):
            super().__init__()
            self.W = self.add_weight([input_dim, output_dim])
            self.b = self.add_weight([1, output_dim])

        def call(self, inputs):
            return gd.sigmoid(gd.matmul(inputs, self.W) + self.b)

    model = fresh(
        lambda: [gd.layers.Input(shape=(4,)), MyDenseLayer(4, 3), MyDenseLayer(3, 1)],
        "binary_crossentropy",
        "sgd",
    )
    rng = np.random.default_rng(3)
    return model, rng.normal(size=(5, 4)), rng.integers(0, 2, size=(5, 1))
