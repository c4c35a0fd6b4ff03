"""The arrays of a program's table, and parts of arrays, in compiled code.

They are made as they are typed and lowered here: Numba compiles no function for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype
from numba.core import cgutils, types
from numba.extending import intrinsic, lower_builtin, type_callable
from numba.np.arrayobj import populate_array

WORD = ir.IntType(64)


@intrinsic(prefer_literal=True)
def unpack(typingctx: Any, table: Any, kinds: Any) -> Any:
    """The arrays of a table, in C order."""
    found = types.Tuple([_array_type(kind) for kind in kinds.literal_value.split(", ")])

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = context.make_array(table)(context, builder, args[0]).data
        made = []
        for kind in found:
            words = []
            for _ in range(1 + kind.ndim):
                words.append(builder.load(word))
                word = builder.gep(word, [WORD(1)])
            made.append(array_at(context, builder, kind, *words))
        return context.make_tuple(builder, found, made)

    return found(table, kinds), build


unpack.py_func = lambda arrays, kinds: arrays  # un-jitted, the arrays come as they are


def _array_type(kind: str) -> types.Array:
    dtype, axes = kind.split()
    return types.Array(from_dtype(np.dtype(dtype)), int(axes), "C")


def array_at(context: Any, builder: Any, kind: types.Array, address: Any, *shape: Any) -> Any:
    """The array of that kind and shape at an address, in C order."""
    data = builder.inttoptr(address, context.get_data_type(kind.dtype).as_pointer())
    return _array(context, builder, kind, data, shape)


def _array(context: Any, builder: Any, kind: types.Array, data: Any, shape: Sequence[Any]) -> Any:
    size, strides = WORD(context.get_abi_sizeof(context.get_data_type(kind.dtype))), []
    step = size
    for extent in reversed(shape):
        strides.insert(0, step)
        step = builder.mul(step, extent)
    array = context.make_array(kind)(context, builder)
    populate_array(array, data, shape, strides, size, meminfo=None)
    return array._getvalue()


def part(arena: np.ndarray, start: int, shape: tuple[int, ...]) -> np.ndarray:
    """The array of this shape, in C order, which begins at an element of a flat array."""
    return arena[start : start + math.prod(shape)].reshape(shape)


@type_callable(part)
def _type_part(context: Any) -> Any:
    return lambda arena, start, shape: types.Array(arena.dtype, len(shape), "C")


@lower_builtin(part, types.Array, types.Integer, types.BaseTuple)
def _lower_part(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    arena, _, kinds = signature.args
    start = builder.gep(context.make_array(arena)(context, builder, args[0]).data, [args[1]])
    shape = [
        context.cast(builder, extent, kind, types.int64)
        for extent, kind in zip(cgutils.unpack_tuple(builder, args[2]), kinds, strict=True)
    ]
    return _array(context, builder, signature.return_type, start, shape)
