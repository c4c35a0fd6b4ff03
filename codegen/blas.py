"""The matrix library runs on one thread while a program runs: its bits depend on its thread count.

Parallelism is the program's own matter. The count is set at run time and restored afterwards.
"""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Any


@functools.cache
def _library() -> Any:
    """The BLAS that programs call: SciPy's, or None where it cannot be told how many threads to use."""
    import scipy.linalg.cython_blas  # noqa: F401, PLC0415
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    found = ThreadpoolController().select(user_api="blas").lib_controllers
    own = [lib for lib in found if "scipy" in lib.filepath]
    return (own or found or [None])[0]


class SingleThreaded:
    """A context in which that library uses one thread."""

    def __enter__(self) -> None:
        library = _library()
        self._before = library.get_num_threads() if library is not None else 1
        if self._before != 1:
            library.set_num_threads(1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before != 1:
            _library().set_num_threads(self._before)
