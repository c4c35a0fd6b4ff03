"""Ctrl-C while Numba compiles.

Numba keeps tables of weak references whose callbacks are written in Python. They run while an object
is being freed, and an exception raised there is reported to `sys.unraisablehook` and dropped. Where
it is the KeyboardInterrupt of the user, it is raised once more, a moment later and somewhere else.
"""

import _thread
import sys
import threading
from types import TracebackType
from typing import Any

_MOMENT = 0.001  # seconds: enough to be out of the callback; if it hits another, once more


class heard:
    """A context in which no Ctrl-C is lost. Other exceptions that Python drops are reported as ever."""

    def __enter__(self) -> None:
        self._previous, self._own = sys.unraisablehook, self._again
        sys.unraisablehook = self._own

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if sys.unraisablehook is self._own:  # else another has been set meanwhile, over ours
            sys.unraisablehook = self._previous

    def _again(self, dropped: Any) -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            threading.Timer(_MOMENT, _thread.interrupt_main).start()
        else:
            self._previous(dropped)
