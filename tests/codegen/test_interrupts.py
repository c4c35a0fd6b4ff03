"""A Ctrl-C that Python drops, because it came while an object was being freed, is raised again."""

import sys
import time
import weakref

import pytest

from codegen.interrupts import heard


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
