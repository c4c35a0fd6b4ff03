"""What a program's arithmetic and memory come to, against what cannot be saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from codegen import ir, memory
from codegen.profile import flops

Sizes = Mapping[str, int]


def products(program: ir.Program, sizes: Sizes) -> tuple[int, int]:
    """(how many matrix products, their flops); those of a repeat count in each of its rows."""
    found = list(_products(program.items, sizes))
    return len(found), sum(found)


def _products(items: Iterable[ir.Item], sizes: Sizes) -> Iterator[int]:
    """The flops of each."""
    for item in items:
        if isinstance(item, ir.Repeat):
            for turn in item.turns:
                yield from _products(item.items, {**sizes, **turn})
        elif isinstance(item, ir.MatMul):
            yield flops(item, sizes)


def kept(program: ir.Program, sizes: Sizes) -> dict[str, int]:
    """The bytes of each temp that the forward pass of a training step leaves to the backward pass.

    The forward pass ends where the loss is known, which the step's guard looks at first. What is alive
    then and read later is the batch, the activations, and the loss's own derivative.
    """
    guards = [i for i in program.items if isinstance(i, ir.Guard)]
    if not guards:
        return {}
    loss, spans = guards[0].buffers[0], memory.lifetimes(program)
    known = spans[loss][0] if loss in spans else 0
    return {
        b.name: memory.nbytes(b, sizes)
        for b, (first, last) in spans.items()
        if first <= known < last and b is not loss
    }
