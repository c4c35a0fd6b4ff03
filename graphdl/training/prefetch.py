"""The next chunk of data is prepared by a thread while compiled code trains on this one.

The compiled step and NumPy's copies release the interpreter's lock, so both run at once. A fixed set
of chunks goes round: the thread takes a free one and says how far it is filled, again and again; the
reader takes what is there, and gives the chunk back when no more will come. That bounds the memory,
and how far ahead of training the data is read; and no batch waits for another one.
"""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from codegen.optimisations import on

_PATIENCE = 0.1  # seconds: a wait is cut into these, as on some systems it hears no signal

_END = object()

T = TypeVar("T")
Filled = tuple[T, int, bool]  # a chunk, the rows in it by now, is it closed?
Fill = Callable[[Callable[[], T]], Iterator[Filled]]


def filled(
    fill: Fill[T], chunks: Collection[T]
) -> contextlib.AbstractContextManager[Iterable[tuple[T, int]]]:
    """What `fill` makes of the chunks (see `Prefetch`): ahead, or in turn if there is but one."""
    if on("prefetch") and len(chunks) > 1:
        return Prefetch(fill, chunks)
    return contextlib.closing(_in_turn(fill, chunks))


def _in_turn(fill: Fill[T], chunks: Iterable[T]) -> Generator[tuple[T, int], None, None]:
    free = deque(chunks)
    for chunk, rows, closed in fill(free.popleft):
        yield chunk, rows
        if closed:
            free.append(chunk)


class _Stopped(Exception):
    """Nobody wants the data any more."""


class Prefetch(Generic[T]):
    """Iterates over what `fill(take)` yields, which runs in a thread of its own.

    take(): a free chunk, waited for. Yields (chunk, rows in it by now). What `fill` raises is raised
    here, after all that it has yielded, with its traceback.
    """

    def __init__(self, fill: Fill[T], chunks: Iterable[T]) -> None:
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for chunk in chunks:
            self._free.put(chunk)
        self._fill, self._stopped = fill, False
        self._after: Any = None  # got from the queue together with what came before it
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

    def __iter__(self) -> Iterator[tuple[T, int]]:
        while (item := self._next()) is not _END:
            if isinstance(item, BaseException):
                raise item
            chunk, rows, closed = item
            yield chunk, rows
            if closed:
                self._free.put(chunk)

    def _next(self) -> Any:
        """What comes next; of all that was said about one chunk by now only the last."""
        item = self._after if self._after is not None else self._waited()
        self._after = None
        while isinstance(item, tuple) and not item[2]:
            try:
                self._after = self._full.get_nowait()
            except queue.Empty:
                break
            if not isinstance(self._after, tuple):
                break
            item, self._after = self._after, None
        return item

    def _waited(self) -> Any:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._full.get(timeout=_PATIENCE)

    # -------------------------------------------------- in the thread

    def _work(self) -> None:
        try:
            for filled in self._fill(self._take):
                self._full.put(filled)
                if self._stopped:
                    return
            self._full.put(_END)
        except _Stopped:
            return
        except BaseException as error:
            self._full.put(error)

    def _take(self) -> T:
        chunk = self._free.get()
        if chunk is None or self._stopped:
            raise _Stopped
        return chunk
