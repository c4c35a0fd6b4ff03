"""Which part of an extent a thread of a team has: `share(thread, threads, extent, grain)`.

Typed and lowered here, where they are compiled: Numba compiles no function for them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import lower_builtin, type_callable

WORD = ir.IntType(64)
BOUND = 0xFFFFFFFFFFFF


def share(thread: int, threads: int, extent: int, grain: int) -> tuple[int, int]:
    """The part of a thread in 0 ≤ i < extent: whole blocks of `grain`, the last with what is left."""
    blocks = max(1, extent // grain)
    first, last = ((blocks * k + threads - 1) // threads for k in (thread, thread + 1))
    return tuple(k * grain if k < blocks else extent for k in (first, last))


def index(i: int) -> int:
    """0 ≤ i < 2⁴⁸, said so that the compiler knows: nothing here counts from an array's end."""
    return i & BOUND


@type_callable(share)
def _type_share(context: Any) -> Any:
    return lambda thread, threads, extent, grain: types.UniTuple(types.int64, 2)


@type_callable(index)
def _type_index(context: Any) -> Any:
    return lambda i: types.int64


@lower_builtin(share, types.Integer, types.Integer, types.Integer, types.Integer)
def _lower_share(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    thread, threads, extent, grain = (
        context.cast(builder, value, kind, types.int64)
        for value, kind in zip(args, signature.args, strict=True)
    )
    whole, one = builder.sdiv(extent, grain), WORD(1)
    blocks = builder.select(builder.icmp_signed("<", whole, one), one, whole)
    before = builder.sub(threads, one)
    ends = []
    for k in (thread, builder.add(thread, one)):
        block = builder.sdiv(builder.add(builder.mul(blocks, k), before), threads)
        inside = builder.icmp_signed("<", block, blocks)
        ends.append(builder.select(inside, builder.mul(block, grain), extent))
    return cgutils.pack_array(builder, [builder.and_(end, WORD(BOUND)) for end in ends])


@lower_builtin(index, types.Integer)
def _lower_index(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.and_(context.cast(builder, args[0], signature.args[0], types.int64), WORD(BOUND))
