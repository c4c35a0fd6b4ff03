"""The same conditions for every test: one thread, fixed seeds, checks on, a code cache of its own."""

import os
import random
import shutil
import tempfile

import hypothesis
import pytest

# Before anything loads NumPy. Workers of pytest-xdist inherit all of it from the first process.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ["GRAPHDL_CHECK"] = "1"  # graphs and programs are held to their specs after every pass
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if not IS_WORKER:
    os.environ["GRAPHDL_CACHE_DIR"] = tempfile.mkdtemp(prefix="graphdl-tests-")

import numpy as np  # noqa: E402

import graphdl as gd  # noqa: E402

hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("fixed")


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--all"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    items[:] = [item for item in items if item not in slow]
    config.hook.pytest_deselected(items=slow)


def pytest_unconfigure():
    if not IS_WORKER:
        shutil.rmtree(os.environ["GRAPHDL_CACHE_DIR"], ignore_errors=True)


@pytest.fixture(autouse=True)
def fixed_seeds():
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def same_floatx():
    """Some examples work in float64 and leave it so."""
    before = gd.floatx()
    yield
    gd.set_floatx(before)
