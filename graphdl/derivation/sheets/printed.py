"""A worksheet, or its key, as text, LaTeX and HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.derivation.sheets.questions import Formula, Question

DIGITS = 4


@dataclass(frozen=True, eq=False)
class Given:
    """What an exercise starts from: a title, numbers by name, formulas that explain a loss."""

    title: Formula
    numbers: tuple[tuple[Formula, np.ndarray], ...]
    explained: tuple[Formula, ...]
    explained_in_key: tuple[Formula, ...] = ()


@dataclass(frozen=True, eq=False)
class Printed:
    """The sheet (`with_key` false) or its key."""

    given: Given
    questions: Sequence[Question]
    with_key: bool

    @property
    def explained(self) -> tuple[Formula, ...]:
        return self.given.explained + (self.given.explained_in_key if self.with_key else ())

    def __str__(self) -> str:
        """Plain text."""
        lines = [self.given.title.text, "", "Given"]
        lines += [
            f"    {name.text} = {_text(v, len(name.text) + 7)}" for name, v in self.given.numbers
        ]
        lines += [f"    where {f.text}" for f in self.explained]
        for section, questions in sections(self.questions):
            lines += ["", section]
            for q in questions:
                lines.append(f"    ({q.label}) {q.task.text} {_equation(q, 'text')}.")
                lines += [f"        {line}" for line in self._answer(q)]
        return "\n".join(lines) + "\n"

    def _answer(self, q: Question) -> list[str]:
        if not self.with_key:
            return []
        formula = f"{q.formula.text} = " if q.formula else ""
        return [f"{q.name.text} = {formula}{_text(q.value, len(q.name.text + formula) + 11)}"]

    def latex(self, document: bool = False) -> str:
        r"""The body of a document, mathematics between \( \) and \[ \]; or a whole article."""
        numbers = [rf"\[ {n.latex} = {_latex(v)} \]" for n, v in self.given.numbers]
        explained = [rf"Here \( {f.latex} \)." for f in self.explained]
        parts = [self.given.title.latex, "", *numbers, *explained]
        for section, questions in sections(self.questions):
            parts += ["", rf"\textbf{{{section}}}", ""]
            for q in questions:
                parts += [rf"({q.label}) {q.task.latex} \( {_equation(q, 'latex')} \).", ""]
                if self.with_key:
                    formula = f"{q.formula.latex} = " if q.formula else ""
                    parts += [rf"\[ {q.name.latex} = {formula}{_latex(q.value)} \]"]
        body = "\n".join(parts) + "\n"
        return _DOCUMENT.replace("BODY", body) if document else body

    def html(self) -> str:
        """A self-contained page that prints well."""
        return page(self.given.title.text, self.html_body())

    def html_body(self) -> str:
        """The page without its frame."""
        rows = "".join(
            f"<p class=m>{_safe(n.text)} = {_safe(_text(v, len(n.text) + 3))}</p>"
            for n, v in self.given.numbers
        )
        rows += "".join(f"<p class=m>where {_safe(f.text)}</p>" for f in self.explained)
        body = f"<section><h2>Given</h2>{rows}</section>"
        for section, questions in sections(self.questions):
            items = "".join(self._item(q) for q in questions)
            body += f"<section><h2>{_safe(section)}</h2><ol>{items}</ol></section>"
        return body

    def _item(self, q: Question) -> str:
        equation = f"<span class=m>{_safe(_equation(q, 'text'))}</span>"
        task = f"({_safe(q.label)}) {_safe(q.task.text)} {equation}."
        end = "".join(f"<p class='m answer'>{_safe(line)}</p>" for line in self._answer(q))
        return f"<li>{task}{end or '<div class=space></div>'}</li>"


def sections(questions: Iterable[Question]) -> list[tuple[str, list[Question]]]:
    """The questions by section, in their order."""
    found: dict[str, list[Question]] = {}
    for q in questions:
        found.setdefault(q.section, []).append(q)
    return list(found.items())


def page(title: str, body: str) -> str:
    """A whole page around a body."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{_safe(title)}</title>"
        f"<style>{_STYLE}</style><main><h1>{_safe(title)}</h1>{body}</main></html>\n"
    )


def _equation(q: Question, dialect: str) -> str:
    name = getattr(q.name, dialect)
    return name if q.given is None else f"{name} = {getattr(q.given, dialect)}"


def number(value: Any) -> str:
    """Four digits, and no trailing zeros."""
    return f"{float(value) + 0.0:.{DIGITS}g}"


def _text(value: np.ndarray, indent: int = 0) -> str:
    """A number, or a matrix with its rows under each other."""
    if value.ndim == 0:
        return number(float(value))
    return np.array2string(
        value,
        formatter={"all": number},
        separator=", ",
        prefix=" " * indent,
        threshold=99,
    )


def _latex(value: np.ndarray) -> str:
    if value.ndim == 0:
        return number(float(value))
    rows = value.reshape(1, -1) if value.ndim == 1 else value.reshape(-1, value.shape[-1])
    lines = (" & ".join(number(float(v)) for v in row) for row in rows)
    return r"\begin{pmatrix} " + r" \\ ".join(lines) + r" \end{pmatrix}"


def _safe(text: str) -> str:
    return html.escape(text)


_DOCUMENT = r"""\documentclass{article}
\usepackage{amsmath}
\usepackage[a4paper,margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\begin{document}
BODY\end{document}
"""
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#111;background:#fff}"
    "main{max-width:46rem;margin:auto;padding:1rem}"
    ".m{font-family:ui-monospace,monospace;white-space:pre-wrap}"
    "ol{list-style:none;padding:0}.space{height:3rem;border-bottom:1px dotted #999}"
    ".answer{margin:.2rem 0 1rem 1rem}"
    "@media print{details{break-before:page}section{break-inside:avoid}}"
)
