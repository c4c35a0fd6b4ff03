"""Operations on the flow of gradients."""

from __future__ import annotations

from typing import Any

from graphdl.core.graph import Node, apply
from graphdl.core.notation import function
from graphdl.core.op import ZERO, Op, Sample
from graphdl.ops.build import operands, public

stop_gradient_op = Op(
    name="stop_gradient",
    infer=lambda rule, a: a,
    reference=lambda a: a,
    vjp=lambda n, ct: [ZERO],
    text=function("stop_gradient"),
    samples=(Sample(((4, 3),)),),
)


@public
def stop_gradient(a: Any) -> Node:
    """The value of `a`, taken as a constant by every gradient."""
    return apply(stop_gradient_op, *operands(a))
