"""How long loops are, for choices that are made before sizes are known."""

from __future__ import annotations

from codegen import ir

UNKNOWN = 64  # what a run-time number counts as


def turns_of(what: ir.Loop | ir.Expr) -> int:
    """The turns of a loop times those of the longest loop in it; or the value of an extent."""
    if isinstance(what, ir.Loop):
        inner = max((turns_of(s) for s in what.body if isinstance(s, ir.Loop)), default=1)
        return turns_of(what.extent) * inner
    if isinstance(what, ir.Const):
        return int(what.value)
    if isinstance(what, ir.Apply) and what.fn == "mul":
        return turns_of(what.args[0]) * turns_of(what.args[1])
    return UNKNOWN
