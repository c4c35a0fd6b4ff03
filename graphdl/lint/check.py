"""`model.lint()`: every proof, one after the other."""

from __future__ import annotations

from typing import Any

from graphdl.core.graph import Graph, Node, walk
from graphdl.lint import effects, hazards, linear
from graphdl.lint.finding import Finding, Report, brief
from graphdl.losses import MeanSquaredError
from graphdl.rewrite.simplify import simplify

ORDER = ("error", "warning")


def lint(model: Any) -> Report:
    """What can be proved of a built model before it is trained, its loss included once compiled.

    Linear layers that collapse into one; a loss that is constant; weights whose gradient is
    identically 0; logarithms and divisions that may meet 0; losses that do not fit the output. What
    is not proved is not reported.
    """
    outputs = model.symbolic_outputs()
    found = linear.findings(model, outputs)
    if model.loss is None:
        results, what = outputs, "the output"
    else:
        results, what = [model.symbolic_loss(training=True)], "the loss"
        found += _saturating(model, outputs)
    if len(results) == 1:
        found += effects.findings(results[0], model.trainable_weights, what)
    symbols = [n for n in walk(results) if n.op.name == "tensor"]
    found += hazards.findings(simplify(Graph(symbols, results))[0])
    return Report(model.name, tuple(sorted(found, key=lambda f: ORDER.index(f.severity))))


def _saturating(model: Any, outputs: list[Node]) -> list[Finding]:
    """Squared error of a sigmoid: its gradient dies where the answer is most wrong."""
    last = outputs[0]
    while last.op.name == "named":
        last = last.inputs[0]
    if not isinstance(model.loss, MeanSquaredError) or last.op.name != "sigmoid":
        return []
    return [
        Finding(
            "flat where most wrong", "warning", f"the loss, of ŷ = {brief(last)}",
            "∂J/∂z = 2(ŷ − y)·ŷ(1 − ŷ) goes to 0 as ŷ goes to 0 while y is 1: at z = −10 an example "
            "that is wholly wrong has a slope of 9e−5",
            "for targets of 0 and 1 use 'binary_crossentropy', whose slope there is ŷ − y = −1",
        )
    ]  # fmt: skip
