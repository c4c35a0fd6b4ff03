"""The arithmetic of one gradient, counted exactly as a formula in the number of examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codegen.profile import flops as flops_of
from graphdl.core.graph import Node
from graphdl.core.sizes import Dim, Size, substitute
from graphdl.function import function
from graphdl.studies import picture
from graphdl.studies.objective import objective
from graphdl.table import render


@dataclass(frozen=True)
class Flops:
    """Operations of J and its gradient: additions, multiplications, comparisons, calls, one each.

    formula: a polynomial of the named sizes, such as 184·n + 12; parts: (equation, its formula), one a
    kernel of the program that runs.
    """

    formula: Dim
    parts: list[tuple[str, Dim]]

    def at(self, **sizes: int) -> int:
        """The number for given sizes: at(n=32)."""
        value = substitute(self.formula, sizes)
        if isinstance(value, Size):
            raise ValueError(f"give the sizes {', '.join(value.names)}")
        return value

    def __str__(self) -> str:
        rows = [(note, str(count)) for note, count in self.parts]
        title = f"one gradient: {self.formula} operations"
        return render(title, ("kernel", "operations"), rows)

    def plot(self, ax: Any = None) -> Any:
        """The operations against the number of examples, from 1 to 10,000."""
        ax = picture.axes(ax)
        names = self.formula.names if isinstance(self.formula, Size) else ()
        sizes = [10**k for k in range(5)]
        counts = [self.at(**dict.fromkeys(names, n)) for n in sizes]
        ax.loglog(sizes, counts, label=str(self.formula), **picture.line(0, True))
        return picture.finish(ax, f"examples {', '.join(names)}", "operations of one gradient")


def gradient_flops(
    subject: Any, x: Any = None, y: Any = None, *, wrt: Any = None,
    data: Mapping[Node, Any] | None = None,
) -> Flops:  # fmt: skip
    """What one evaluation of the loss and of all its gradients costs, read off the lowered program."""
    j = objective(subject, x, y, wrt=wrt, data=data, target="python")
    made = function(list(j.symbols), [j.loss, *j.gradients], target="python")
    # the counts are sums of products of sizes: names in, polynomials of names out
    names: Any = dict(zip((v.name for v in made.program.sizes), made._lowered.sizes, strict=True))
    parts = [
        (" · ".join(item.note.splitlines()[:3]) or type(item).__name__, flops_of(item, names))
        for item in made.program.items
    ]  # fmt: skip
    total: Dim = 0
    for _, count in parts:
        total = count + total
    return Flops(total, [(note, count) for note, count in parts if count != 0])
