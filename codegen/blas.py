"""The matrix library runs on one thread while a program runs: its bits depend on its thread count.

Parallelism is the program's own matter. The count is set at run time and restored afterwards.
"""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Any


@functools.cache
def _libraries() -> list[Any]:
    """Every BLAS of this process that programs may call: SciPy's, not the one NumPy brought along."""
    import scipy.linalg.cython_blas  # noqa: F401, PLC0415
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [lib for lib in found if "numpy.libs" not in lib.filepath] or found


class SingleThreaded:
    """A context in which those libraries use one thread."""

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
