"""The next chunk of data is prepared by a thread while compiled code trains on this one.

The compiled step and NumPy's copies release the interpreter's lock, so both run at once. A fixed set
of chunks goes round: the thread takes a free one, fills it and hands it over; the reader gives it
back. That bounds the memory, and how far ahead of training the data is read.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

_PATIENCE = 0.1  # seconds: a wait is cut into these, as on some systems it hears no signal

T = TypeVar("T")
Fill = Callable[[Callable[[], T], Callable[[], bool]], Iterator[T]]


class _Stopped(Exception):
    """Nobody wants the data any more."""


class Prefetch(Generic[T]):
    """Iterates over `fill(take, hungry)`, which runs in a thread of its own.

    take(): a free chunk, waited for; hungry(): does the reader wait, so that less than a full chunk
    is welcome? What `fill` raises is raised here, after all that it has yielded, with its traceback.
    """

    def __init__(self, fill: Fill[T], chunks: Iterable[T]) -> None:
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for chunk in chunks:
            self._free.put(chunk)
        self._fill, self._waiting, self._stopped = fill, False, False
        # a daemon: nothing can end a user's `next` that waits for ever; in the caller's context,
        # which holds np.errstate and the like
        run = contextvars.copy_context().run
        self._thread = threading.Thread(target=run, args=(self._work,), name="data", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        self._free.put(None)
        self._thread.join(_PATIENCE)

    def __iter__(self) -> Iterator[T]:
        while (item := self._next()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
            self._free.put(item)

    def _next(self) -> Any:
        self._waiting = True
        while True:
            try:
                item = self._full.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
            self._waiting = False
            return item

    # -------------------------------------------------- in the thread

    def _work(self) -> None:
        try:
            for chunk in self._fill(self._take, self._hungry):
                self._full.put(chunk)
                if self._stopped:
                    return
            self._full.put(None)
        except _Stopped:
            return
        except BaseException as error:
            self._full.put(error)

    def _take(self) -> T:
        chunk = self._free.get()
        if chunk is None or self._stopped:
            raise _Stopped
        return chunk

    def _hungry(self) -> bool:
        return self._stopped or (self._waiting and self._full.empty())
