"""A fixed seed, and tapes that run un-jitted: the compiled form has tests of its own."""

import functools

import pytest

import graphdl.tf as tf


@pytest.fixture(autouse=True)
def seeded():
    tf.random.set_seed(4)


@pytest.fixture
def python_tape(monkeypatch):
    monkeypatch.setattr(tf, "GradientTape", functools.partial(tf.GradientTape, target="python"))
