"""Where the threads of a team wait for each other: `wait(team, threads)`, in compiled code.

A team shares a few words of memory. Word 0 counts arrivals: at the k-th barrier all go on when k times
as many have arrived as there are threads. Whoever breaks the team up makes the count so large that
nobody waits any more. A word in another cache line says that a guard has refused the step.
"""

from __future__ import annotations

import platform
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from codegen.team import BROKEN, REFUSED

SPINS = 2000  # looks, some 50 µs, before a waiting thread offers its core to others
WORD, BYTE = ir.IntType(64), 8
_YIELD = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
_X86, _ARM = ("llvm.x86.sse2.pause",), ("llvm.aarch64.hint", ir.Constant(ir.IntType(32), 1))
_PAUSE = {"x86_64": _X86, "amd64": _X86, "aarch64": _ARM, "arm64": _ARM}


def wait(team: np.ndarray, threads: int) -> bool:
    """Go on when all have come; True if the team has broken up."""
    assert threads == 1
    return False


def refuse(team: np.ndarray) -> None:
    """Say that the step must not go on; after the next barrier all know."""
    team[REFUSED] = 1


def refused(team: np.ndarray) -> bool:
    """Has a thread refused the step?"""
    return bool(team[REFUSED])


@overload(wait, jit_options={"error_model": "numpy"})
def _wait(team, threads):  # type: ignore[no-untyped-def]
    give_way = types.ExternalFunction(_YIELD, types.int32())

    def implementation(team, threads):  # type: ignore[no-untyped-def]
        if threads == 1:
            return False
        arrived = arrive(team)
        goal = arrived - arrived % threads + threads
        now, looks = arrivals(team), 0
        while now < goal and now < BROKEN:
            looks += 1
            if looks > SPINS:
                give_way()
            else:
                pause()
            now = arrivals(team)
        return now >= BROKEN

    return implementation


@overload(refuse)
def _refuse(team):  # type: ignore[no-untyped-def]
    def implementation(team):  # type: ignore[no-untyped-def]
        team[REFUSED] = 1

    return implementation


@overload(refused)
def _refused(team):  # type: ignore[no-untyped-def]
    return lambda team: team[REFUSED] != 0


@intrinsic
def arrive(typingctx: Any, team: Any) -> Any:
    """Count one more; returns the count before. What was written before is seen after the barrier."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = context.make_array(team)(context, builder, args[0]).data
        return builder.atomic_rmw("add", word, WORD(1), "acq_rel")

    return types.int64(team), build


@intrinsic
def arrivals(typingctx: Any, team: Any) -> Any:
    """The count as it is now."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = context.make_array(team)(context, builder, args[0]).data
        return builder.load_atomic(word, "acquire", BYTE)

    return types.int64(team), build


@intrinsic
def pause(typingctx: Any) -> Any:
    """Tell the processor that this is a loop which waits."""
    name, *arguments = _PAUSE.get(platform.machine().lower(), (None,))

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if name is not None:
            kind = ir.FunctionType(ir.VoidType(), [a.type for a in arguments])
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            builder.call(function, arguments)
        return context.get_dummy_value()

    return types.void(), build
