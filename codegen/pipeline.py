"""What LLVM is asked to do otherwise than Numba asks it.

Numba runs LLVM's passes twice over a program. The first run unrolls a loop of a few turns before it
looks whether the loop can be vectorised, and what is unrolled seldom can: the sixteen units of a layer
become sixteen times the same in scalars. So here the first run unrolls nothing. Half of the lecture's
step was such loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from codegen.optimisations import on


def conditions() -> str:
    """What changes machine code besides its text."""
    return f"short loops are vectorised first: {on('rolled')}"


@contextmanager
def short_loops_vectorised_first() -> Iterator[None]:
    """What is compiled in here, and nothing in another thread."""
    codegen: Any = cpu_target.target_context.codegen()
    usual = getattr(codegen, "_pass_builder", None)
    if usual is None or not on("rolled"):  # another version of Numba: slower, but right
        yield
        return

    def pass_builder(**settings: Any) -> Any:
        if not settings.get("loop_vectorize"):  # Numba's second run, or passes over one function
            return usual(**settings)
        tuning = llvm.create_pipeline_tuning_options()
        tuning.speed_level = settings["opt"]
        tuning.slp_vectorization = settings.get("slp_vectorize", False)
        tuning.loop_vectorization = True
        tuning.loop_unrolling = False
        return llvm.create_pass_builder(codegen._tm, tuning)

    with global_compiler_lock:
        codegen._pass_builder = pass_builder
        try:
            yield
        finally:
            del codegen._pass_builder
