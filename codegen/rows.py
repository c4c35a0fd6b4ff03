"""Rows of an array copied as memory: no loop, and no question whether the arrays overlap."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


@intrinsic(prefer_literal=True)
def copy_row(typingctx: Any, out: Any, at: Any, source: Any, start: Any, count: Any) -> Any:
    """out[at], out[at + 1], … = source[start], … for `count` (a literal) elements of the last axis."""
    if not isinstance(count, types.IntegerLiteral):
        return None

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        places = [
            cgutils.get_item_pointer(
                context, builder, kind, context.make_array(kind)(context, builder, array),
                cgutils.unpack_tuple(builder, index), wraparound=False,
            )
            for kind, array, index in ((out, args[0], args[1]), (source, args[2], args[3]))
        ]  # fmt: skip
        size = context.get_abi_sizeof(context.get_data_type(out.dtype))
        align = context.get_abi_alignment(context.get_data_type(out.dtype))
        cgutils.raw_memcpy(
            builder, *places, ir.Constant(ir.IntType(64), count.literal_value), size, align
        )
        return context.get_dummy_value()

    return types.void(out, at, source, start, count), build


def _copy_row(out: Any, at: tuple, source: Any, start: tuple, count: int) -> None:
    out[at[:-1]][at[-1] : at[-1] + count] = source[start[:-1]][start[-1] : start[-1] + count]


copy_row.py_func = _copy_row  # un-jitted
