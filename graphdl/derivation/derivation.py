"""`Derivation`: backpropagation that can be read, checked and taught. Made by `gd.derive`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from graphdl.core.graph import Node
from graphdl.derivation.certificate import check
from graphdl.derivation.cost import Cost, cost
from graphdl.derivation.evaluation import Evaluation, evaluate
from graphdl.derivation.forms.chain import chain_form
from graphdl.derivation.forms.code import code_form
from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.forms.index import index_form
from graphdl.derivation.forms.layout import latex_of, text_of
from graphdl.derivation.forms.matrix import gradient, matrix_form
from graphdl.derivation.forms.pen import DIALECTS, Pen, reading_of
from graphdl.derivation.html import html
from graphdl.derivation.module import Module, module_of
from graphdl.derivation.places import Place, place_of
from graphdl.derivation.record import Record, record
from graphdl.derivation.story import Step, story
from graphdl.derivation.tojson import to_json
from graphdl.derivation.verdict import Certificate
from graphdl.show.mathml import mathml
from graphdl.show.notebook import formula_bundle
from graphdl.show.pictured import Pictured


def _summary(pen: Pen) -> list[Equation]:
    """The chain with its factors, then the gradient as it is computed."""
    chain = [e for e in chain_form(pen) if e.kind != "slope"]
    return [*chain, *gradient(pen), *pen.slopes.values()]


FORMS: dict[str | None, Callable[[Pen], list[Equation]]] = {
    None: _summary,
    "chain": chain_form,
    "index": index_form,
    "matrix": matrix_form,
    "code": code_form,
}


class Derivation(Record, Pictured):
    """How ∂result/∂wrt comes about. Prints as the chain rule is written by hand.

    result, wrt, gradient: nodes. factors: the local derivatives ∂v/∂u between names, from the result
    back. cotangents: ∂result/∂v of each name v. steps: the story, in order. One record in four forms:
    "chain", "index", "matrix", "code"; without one, the chain and the gradient as it is computed.
    """

    @functools.cached_property
    def steps(self) -> tuple[Step, ...]:
        """The question, the chain rule, each local derivative, each sum over paths, the result."""
        return story(self, reading_of(self))

    def evaluate(self, values: Mapping[Node | str, Any], *, seed: int = 0) -> Evaluation:
        """The number or matrix of each factor and cotangent; `values` gives arrays for the inputs.

        An input is given by its node or its name. Variables have their present values unless `values`
        gives others; random draws are those of `seed`. Raises GraphError for a name that none or
        several of the inputs have.
        """
        return evaluate(self, values, seed)

    def check(self, values: Mapping[Node | str, Any] | None = None, **options: Any) -> Certificate:
        """A certificate: each factor, sum and the gradient beside derivatives found without rules.

        `values` gives arrays for inputs or variables; the others are drawn. Further options are those
        of `graphdl.derivation.certificate.check`: seed, methods.
        """
        return check(self, values, **options)

    def cost(self) -> Cost:
        """What the reverse sweep costs, as formulas in the sizes, beside other ways to the gradient."""
        return cost(self)

    def equations(self, form: str | None = None, dialect: str = "text") -> list[Equation]:
        """The equations of a form, in "text" or "latex"."""
        if form not in FORMS:
            known = ", ".join(repr(k) for k in FORMS if k)
            raise ValueError(f"a derivation has the forms {known}, got {form!r}")
        return FORMS[form](Pen(self, DIALECTS[dialect]))

    def text(self, form: str | None = None) -> str:
        """A form as text."""
        return text_of(self.equations(form))

    __str__ = __repr__ = lambda self: self.text()

    def latex(self, form: str | None = None) -> str:
        """A form as aligned LaTeX, without dollar signs, in what KaTeX and MathJax share."""
        return latex_of(self.equations(form, "latex"))

    def mathml(self, form: str | None = None) -> str:
        """A form as MathML, one `<math>` element a line: it is shown where no script runs."""
        return "\n".join(mathml(e.latex) for e in self.equations(form, "latex"))

    def html(self) -> str:
        """The story and all forms as a fragment of HTML that loads nothing."""
        return html(self)

    def json(self) -> str:
        """The story, all forms, and for each step its nodes and its lines of source, as JSON."""
        return to_json(self)

    @property
    def module(self) -> Module:
        """The generated module in which the gradient is computed, and where it computes what."""
        return module_of(self)

    @property
    def source(self) -> str:
        """The text of that module; the code form names its lines."""
        return self.module.source

    def names_of(self, step: Step) -> tuple[str, str]:
        """The names of what is differentiated in a step, and with respect to what."""
        pen = Pen(self, DIALECTS["text"])
        return pen.name(step.of), pen.name(step.by)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, str]:
        return formula_bundle(self.text(), self.latex(), include, exclude)

    def where(self, step: Step) -> Place:
        """The lines of the module that compute what a step states, or the rules that merged it."""
        return place_of(self, step)


def derive(
    result: Node,
    wrt: Node,
    names: Mapping[Node, str] | None = None,
    unit: Sequence[int] | int | None = None,
) -> Derivation:
    """The derivation of ∂result/∂wrt for a scalar `result`. Raises what `gd.grad` raises.

    It stops at nodes with a name; `names` says how nodes are called in print instead. `unit` is the
    index of one element of `wrt`, whose derivative alone is then meant.
    """
    return record(Derivation, result, wrt, names, unit)
