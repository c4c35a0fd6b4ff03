r"""LaTeX read back: each row becomes a line of the text form, which `reader` then evaluates.

Enough for dense networks. LaTeX does not say whether a sum keeps its axis: here it always does,
and what turns a column into a vector, or back, does nothing to a column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.derivation import vocabulary
from tests.derivation.grammar import Unreadable, parse
from tests.derivation.reader import Page

TOKEN = re.compile(r"\s*(\\begin\{\w+\}|\\end\{\w+\}|\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|.)", re.DOTALL)
GREEK = {
    unicodedata.name(chr(c)).split()[-1].lower(): chr(c)
    for c in [*range(0x3B1, 0x3C2), *range(0x3C3, 0x3CA)]
} | {"lambda": "λ"}
ACCENTS = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304", "dot": "\u0307"}
SIGNS = {
    r"\cdot": "*", r"\odot": "*", r"\,": "@", r"\leq": "<=", r"\geq": ">=", r"\neq": "!=",
    r"\land": "&", r"\lor": "|", r"\oplus": "^", r"\lnot": "~", r"\times": ",",
    r"\infty": "inf", "(": "(", ")": ")",
    "+": "+", "-": "-", "<": "<", ">": ">", ",": ",", "/": "/", "*": "*",
}  # fmt: skip
FUNCTIONS = {r"\log": "log", r"\sin": "sin", r"\cos": "cos", r"\tanh": "tanh", r"\sigma": "sigmoid"}
KEYS = re.compile(r"\b(axis|axes|shape|starts|steps|extent) == ")
SKIPPED = (r"\quad", r"\qquad", r"\ ", r"\;", r"\!", "&", r"\displaystyle", r"\big", r"\Big")
RAISED = dict(zip("0123456789()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾", strict=True))


def column(a: np.ndarray) -> np.ndarray:
    return a if a.ndim == 2 and a.shape[1] == 1 else a[:, None]


class LatexPage(Page):
    """The equations of a LaTeX text with the values of their leaves."""

    def __init__(self, latex: str, leaves: Mapping[str, Any]) -> None:
        super().__init__("\n".join(rows(latex)), leaves)


def rows(latex: str) -> list[str]:
    r"""The rows of an `aligned` block, or the one row there is, as lines of text."""
    body = latex.replace(r"\begin{aligned}", "").replace(r"\end{aligned}", "")
    parts = re.split(r"\\\\\n", body)
    return [_Row(part.partition("&&")[0]).equation() for part in parts if part.strip()]


def text(latex: str) -> str:
    """A formula in the text form."""
    return _Row(latex).whole()


class _Row:
    """One row being translated, token by token."""

    def __init__(self, latex: str) -> None:
        self.latex, self.tokens, self.at = latex, TOKEN.findall(latex.strip()), 0

    @property
    def here(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def fail(self, what: str) -> Unreadable:
        return Unreadable(
            f"{what} at {''.join(self.tokens[self.at :])!r:.60} in {self.latex!r:.300}"
        )

    def equation(self) -> str:
        left = self.until("=")
        self.next()
        return f"{left} = {self.until()}"

    def whole(self) -> str:
        return self.until()

    def until(self, *ends: str) -> str:
        """What stands before the first of `ends` outside of brackets."""
        found: list[str] = []
        while self.here and self.here not in ends:
            is_sum = self.here == r"\sum"
            piece = self.piece()
            if is_sum and found and found[-1] not in SIGNS.values():  # 1/n Σ a
                found.append("*")
            found += [piece] if piece else []
        return " ".join(found)

    def group(self) -> str:
        """{ … }"""
        if self.here != "{":
            return self.piece()
        self.next()
        inner = self.until("}")
        self.next()
        return inner

    def raw(self) -> str:
        """{ … } as it stands."""
        if self.next() != "{":
            raise self.fail("{ expected")
        found, depth = "", 1
        while True:
            token = self.next()
            depth += (token == "{") - (token == "}")
            if not depth:
                return found
            found += token.removeprefix("\\") if token in (r"\_", r"\#", r"\%") else token
            found += " " * (token[:1] == "\\" and token[1:].isalpha())

    def piece(self) -> str:
        token = self.next()
        if token in SKIPPED:
            return ""
        if token == r"\text":
            return self.raw() and ""
        if token in SIGNS:
            return SIGNS[token]
        if token == "=":  # inside of a condition
            return "=="
        if token == r"\sum":
            return self.sum()
        return self.raised(self.atom(token))

    def atom(self, token: str) -> str:
        if token == "{":
            self.at -= 1
            return self.lowered(self.group())
        if token == r"\frac":
            return self.frac()
        if token == r"\left":
            return self.brackets()
        if token == r"\begin{cases}":
            return self.cases()
        if token == r"\underbrace":
            top = self.group()
            if self.here == "_":
                self.next(), self.raw()
            return f"({top})"
        if token == r"\textcolor":
            self.raw()
            return f"({self.group()})"
        if token == r"\sqrt":
            return f"sqrt({self.group()})"
        if token == r"\mathbf":
            return self.repeated({"1": "ones", "0": "zeros"}[self.raw()])
        if token in FUNCTIONS and self.here in (r"\left", "'", r"\cosh"):
            return self.function(FUNCTIONS[token])
        if token in (r"\max", r"\min"):
            return self.function(token[1:])
        if token == r"\operatorname":
            return self.function(self.raw())
        return token if token[0].isdigit() else self.name(token)

    def name(self, token: str) -> str:
        if token == "e" and self.here == "^":
            self.next()
            return f"exp({self.group()})"
        if token[1:] in ACCENTS:
            letter = _Row(self.raw()).whole()
            base = unicodedata.normalize("NFC", letter + ACCENTS[token[1:]])
        elif token == r"\mathrm":
            base = self.raw()
        elif token[1:] in GREEK:
            base = GREEK[token[1:]]
        elif token.isalpha():
            base = token
        else:
            self.at -= 1
            raise self.fail("unknown")
        return self.lowered(base)

    def lowered(self, base: str) -> str:
        """W_{1} is W1; a_{:, new} is a column."""
        while self.here == "_":
            self.next()
            below = self.raw() if self.here == "{" else self.next()
            if "new" in below:
                base = f"column({base})"
            elif ":" in below:
                base = f"({base})[{below.replace(chr(92), '')}]"
            else:
                base += below
        while self.here == "'":
            self.next()
            base += "′"
        if re.fullmatch(r"σ\d+", base) and self.tokens[self.at : self.at + 4] == [
            "^",
            "{",
            "2",
            "}",
        ]:
            self.at += 4  # σ²3 is the name of a variance
            base = f"σ²{base[1:]}"
        return base if base.isidentifier() or "(" in base or "′" in base else _quoted(base)

    def raised(self, base: str) -> str:
        while self.here == "^":
            self.next()
            above = self.raw() if self.here == "{" else self.next()
            if above == r"\top ":
                base += "ᵀ"
            elif above.startswith("("):
                base += "".join(RAISED[c] for c in above)
            else:
                base = f"{base}**({_Row(above).whole()})"
        return base

    def frac(self) -> str:
        """A quotient; of ∂J and ∂W it is one word."""
        above, below = self.raw(), self.raw()
        if above.startswith(r"\partial"):
            parts = (_Row(p.removeprefix(r"\partial")).whole() for p in (above, below))
            return "∂" + "/∂".join(parts)
        return f"(({_Row(above).whole()})/({_Row(below).whole()}))"

    def brackets(self) -> str:
        opening = self.next()
        inner = self.until(r"\right")
        self.next()
        closing = self.next()
        if opening == "|":
            return f"abs({inner})"
        return f"{opening}{inner}{closing}"

    def function(self, name: str) -> str:
        if self.here == r"\cosh":
            self.next()
            name = "log_cosh"
        while self.here == "'":
            self.next()
            name += "′"
        axis = ""
        if self.here == "_":  # f'_{2}: by the second argument; concat_{axis 1}
            self.next()
            below = self.raw()
            if "′" in name:
                name += "₀₁₂₃₄"[int(below)]
            else:
                axis = f", axis={_axis(below)}"
        if self.here != r"\left":
            raise self.fail("the arguments of a function expected")
        self.next()
        inner = KEYS.sub(r"\1=", self.brackets())
        if name in ("max", "min"):
            one = parse(f"f{inner}")[2]
            keeps = ", keepdims=True" if axis else ""
            name, axis = (name, axis + keeps) if len(one) == 1 else (name + "imum", "")
        return f"{name}{inner[:-1]}{axis})"

    def cases(self) -> str:
        value = self.until(r"\text")
        self.next(), self.raw()
        condition = self.until(r"\\")
        self.next()
        other = self.until(r"\text")
        self.next(), self.raw()
        if self.next() != r"\end{cases}":
            raise self.fail("two cases expected")
        return f"where({condition}, {value}, {other})"

    def sum(self) -> str:
        """Σ over what follows, up to the next + or − outside of brackets."""
        axis = ""
        if self.here == "_":
            self.next()
            axis = f", axis={_axis(self.raw())}, keepdims=True"
        while self.here in SKIPPED:
            self.next()
        sign = self.piece() if self.here == "-" else ""
        ends = (
            "+",
            "-",
            ",",
            "<",
            ">",
            r"\leq",
            r"\geq",
            "=",
            "&",
            "}",
            r"\right",
            r"\\",
            r"\text",
        )
        return f"sum({sign}{self.until(*ends)}{axis})"

    def repeated(self, name: str) -> str:
        """A constant in a shape: 1 with n × 3 below."""
        if self.next() != "_":
            raise self.fail("a shape expected")
        return f"{name}(({self.group()},))"


def _axis(below: str) -> int:
    r"""The axis that \sum names: by its number, or n, the examples."""
    number = re.search(r"(\d+)$", below)
    return int(number.group(1)) if number else ["n"].index(below)


def _quoted(name: str) -> str:
    plain = all(vocabulary_letter(c) for c in name)
    return name if plain else f"‹{name}›"


def vocabulary_letter(c: str) -> bool:
    return c.isalnum() or c in "_.′#" or bool(unicodedata.combining(c))


vocabulary.SHAPING["column"] = column
