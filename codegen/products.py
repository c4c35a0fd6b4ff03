"""Matrix products of generated modules: `multiply(a, b, out)`, and a part of the result alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic, overload

from codegen import native
from codegen.tiles import names

OPTIONS = {"error_model": "numpy"}


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out = a·b, matrices of one float dtype in row order; a and b may be transposed."""
    np.dot(a, b, out)


def multiply_rows(a: np.ndarray, b: np.ndarray, out: np.ndarray, first: int, last: int) -> None:
    """The rows first ≤ i < last of out = a·b: the same bits as all of it at once has."""
    out[first:last] = a[first:last] @ b


def multiply_columns(a: np.ndarray, b: np.ndarray, out: np.ndarray, first: int, last: int) -> None:
    """The columns first ≤ j < last of out = a·b: the same bits as all of it at once has."""
    out[:, first:last] = a @ b[:, first:last]


@overload(multiply, jit_options=OPTIONS)
def _multiply(a, b, out):  # type: ignore[no-untyped-def]
    function, upright, _ = _native(a, b, out)

    def implementation(a, b, out):  # type: ignore[no-untyped-def]
        row, column = (a.shape[1], 1) if upright else (1, a.shape[0])
        m, n = out.shape
        function(address(a, 0), row, column, address(b, 0), address(out, 0), n, m, n, b.shape[0])

    return implementation


@overload(multiply_rows, jit_options=OPTIONS)
def _multiply_rows(a, b, out, first, last):  # type: ignore[no-untyped-def]
    function, upright, _ = _native(a, b, out)

    def implementation(a, b, out, first, last):  # type: ignore[no-untyped-def]
        row, column = (a.shape[1], 1) if upright else (1, a.shape[0])
        n = out.shape[1]
        if first < last:
            function(
                address(a, first * row), row, column, address(b, 0), address(out, first * n), n,
                last - first, n, b.shape[0],
            )  # fmt: skip

    return implementation


@overload(multiply_columns, jit_options=OPTIONS)
def _multiply_columns(a, b, out, first, last):  # type: ignore[no-untyped-def]
    function, upright, across = _native(a, b, out)

    def implementation(a, b, out, first, last):  # type: ignore[no-untyped-def]
        row, column = (a.shape[1], 1) if upright else (1, a.shape[0])
        start = first * b.shape[0] if across else first
        if first < last:
            function(
                address(a, 0), row, column, address(b, start), address(out, first), out.shape[1],
                out.shape[0], last - first, b.shape[0],
            )  # fmt: skip

    return implementation


def _native(a, b, out):  # type: ignore[no-untyped-def]
    """The function of tiles (`codegen.tiles`); whether a lies upright, and b across."""
    native.provide(str(out.dtype))
    across = b.layout == "F"
    pointer, number = types.CPointer(out.dtype), types.int64
    kinds = (pointer, number, number, pointer, pointer, *[number] * 4)
    name = names(str(out.dtype))[across]
    return types.ExternalFunction(name, types.void(*kinds)), a.layout != "F", across


@intrinsic
def address(typingctx: Any, array: Any, element: Any) -> Any:
    """Where an element of an array lies, counted in row order."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(context.make_array(array)(context, builder, args[0]).data, [args[1]])

    return types.CPointer(array.dtype)(array, types.int64), build
