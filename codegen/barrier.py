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
from numba.extending import lower_builtin, type_callable

from codegen.team import BROKEN, REFUSED

SPINS = 2000  # looks, some 50 µs, before a waiting thread offers its core to others
WORD, BIT = ir.IntType(64), ir.IntType(1)
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


# Typed and lowered here, where they are compiled: Numba compiles no function for them.


@type_callable(wait)
def _type_wait(context: Any) -> Any:
    return lambda team, threads: types.boolean


@type_callable(refuse)
def _type_refuse(context: Any) -> Any:
    return lambda team: types.void


@type_callable(refused)
def _type_refused(context: Any) -> Any:
    return lambda team: types.boolean


@lower_builtin(wait, types.Array, types.Integer)
def _lower_wait(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    threads = context.cast(builder, args[1], signature.args[1], types.int64)
    return builder.call(
        _waiting(builder.module), [_words(context, builder, signature, args), threads]
    )


@lower_builtin(refuse, types.Array)
def _lower_refuse(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    words = _words(context, builder, signature, args)
    builder.store(WORD(1), builder.gep(words, [WORD(REFUSED)]))
    return context.get_dummy_value()


@lower_builtin(refused, types.Array)
def _lower_refused(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    words = _words(context, builder, signature, args)
    return builder.icmp_signed("!=", builder.load(builder.gep(words, [WORD(REFUSED)])), WORD(0))


def _words(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Where the words of a team lie."""
    return context.make_array(signature.args[0])(context, builder, args[0]).data


def _waiting(module: ir.Module) -> ir.Function:
    """The function of a module which waits: 1 if the team has broken up.

    if threads == 1: return 0
    goal = the next multiple of `threads` above the arrivals before this one
    while arrivals < goal: pause, and after SPINS looks give way
    return arrivals ≥ BROKEN
    """
    name = "graphdl.wait"
    if name in module.globals:
        return module.globals[name]
    made = ir.Function(module, ir.FunctionType(BIT, [WORD.as_pointer(), WORD]), name)
    made.linkage = "internal"
    made.attributes.add("noinline")
    team, threads = made.args
    entry, come, look, rest, spin, give, done = (
        made.append_basic_block(n)
        for n in ("entry", "come", "look", "rest", "spin", "give", "done")
    )
    build = ir.IRBuilder(entry)
    build.cbranch(build.icmp_signed("==", threads, WORD(1)), done, come)
    build.position_at_end(come)  # what was written before is seen by all after the barrier
    arrived = build.atomic_rmw("add", team, WORD(1), "acq_rel")
    goal = build.add(build.sub(arrived, build.srem(arrived, threads)), threads)
    build.branch(look)
    build.position_at_end(look)
    looks = build.phi(WORD)
    now = build.load_atomic(team, "acquire", 8)
    broken = build.icmp_signed(">=", now, WORD(BROKEN))
    build.cbranch(build.or_(build.icmp_signed(">=", now, goal), broken), done, rest)
    build.position_at_end(rest)
    more = build.add(looks, WORD(1))
    build.cbranch(build.icmp_signed(">", more, WORD(SPINS)), give, spin)
    build.position_at_end(spin)
    _pause(build)
    build.branch(look)
    build.position_at_end(give)
    build.call(
        cgutils.get_or_insert_function(module, ir.FunctionType(ir.IntType(32), []), _YIELD), []
    )
    build.branch(look)
    for block, value in ((come, WORD(0)), (spin, more), (give, more)):
        looks.add_incoming(value, block)
    build.position_at_end(done)
    result = build.phi(BIT)
    result.add_incoming(BIT(0), entry)
    result.add_incoming(broken, look)
    build.ret(result)
    return made


def _pause(build: ir.IRBuilder) -> None:
    """Tell the processor that this is a loop which waits."""
    name, *arguments = _PAUSE.get(platform.machine().lower(), (None,))
    if name is not None:
        kind = ir.FunctionType(ir.VoidType(), [a.type for a in arguments])
        build.call(cgutils.get_or_insert_function(build.module, kind, name), arguments)
