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
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from codegen.optimisations import on

_PATIENCE = 0.1  # seconds: a wait is cut into these, as on some systems it hears no signal

_END = object()

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Filled = tuple[T, int, bool]  # a chunk, the rows in it by now, is it closed?
Fill = Callable[[Callable[[], T]], Generator[Filled, None, None]]


class Ahead(Protocol[T_co]):
    """Iterates over (chunk, rows in it by now)."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Iterator[tuple[T_co, int]]: ...

    def ahead(self) -> Sequence[tuple[T_co, int]]:
        """What comes next, as far as it is there by now."""
        ...


def filled(fill: Fill[T], chunks: Collection[T]) -> Ahead[T]:
    """What `fill` makes of the chunks (see `Prefetch`): ahead, or in turn if there is but one."""
    return (Prefetch if on("prefetch") and len(chunks) > 1 else InTurn)(fill, chunks)


class InTurn(Generic[T]):
    """The same, each chunk when it is asked for."""

    def __init__(self, fill: Fill[T], chunks: Iterable[T]) -> None:
        self._free = deque(chunks)
        self._filled = fill(self._free.popleft)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._filled.close()

    def __iter__(self) -> Iterator[tuple[T, int]]:
        for chunk, rows, closed in self._filled:
            yield chunk, rows
            if closed:
                self._free.append(chunk)

    def ahead(self) -> tuple[()]:
        """Nothing is there before it is asked for."""
        return ()


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
        self._got: deque[Any] = deque()  # from the queue, but not handed over yet
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

    def ahead(self) -> list[tuple[T, int]]:
        """What comes next, as far as it is there by now."""
        self._get()
        return [item[:2] for item in self._got if isinstance(item, tuple)]

    def _next(self) -> Any:
        """What comes next; of all that was said about one chunk by now only the last."""
        if not self._got:
            self._got.append(self._waited())
        self._get()
        return self._got.popleft()

    def _get(self) -> None:
        """Take from the queue what is there; more rows of a chunk come in the place of fewer."""
        with contextlib.suppress(queue.Empty):
            while True:
                item, last = self._full.get_nowait(), self._got[-1] if self._got else None
                if isinstance(item, tuple) and isinstance(last, tuple) and not last[2]:
                    self._got.pop()
                self._got.append(item)

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
