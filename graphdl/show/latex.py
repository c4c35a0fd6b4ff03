"""Graphs as LaTeX, in the dialect that KaTeX and MathJax share: no macros, no packages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from graphdl.core.graph import Node
from graphdl.core.notation import (
    POWER,
    PRODUCT,
    Notation,
    Written,
    call,
    latex_call,
    latex_text,
)
from graphdl.core.op import Op
from graphdl.show.names import Label, labels
from graphdl.show.writing import Dialect, Shape, Sheet, write

_ACCENTS = {
    "\u0302": "hat",
    "\u0303": "tilde",
    "\u0304": "bar",
    "\u0305": "bar",
    "\u0307": "dot",
    "\u0308": "ddot",
    "\u20d7": "vec",
}
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu",
    "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi",
    "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta",
    "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi",
    "Ω": "Omega",
}  # fmt: skip
_WORDS = frozenset(_GREEK.values())
_PARTS = re.compile(
    r"(?P<base>(?:[^\W\d_][\u0300-\u036f\u20d7]*)+)"  # letters with their accents
    r"(?:_?(?P<below>\d+)|_(?P<word>\w))?"  # W1, W_1, w_i
    r"(?P<primes>['′]*)"
)


def latex_name(name: str) -> Written:
    r"""A user's name: W1 is W_{1}, ŷ is \hat{y}, alpha is \alpha; any other text is safe."""
    plain, above = _superscript(name)
    if not above:  # σ²3: the raised sign stands before the number
        stem, number = _number_behind(plain)
        raised, above = _superscript(stem)
        plain = raised + number if above else plain
    match = _PARTS.fullmatch(_digits(unicodedata.normalize("NFC", plain)))
    if match is None:
        return Written(rf"\mathrm{{{latex_text(name)}}}")
    below = match["below"] or match["word"]
    text = _letters(match["base"]) + (f"_{{{latex_text(below)}}}" if below else "")
    text += "'" * len(match["primes"])
    return Written(f"{text}^{{{above}}}", POWER) if above else Written(text)


def _number_behind(name: str) -> tuple[str, str]:
    stem = name.rstrip("0123456789")
    return stem, name[len(stem) :]


def _superscript(name: str) -> tuple[str, str]:
    """The name without its raised end, and that end in plain characters: W⁽¹⁾ is (W, (1))."""
    if name.endswith("⁾") and "⁽" in name:  # W⁽1⁾ with a plain digit is meant so as well
        stem, _, inner = name[:-1].rpartition("⁽")
        return stem, f"({unicodedata.normalize('NFKC', inner)})"
    start = len(name)
    while start > 0 and unicodedata.decomposition(name[start - 1]).startswith("<super>"):
        start -= 1
    return name[:start], unicodedata.normalize("NFKC", name[start:])


def _digits(name: str) -> str:
    """Lowered digits as plain ones."""
    lowered = (unicodedata.decomposition(c).startswith("<sub>") for c in name)
    return "".join(
        unicodedata.normalize("NFKC", c) if low else c for c, low in zip(name, lowered, strict=True)
    )


def _letters(base: str) -> str:
    if base in _WORDS:
        return "\\" + base
    letter, *marks = unicodedata.normalize("NFD", base)
    if len(marks) == 1 and marks[0] in _ACCENTS:
        return rf"\{_ACCENTS[marks[0]]}{{{_letters(letter)}}}"
    if base in _GREEK:
        return "\\" + _GREEK[base]
    return base if len(base) == 1 else rf"\mathrm{{{latex_text(base)}}}"


_SYMBOLS = {
    "∘": r"\circ ", "−": "-", "·": r"\cdot ", "×": r"\times ", "⊙": r"\odot ", "√": r"\surd ",
    "∧": r"\land ", "∨": r"\lor ", "¬": r"\lnot ", "∞": r"\infty ", "≤": r"\leq ", "≥": r"\geq ",
    "→": r"\to ", "∂": r"\partial ", "′": "'", "…": r"\dots ", "ᵀ": r"^{\top}",
}  # fmt: skip


def latex_words(text: str) -> str:
    r"""A sentence: \text{bce}\circ \text{sigmoid: }\delta. Its signs are those of mathematics."""
    pieces = re.findall(r"[ -~]+|[^ -~]", unicodedata.normalize("NFC", text))
    return "".join(map(_piece, pieces))


def _piece(text: str) -> str:
    if text.isascii() and text.isprintable():
        return rf"\text{{{latex_text(text)}}}".replace(r"\ ", " ")
    kind, _, plain = unicodedata.decomposition(text).rpartition(" ")
    if kind in ("<super>", "<sub>"):
        return rf"{'^' if kind == '<super>' else '_'}{{{_piece(chr(int(plain, 16)))}}}"
    return _SYMBOLS.get(text) or latex_name(text).text


def _name(label: Label) -> Written:
    name = latex_name(label.name)
    if label.number == 1:
        return name
    return Written(rf"{{{name.text}}}_{{\#{label.number}}}")


def _repeat(value: Written, shape: Shape) -> Written:
    sizes = r" \times ".join(latex_text(str(d)) for d in shape)
    if value.text in ("0", "1"):
        return Written(rf"\mathbf{{{value.text}}}_{{{sizes}}}")
    sign = r"\cdot" if value.shape == () else r"\odot"
    return Written(rf"\mathbf{{1}}_{{{sizes}}} {sign} {value.at_least(PRODUCT)}", PRODUCT)


def _notation(op: Op) -> Notation:
    return latex_call if op.latex is call else op.latex


LATEX = Dialect(
    notation=_notation,
    name=_name,
    repeat=_repeat,
    dots=r"\dots",
    brackets=(r"\left(", r"\right)"),
)


def latex(node: Node, names: Mapping[Node, str] | None = None) -> str:
    """The mathematics of a node as LaTeX, without dollar signs; parts used often follow "where"."""
    return rows(write(node, LATEX, labels([node], names)))


def rows(sheet: Sheet) -> str:
    """A sheet as LaTeX: one line, or aligned lines."""
    first = f"{sheet.title} = {sheet.body.text}" if sheet.title else sheet.body.text
    if not sheet.parts and not sheet.left_out:
        return first
    text, begin = [f"&{first}"], r"\text{where } "
    for name, part in sheet.parts:
        text.append(f"&{begin}{name} = {part}")
        begin = r"\quad "
    if sheet.left_out:
        text.append(rf"&\text{{and {sheet.left_out} operations more}}")
    return aligned(text)


def aligned(text: list[str]) -> str:
    """Lines under each other, each with an `&` at the place that is aligned."""
    return "\\begin{aligned}\n" + " \\\\\n".join(text) + "\n\\end{aligned}"
