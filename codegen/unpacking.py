"""The arrays of a program's table, in compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype
from numba.core import types
from numba.extending import intrinsic
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
    element = context.get_data_type(kind.dtype)
    size, strides = WORD(context.get_abi_sizeof(element)), []
    step = size
    for extent in reversed(shape):
        strides.insert(0, step)
        step = builder.mul(step, extent)
    array = context.make_array(kind)(context, builder)
    data = builder.inttoptr(address, element.as_pointer())
    populate_array(array, data, shape, strides, size, meminfo=None)
    return array._getvalue()
