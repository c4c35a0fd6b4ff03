"""Matrix products of generated modules: `multiply(a, b, out)`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic, overload

from codegen import native
from codegen.tiles import names


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out = a·b, matrices of one float dtype in row order; a and b may be transposed."""
    np.dot(a, b, out)


@overload(multiply, jit_options={"error_model": "numpy"})
def _multiply(a, b, out):  # type: ignore[no-untyped-def]
    """By tiles held in vector registers (`codegen.tiles`)."""
    native.provide(str(out.dtype))
    name = names(str(out.dtype))[b.layout == "F"]
    pointer, number = types.CPointer(out.dtype), types.int64
    function = types.ExternalFunction(
        name, types.void(pointer, number, number, pointer, pointer, number, number, number)
    )
    upright = a.layout != "F"

    def implementation(a, b, out):  # type: ignore[no-untyped-def]
        row, column = (a.shape[1], 1) if upright else (1, a.shape[0])
        function(
            address(a),
            row,
            column,
            address(b),
            address(out),
            out.shape[0],
            out.shape[1],
            b.shape[0],
        )

    return implementation


@intrinsic
def address(typingctx: Any, array: Any) -> Any:
    """Where the first element of an array lies."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(array)(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), build
