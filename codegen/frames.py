"""What `codegen.direct` needs of compiled code: memory at an address, a call of machine code."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype
from numba.core import cgutils, types
from numba.extending import intrinsic

from codegen.unpacking import WORD, array_at

WORDS = types.Array(types.int64, 1, "C")


@intrinsic
def words(typingctx: Any, address: Any, count: Any) -> Any:
    """The int64 array at an address."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return array_at(context, builder, WORDS, *args)

    return WORDS(types.int64, types.int64), build


@intrinsic(prefer_literal=True)
def call(typingctx: Any, code: Any, table: Any, numbers: Any, kinds: Any) -> Any:
    """The compiled function at the address `code`, of (table, *numbers); each number has a word.

    `kinds`, a literal: their dtypes. The function has the signature of every program's `run`.
    """
    found = [from_dtype(np.dtype(kind)) for kind in kinds.literal_value.split()]
    takes = [WORDS, *found]

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        convention = context.call_conv
        function = convention.get_function_type(types.int64, takes).as_pointer()
        word = context.make_array(WORDS)(context, builder, args[2]).data
        given = []
        for k, kind in enumerate(found):
            place = builder.gep(word, [ir.Constant(WORD, k)])
            pointer = builder.bitcast(place, context.get_data_type(kind).as_pointer())
            given.append(builder.load(pointer))
        code = builder.inttoptr(args[0], function)
        status, result = convention.call_function(
            builder, code, types.int64, takes, [args[1], *given]
        )
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return result

    return types.int64(types.int64, WORDS, WORDS, kinds), build
