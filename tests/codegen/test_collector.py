"""The collector of garbage rests while programs are made, and only then."""

import gc
from contextlib import suppress

import pytest

import graphdl as gd
from codegen.collector import uncollected
from graphdl.rewrite import engine


@pytest.fixture(autouse=True)
def running():
    assert gc.isenabled()
    yield
    gc.enable()


def test_it_goes_on_afterwards():
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error():
    with suppress(ValueError), uncollected():
        raise ValueError
    assert gc.isenabled()


def test_whoever_has_stopped_it_keeps_it_stopped():
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()


def test_it_rests_while_a_function_is_compiled(monkeypatch):
    seen, rewrite = [], engine.rewrite
    monkeypatch.setattr(
        "graphdl.rewrite.simplify.rewrite",
        lambda *args, **rest: seen.append(gc.isenabled()) or rewrite(*args, **rest),
    )
    x = gd.tensor("x", ("n",))
    gd.function([x], [x + 1.0], target="python")
    assert seen and not any(seen)
    assert gc.isenabled()
