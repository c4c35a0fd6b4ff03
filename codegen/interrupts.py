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
import time
from collections.abc import Callable
from contextlib import ContextDecorator
from types import FrameType, TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

_MOMENT = 0.005  # seconds between two looks whether the hook is left
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
            threading.Thread(target=_interrupt_elsewhere, name="ctrl-c", daemon=True).start()
        except KeyboardInterrupt:  # another one, in here, where it would be dropped again
            self._again(dropped)


def _interrupt_elsewhere() -> None:
    """Raise KeyboardInterrupt in the main thread once it has left the hook; if it is dropped again,
    the hook is called again."""
    main = threading.main_thread().ident
    while _in_hook(sys._current_frames().get(main)):  # type: ignore[arg-type]
        time.sleep(_MOMENT)
    _thread.interrupt_main()


def _in_hook(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code is not heard._again.__code__:
        frame = frame.f_back
    return frame is not None
