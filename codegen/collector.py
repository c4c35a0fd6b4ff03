"""Python's collector of cyclic garbage rests while programs are made.

Nodes, items and a compiler's objects are made by the hundred thousand and live until the program is
done. Python, which counts what is made against what is freed, would look through all of them again
and again for garbage that is not there: a fifth of the time that compiling takes.
"""

import gc
from contextlib import ContextDecorator
from types import TracebackType


class uncollected(ContextDecorator):
    """A context, or the whole of a function, in which no cyclic garbage is collected.

    Whoever enters last of several, nested or in several threads, changes nothing.
    """

    def _recreate_cm(self) -> "uncollected":
        return type(self)()  # each call of a decorated function remembers its own

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._was:
            gc.enable()
