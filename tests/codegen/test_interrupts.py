"""Ctrl-C ends the waiting for the compiler, not its work; and where Python drops it, it comes again."""

import _thread
import sys
import threading
import time
import weakref

import pytest

from codegen.interrupts import heard, shielded


class Freed:
    """An object whose end calls Python code, as the types of Numba do."""


def free(error):
    """Raise `error` where Python drops it."""

    def callback(_):
        raise error

    made = Freed()
    watch = weakref.ref(made, callback)
    del made
    assert watch() is None


def test_ctrl_c_comes_again():
    with heard(), pytest.raises(KeyboardInterrupt):
        free(KeyboardInterrupt)
        end = time.perf_counter() + 30
        while time.perf_counter() < end:
            time.sleep(0.01)


def test_ctrl_c_comes_again_when_it_came_too_soon(monkeypatch):
    """Another Ctrl-C comes while the first one is being taken care of."""
    thread, started = threading.Thread, []

    class Slow(thread):
        def start(self):
            started.append(self)
            if len(started) == 1:
                raise KeyboardInterrupt
            super().start()

    monkeypatch.setattr(threading, "Thread", Slow)
    test_ctrl_c_comes_again()
    assert len(started) >= 2


def test_other_exceptions_are_reported_as_ever(monkeypatch):
    seen = []
    hook = lambda dropped: seen.append(dropped.exc_type)  # noqa: E731
    monkeypatch.setattr(sys, "unraisablehook", hook)
    with heard():
        free(ZeroDivisionError)
    assert seen == [ZeroDivisionError] and sys.unraisablehook is hook


def test_a_hook_that_was_set_inside_stays(monkeypatch):
    hook = lambda _: None  # noqa: E731
    with monkeypatch.context() as patch:
        with heard():
            patch.setattr(sys, "unraisablehook", hook)
        assert sys.unraisablehook is hook


def test_a_function_has_a_hook_for_each_call():
    """A decorated function that calls itself leaves everything as it was."""
    before = sys.unraisablehook

    @heard()
    def nested(depth):
        return depth if depth == 0 else nested(depth - 1)

    assert nested(3) == 0 and sys.unraisablehook is before


def test_shielded_work_gives_its_result_or_its_error():
    def fail():
        raise ZeroDivisionError("in the work")

    assert shielded(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError, match="in the work"):
        shielded(fail)
    inner = []
    thread = threading.Thread(target=lambda: inner.append(shielded(threading.current_thread)))
    thread.start()
    thread.join()
    assert inner == [thread]  # where no signal comes, no thread is needed


def test_ctrl_c_leaves_the_work_to_end_by_itself():
    go_on, done = threading.Event(), threading.Event()

    def work():
        _thread.interrupt_main()
        go_on.wait(30)
        done.set()

    with pytest.raises(KeyboardInterrupt):
        shielded(work)
    assert not done.is_set()
    go_on.set()
    assert done.wait(30)
