"""Every study draws: labelled axes, lines told apart by more than colour."""

import subprocess
import sys

import numpy as np
import pytest

import graphdl as gd
from tests.studies.examples import bowl, data, model

layers, studies = gd.layers, gd.studies


@pytest.fixture
def figures():
    """Pictures are closed again."""
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    yield pyplot
    pyplot.close("all")


PICTURES = {
    "decision": lambda: studies.decision(model(), data(), points=9, target="python"),
    "classes": lambda: studies.decision(
        gd.Sequential([layers.Input(shape=(2,)), layers.Dense(3, "softmax")]), points=9, target="python"
    ),
    "activation": lambda: studies.activation("gelu"),
    "landscape": lambda: studies.landscape(model(), *data(), points=5),
    "learning rates": lambda: studies.learning_rate_study(model(), *data(), steps=3),
    "range test": lambda: studies.range_test(model(), *data(), steps=12),
    "optimizers": lambda: studies.compare_optimizers(
        bowl()[0], None, ["sgd", "adam"], steps=5, target="python"
    ),
    "rates": lambda: studies.effective_rates(model(), *data(), steps=4),
    "few rates": lambda: studies.effective_rates(bowl()[0], optimizer="sgd", steps=4, target="python"),
    "noise": lambda: studies.gradient_noise(model(), *data(), batch_sizes=[1, 8], draws=3),
    "throughput": lambda: studies.throughput(model(), *data(), batch_sizes=[8], seconds=0),
    "capacity": lambda: studies.capacity(
        data(), data(), widths=(1, 2), build=lambda w: model(units=w), epochs=2
    ),
    "curvature": lambda: studies.curvature(model(), *data()),
    "operations": lambda: studies.gradient_flops(model(), *data()),
    "collapse": lambda: studies.collapse(
        gd.Sequential([layers.Input(shape=(2,)), layers.Dense(3), layers.Dense(2)])
    )[0],
    "minimum": lambda: studies.minimise(bowl()[0], max_steps=5, target="python"),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_labelled_axes_and_can_be_written(name, figures, tmp_path):
    result = PICTURES[name]()
    assert str(result) and "\x1b" not in str(result)
    drawn = np.ravel(result.plot())
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in drawn)
    drawn[0].figure.savefig(tmp_path / "picture.png", dpi=40)
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_lines_differ_in_more_than_colour(figures):
    ax = PICTURES["learning rates"]().plot()
    assert len({line.get_linestyle() for line in ax.lines}) == len(ax.lines) == 4


def test_a_picture_is_drawn_where_it_is_asked_for(figures):
    _, ax = figures.subplots()
    assert PICTURES["minimum"]().plot(ax) is ax
    seen = PICTURES["landscape"]()
    assert seen.surface().get_zlabel() == "loss J"
    assert studies.learning_rate_study(bowl()[0], steps=2, target="python").plot_sweep(ax) is ax


def test_without_matplotlib_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import graphdl as gd\n"
        "assert 'graphdl.studies' not in sys.modules\n"
        "seen = gd.studies.activation('tanh')\n"
        "print(seen)\n"
        "try: seen.plot()\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.strip().splitlines()
    assert first.startswith("tanh: g(z)") and 'pip install "graphdl[plot]"' in second
