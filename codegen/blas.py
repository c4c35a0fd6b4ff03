"""The matrix library runs on one thread while a program runs: its bits depend on its thread count.

Parallelism is the program's own matter. The count is set at run time and restored afterwards.
"""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Any


@functools.cache
def _libraries() -> list[Any]:
    """The BLAS libraries of this process. SciPy's is loaded first: it is the one programs call."""
    import scipy.linalg.cython_blas  # noqa: F401, PLC0415
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController().select(user_api="blas").lib_controllers


class SingleThreaded:
    """A context in which every BLAS library uses one thread."""

    def __enter__(self) -> None:
        self._before = [(lib, lib.get_num_threads()) for lib in _libraries()]
        for lib, count in self._before:
            if count != 1:
                lib.set_num_threads(1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for lib, count in self._before:
            if count != 1:
                lib.set_num_threads(count)
