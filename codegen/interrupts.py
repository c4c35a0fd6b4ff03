"""Ctrl-C and the compiler.

Python runs a signal's handler in the main thread, between any two instructions. Numba and LLVM are
not made for that: a compilation that is cut off may leave half a registry, or a module that is freed
twice. So they work in a thread of their own (`shielded`), and Ctrl-C ends only the waiting for it.

Later, when Numba's objects are freed, callbacks written in Python run in whatever thread frees them,
and an exception raised there is reported to `sys.unraisablehook` and dropped. Within `heard`, the
user's KeyboardInterrupt is raised once more, a moment later and somewhere else.
"""

import _thread
import sys
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

_MOMENT = 0.005  # seconds: enough to be out of the callback; if it hits another, once more
_PATIENCE = 0.1  # seconds: on some systems no signal is seen while a thread waits


def shielded(work: Callable[[], T]) -> T:
    """Return `work()`, done where no signal interrupts it.

    A KeyboardInterrupt is raised at once; the work then comes to its end in the background.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="compiler")
    thread.start()
    while thread.is_alive():
        thread.join(_PATIENCE)
    if failure:
        raise failure[0]
    return result[0]


class heard(ContextDecorator):
    """A context, or the whole of a function, in which no Ctrl-C is lost.

    Other exceptions that Python drops are reported as ever.
    """

    def _recreate_cm(self) -> "heard":
        return type(self)()  # each call of a decorated function has a hook of its own

    def __enter__(self) -> None:
        self._previous, self._own = sys.unraisablehook, self._again
        sys.unraisablehook = self._own

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if sys.unraisablehook is self._own:  # else another has been set meanwhile, over ours
            sys.unraisablehook = self._previous

    def _again(self, dropped: Any) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            return self._previous(dropped)
        try:
            threading.Timer(_MOMENT, _thread.interrupt_main).start()
        except KeyboardInterrupt:  # the moment has passed in here, where it would be dropped again
            self._again(dropped)
