"""How Numba compiles generated modules: without what it does for other people's functions.

Generated code has no closures, no `with`, no expressions of whole arrays, and it allocates nothing:
the passes that look for these find nothing, and references to arrays need not be counted.
"""

from __future__ import annotations

from typing import Any

from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.core.typed_passes import (
    AnnotateTypes,
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.untyped_passes import (
    FixupArgs,
    GenericRewrites,
    IRProcessing,
    ReconstructSSA,
    TranslateByteCode,
)

PASSES = {
    TranslateByteCode: "bytecode to Numba's form",
    FixupArgs: "its arguments",
    IRProcessing: "its definitions",
    GenericRewrites: "constant indices",
    ReconstructSSA: "each name is given a value once",
    NopythonTypeInference: "types",
    PreLowerStripPhis: "names again in place of choices",
    IRLegalization: "where values end",
    AnnotateTypes: "types, for who inspects them",
    NativeLowering: "LLVM",
    NoPythonBackend: "machine code",
}


class Straight(CompilerBase):
    """From text to machine code by the passes that generated code needs."""

    def define_pipelines(self) -> list[Any]:
        manager = PassManager("straight")
        for step, what in PASSES.items():
            manager.add_pass(step, what)
        manager.finalize()
        return [manager]


# What `njit` is told of an entry function, and of those that stand in it: nobody else calls these.
OUTER = {"pipeline_class": Straight, "_nrt": False, "no_cfunc_wrapper": True}
INNER = {**OUTER, "no_cpython_wrapper": True}
