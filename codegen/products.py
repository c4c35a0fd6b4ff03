"""Matrix products of generated modules: `multiply(a, b, out)`, and a part of the result alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import lower_builtin, type_callable

from codegen import native
from codegen.tiles import names

WORD = ir.IntType(64)


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out = a·b, matrices of one float dtype in row order; a and b may be transposed."""
    np.dot(a, b, out)


def multiply_rows(a: np.ndarray, b: np.ndarray, out: np.ndarray, first: int, last: int) -> None:
    """The rows first ≤ i < last of out = a·b: the same bits as all of it at once has."""
    out[first:last] = a[first:last] @ b


def multiply_columns(a: np.ndarray, b: np.ndarray, out: np.ndarray, first: int, last: int) -> None:
    """The columns first ≤ j < last of out = a·b: the same bits as all of it at once has."""
    out[:, first:last] = a @ b[:, first:last]


# Typed and lowered here: Numba compiles no function for them.


@type_callable(multiply)
def _type(context: Any) -> Any:
    return lambda a, b, out: types.void


@type_callable(multiply_rows)
@type_callable(multiply_columns)
def _type_part(context: Any) -> Any:
    return lambda a, b, out, first, last: types.void


class _Matrix(NamedTuple):
    """A matrix in compiled code: where it starts, and how many rows and columns it has."""

    start: Any
    rows: Any
    columns: Any


@lower_builtin(multiply, types.Array, types.Array, types.Array)
def _multiply(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    a, b, out = _matrices(context, builder, signature, args)
    _call(builder, signature, a, b, out, out.columns)
    return context.get_dummy_value()


@lower_builtin(multiply_rows, types.Array, types.Array, types.Array, types.int64, types.int64)
def _multiply_rows(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    a, b, out = _matrices(context, builder, signature, args)
    first, last = args[3:]
    row = a.columns if _upright(signature.args[0]) else WORD(1)
    part = a._replace(start=builder.gep(a.start, [builder.mul(first, row)]))
    place = builder.gep(out.start, [builder.mul(first, out.columns)])
    with builder.if_then(builder.icmp_signed("<", first, last)):
        rows = _Matrix(place, builder.sub(last, first), out.columns)
        _call(builder, signature, part, b, rows, out.columns)
    return context.get_dummy_value()


@lower_builtin(multiply_columns, types.Array, types.Array, types.Array, types.int64, types.int64)
def _multiply_columns(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    a, b, out = _matrices(context, builder, signature, args)
    first, last = args[3:]
    column = b.rows if _across(signature.args[1]) else WORD(1)
    part = b._replace(start=builder.gep(b.start, [builder.mul(first, column)]))
    with builder.if_then(builder.icmp_signed("<", first, last)):
        columns = _Matrix(builder.gep(out.start, [first]), out.rows, builder.sub(last, first))
        _call(builder, signature, a, part, columns, out.columns)
    return context.get_dummy_value()


def _call(builder: Any, signature: Any, a: _Matrix, b: _Matrix, out: _Matrix, width: Any) -> None:
    """Call the function of tiles (`codegen.tiles`) for this dtype and this way of lying."""
    dtype = str(signature.args[2].dtype)
    native.provide(dtype)
    word, pointer = WORD, out.start.type
    kinds = (pointer, word, word, pointer, pointer, *[word] * 4)
    name = names(dtype)[_across(signature.args[1])]
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), kinds), name
    )
    row, column = (a.columns, WORD(1)) if _upright(signature.args[0]) else (WORD(1), a.rows)
    builder.call(
        function, [a.start, row, column, b.start, out.start, width, out.rows, out.columns, b.rows]
    )


def _matrices(context: Any, builder: Any, signature: Any, args: Any) -> Iterator[_Matrix]:
    for kind, value in zip(signature.args[:3], args[:3], strict=True):
        array = context.make_array(kind)(context, builder, value)
        yield _Matrix(array.data, *cgutils.unpack_tuple(builder, array.shape))


def _upright(a: types.Array) -> bool:
    return a.layout != "F"


def _across(b: types.Array) -> bool:
    return b.layout == "F"
