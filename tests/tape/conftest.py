"""What every test of the tape shares: fixed seeds, and a count of what was compiled."""

import pytest

import graphdl as gd
from graphdl.tape import programs


@pytest.fixture(autouse=True)
def seeded():
    gd.set_seed(3)
    before = gd.floatx()
    yield
    gd.set_floatx(before)


@pytest.fixture
def compiled(monkeypatch):
    """A list that grows by one with every program the tape makes."""
    made, compile_graph = [], programs.compile_graph

    def counted(*args, **kwargs):
        made.append(kwargs)
        return compile_graph(*args, **kwargs)

    monkeypatch.setattr(programs, "compile_graph", counted)
    return made
