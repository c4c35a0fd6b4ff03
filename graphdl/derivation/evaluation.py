"""A derivation in numbers: every factor, every cotangent, and that their product is the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.graph import Node, walk
from graphdl.core.interpret import interpret
from graphdl.derivation.forms.chain import COLOURS, paths, role
from graphdl.derivation.forms.pen import Pen, reading_of
from graphdl.derivation.record import Factor, Record
from graphdl.show.latex import LATEX, aligned
from graphdl.show.text import TEXT

DIGITS = 7
LATEX_CELLS = 6  # rows and columns of a matrix that are shown in LaTeX


@dataclass(frozen=True, eq=False)
class Evaluation:
    """`factors` and `cotangents` belong to the derivation's factors, in their order.

    result: J. gradient: ∂J/∂w, of the weight's shape. value: the same, or the one element that the
    derivation is of. forward: the value of each name. A factor that is not a number or matrix by
    itself (an operation on the cotangent) is None; cotangents are what each factor sends on.
    """

    derivation: Record
    result: np.ndarray
    gradient: np.ndarray
    factors: tuple[np.ndarray | None, ...]
    cotangents: tuple[np.ndarray, ...]
    forward: Mapping[Node, np.ndarray]
    inputs: Mapping[Node, Any]
    seed: int

    def of(self, node: Node) -> np.ndarray:
        """The value of any node that the derivation's result or gradient is computed from."""
        return interpret([node], self.inputs, seed=self.seed)[0]

    @property
    def value(self) -> np.ndarray:
        unit = self.derivation.unit
        return self.gradient if unit is None else self.gradient[unit]

    def product(self) -> str:
        """Where everything is one number: -2.863505 · 0.1414639 = -0.4050826; else empty."""
        return _product(self, Pen(self.derivation, TEXT))

    def __str__(self) -> str:
        pen, d = Pen(self.derivation, TEXT), self.derivation
        rows = [_equation(pen.name(d.result), self.result)]
        for factor, value in zip(d.factors, self.factors, strict=True):
            if value is not None:
                rows.append(_equation(pen.local(factor), value))
        total = pen.quotient_at(tuple(map(str, d.unit or ())))
        product = self.product()
        end = f"{total} = {product}" if product else _equation(total, self.value)
        return "\n".join([*rows, end])

    __repr__ = __str__

    def latex(self) -> str:
        """Each factor with its number, then the product."""
        pen, d = Pen(self.derivation, LATEX), self.derivation
        rows = [f"{pen.name(d.result)} &= {_latex_number(self.result)}"]
        for factor, value in zip(d.factors, self.factors, strict=True):
            if value is not None:
                left = pen.local(factor)
                colour = COLOURS[role(d, factor)]
                rows.append(rf"\textcolor{{{colour}}}{{{left}}} &= {_latex_number(value)}")
        total = pen.quotient_at(tuple(map(str, d.unit or ())))
        product = _product(self, pen)
        rows.append(f"{total} &= {product or _latex_number(self.value)}")
        return aligned(rows)


def evaluate(record: Record, values: Mapping[Node | str, Any], seed: int = 0) -> Evaluation:
    """See `Derivation.evaluate`."""
    d = record
    env = {d.leaf(k) if isinstance(k, str) else k: v for k, v in values.items()}
    known = [f.local.node for f in d.factors if f.local.node is not None]
    sent = [f.after for f in d.factors]
    names = [n for n in walk([d.result]) if n.op.name == "named" or not n.inputs]
    # what is compiled, its losses merged: δ = ŷ − y, not the dead clip
    roots = [d.result, reading_of(d).compiled, *sent, *known, *names]
    found = iter(interpret(roots, env, seed=seed))
    result, gradient = next(found), next(found)
    cotangents = tuple(next(found) for _ in sent)
    factors = tuple(None if f.local.node is None else next(found) for f in d.factors)
    forward = dict(zip(names, found, strict=True))
    return Evaluation(d, result, gradient, factors, cotangents, forward, env, seed)


def _product(evaluation: Evaluation, pen: Pen) -> str:
    """Factor · factor · … = gradient, of one path of single numbers."""
    d, of = (
        evaluation.derivation,
        dict(zip(evaluation.derivation.factors, evaluation.factors, strict=True)),
    )
    single = d.paths == 1 and all(v is not None and v.size == 1 for v in of.values())
    if not single or len(of) < 2 or evaluation.gradient.size != 1:
        return ""
    dot = r" \cdot " if pen.is_latex else " · "
    numbers = [_coloured(pen, d, f, _number(of[f])) for f in paths(d, d.wrt)[0]]
    return f"{dot.join(numbers)} = {_number(evaluation.gradient)}"


def _coloured(pen: Pen, d: Record, factor: Factor, number: str) -> str:
    number = f"({number})" if number.startswith("-") and pen.is_latex else number
    return rf"\textcolor{{{COLOURS[role(d, factor)]}}}{{{number}}}" if pen.is_latex else number


def _number(value: Any) -> str:
    return f"{np.asarray(value).item():.{DIGITS}g}"


def _equation(name: str, value: np.ndarray) -> str:
    """name = number, or the matrix with its rows under each other."""
    if value.ndim == 0:
        return f"{name} = {value:.{DIGITS}g}"
    start = f"{name} = "
    shown = {"float_kind": lambda v: f"{v:.{DIGITS}g}"}
    return start + np.array2string(
        value, formatter=shown, threshold=40, separator=", ", prefix=start
    )


def _latex_number(value: np.ndarray) -> str:
    """A number, or a matrix cut to its first rows and columns."""
    if value.size == 1:
        return _number(value)
    table = value.reshape(1, -1) if value.ndim < 2 else value.reshape(-1, value.shape[-1])
    rows = [
        _cut([_number(v) for v in row[: LATEX_CELLS + 1]], r"\cdots")
        for row in table[: LATEX_CELLS + 1]
    ]
    lines = _cut([" & ".join(row) for row in rows], r"\vdots")
    return r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"


def _cut(cells: list[str], dots: str) -> list[str]:
    return cells if len(cells) <= LATEX_CELLS else [*cells[:LATEX_CELLS], dots]
