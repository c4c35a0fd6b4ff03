"""The table of nodes: the same makings give the same object, the dead take no room, Ctrl-C is heard."""

import gc
import random
import signal
import sys
import threading
import time

import numpy as np
import pytest

import graphdl as gd
from graphdl.core import graph
from graphdl.core.interning import LEAST_ROOM, Table, key_of
from tests.training.nets import compiled, dense


class Made:
    """Something that a table can hold."""


def test_the_first_under_a_key_stays_as_long_as_it_lives():
    table = Table()
    first, second = Made(), Made()
    assert table.add(("key",), first) is first
    assert table.add(("key",), second) is first and table.get(("key",)) is first
    del first
    assert table.get(("key",)) is None
    assert table.add(("key",), second) is second and table.get(("key",)) is second


def test_the_dead_are_swept_and_the_living_kept():
    table, living = Table(), {}
    for k in range(10 * LEAST_ROOM):
        made = table.add((k,), Made())
        if k % 10 == 0:
            living[k] = made
    assert len(table) <= 2 * len(living) + LEAST_ROOM
    assert all(table.get((k,)) is made for k, made in living.items())


def test_nodes_that_are_dropped_leave_nothing_behind():
    x = gd.tensor("x", (3,))
    held = len(graph._interned)
    for k in range(100_000):  # nodes, and as many constants
        x + float(k)
    assert len(graph._interned) <= 2 * held + 2 * LEAST_ROOM


def test_a_dead_entry_holds_neither_an_array_nor_an_object():
    layer = dense(2).layers[0]
    array = np.arange(10_000.0)
    before = sys.getrefcount(layer)
    key = key_of(Made, (), {"value": array, "layer": layer})
    assert sys.getrefcount(layer) == before
    assert len(repr(key)) < 500
    assert key == key_of(Made, (), {"value": array.copy(), "layer": layer})
    array[-1] = -0.0
    assert key != key_of(Made, (), {"value": array, "layer": layer})


@pytest.mark.parametrize("a, b", [(0.0, -0.0), (1, True), (1, 1.0), (np.float32(1), 1.0)])
def test_a_key_tells_values_apart_that_are_equal(a, b):
    assert key_of(Made, (), {"value": a}) != key_of(Made, (), {"value": b})
    assert key_of(Made, (), {"value": (a,)}) != key_of(Made, (), {"value": (b,)})


def test_long_constants_are_told_apart_by_their_bits():
    ones = np.ones(1000)
    other = ones.copy()
    other[999] = np.nextafter(1, 2)
    assert gd.constant(ones, "float64") is gd.constant(ones.copy(), "float64")
    assert gd.constant(ones, "float64") is not gd.constant(other, "float64")
    assert gd.constant(np.zeros(1000)) is not gd.constant(np.zeros((10, 100)))


def test_threads_that_build_the_same_graph_share_it():
    x, roots, ready = gd.tensor("x", (3,)), [], threading.Barrier(4)

    def build():
        ready.wait()
        node = x
        for k in range(2000):
            node = gd.tanh(node * float(k % 7))
        roots.append(node)

    threads = [threading.Thread(target=build) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(roots) == 4 and len(set(map(id, roots))) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer that sends signals")
def test_ctrl_c_is_heard_while_graphs_are_built():
    """Every interrupt arrives, at whatever moment of building, differentiating and simplifying."""

    def job():
        model = compiled(dense(4, 4, 4, 4, 4, 1), target="python")
        model.gradients(np.ones((2, 3), np.float32), np.ones((2, 1), np.float32))

    def press(*_):
        pressed.append(time.perf_counter())
        raise KeyboardInterrupt

    job()
    began = time.perf_counter()
    job()
    seconds = time.perf_counter() - began
    draw, pressed = random.Random(3), []
    previous = signal.signal(signal.SIGALRM, press)
    gc.collect()
    try:
        for k in range(1, 21):
            with pytest.raises(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-4, seconds))
                while len(pressed) < k:
                    job()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(pressed) == 20
