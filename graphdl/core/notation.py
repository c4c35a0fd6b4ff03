"""How operations are written: text and LaTeX with just the brackets that are needed.

A `Notation` takes the op's name, its written arguments and its attributes, and returns the text
with its binding strength: a part that binds weaker than its place asks for is put in brackets.
Products element by element and products of matrices do not mix without brackets.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphdl.core.sizes import Dim

COMPARE, SUM, MATRIX, PRODUCT, UNARY, POWER, ATOM = range(7)


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of text and how strongly it holds together; an argument also knows its shape."""

    text: str
    strength: int = ATOM
    shape: tuple[Dim, ...] | None = None
    brackets: tuple[str, str] = ("(", ")")

    def at_least(self, strength: int) -> str:
        return self.text if self.strength >= strength else self.bracketed

    @property
    def bracketed(self) -> str:
        return self.text.join(self.brackets)

    @property
    def is_negative(self) -> bool:
        """Does the text start with a minus sign? Two signs never stand side by side."""
        return self.text.startswith("-")


Notation = Callable[[str, Sequence[Written], Mapping[str, Any]], Written]


def attributes(attrs: Mapping[str, Any]) -> list[str]:
    """Attributes as `key=value` words; what is None or False is left out."""
    return [f"{k}={_value(v)}" for k, v in attrs.items() if v is not None and v is not False]


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        inner = ", ".join(map(_value, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return str(value)


def call(name: str, args: Sequence[Written], attrs: Mapping[str, Any]) -> Written:
    """name(a, b, key=value)"""
    return Written(f"{plain(name)}({', '.join([a.text for a in args] + attributes(attrs))})")


def plain(name: str) -> str:
    """A user's name on one line: as it is where it reads as one word, else between ‹ and ›.

    What would read as something else is between ‹ and › too: 2, inf, Wᵀ.
    """
    word = all(c.isalnum() or c in "_.′'⁽⁾₍₎" or unicodedata.combining(c) for c in name)
    if (
        word
        and (name[:1].isalpha() or name[:1] == "_")
        and name not in ("inf", "nan")
        and "ᵀ" not in name
    ):
        return name
    return "‹" + "".join(c if c.isprintable() and c not in "‹›" else "?" for c in name) + "›"


def infix(
    symbol: str, strength: int, right: int | None = None, left: int | None = None
) -> Notation:
    """a symbol b; a side may ask for more strength (subtraction, division, powers)."""
    right = strength if right is None else right
    left = strength if left is None else left

    def write(_: str, args: Sequence[Written], __: Mapping[str, Any]) -> Written:
        a, b = args
        second = b.bracketed if b.is_negative else b.at_least(right)
        return Written(f"{a.at_least(left)}{symbol}{second}", strength)

    return write


def plus(_: str, args: Sequence[Written], __: Mapping[str, Any]) -> Written:
    """a + b, and a - b for a + -b"""
    a, b = args
    if b.is_negative and b.strength >= SUM:
        return Written(f"{a.at_least(SUM)} - {b.text[1:]}", SUM)
    return Written(f"{a.at_least(SUM)} + {b.at_least(SUM)}", SUM)


def matrix_product(symbol: str) -> Notation:
    """a symbol b, where a factor that is an elementwise product stands in brackets."""

    def write(_: str, args: Sequence[Written], __: Mapping[str, Any]) -> Written:
        a, b = args
        first = a.text if a.strength == MATRIX else a.at_least(UNARY)
        return Written(f"{first}{symbol}{b.at_least(UNARY)}", MATRIX)

    return write


def minus(_: str, args: Sequence[Written], __: Mapping[str, Any]) -> Written:
    """-a"""
    a = args[0]
    return Written(f"-{a.bracketed if a.is_negative else a.at_least(PRODUCT)}", PRODUCT)


def prefix(symbol: str) -> Notation:
    """symbol a"""
    return lambda _, args, __: Written(f"{symbol}{args[0].at_least(UNARY)}", UNARY)


def function(name: str) -> Notation:
    """name(a, b): a function whose attributes say nothing to a reader."""
    return lambda _, args, __: Written(f"{name}({', '.join(a.text for a in args)})")


def latex_function(command: str) -> Notation:
    """command(a, b) with brackets that grow."""
    return lambda _, args, __: Written(rf"{command}\left({', '.join(a.text for a in args)}\right)")


def latex_call(name: str, args: Sequence[Written], attrs: Mapping[str, Any]) -> Written:
    """The LaTeX of an operation that has no sign of its own, its attributes after its arguments."""
    words = (word.partition("=") for word in attributes(attrs))
    named = [rf"\mathrm{{{latex_text(k)}}} = {latex_text(v)}" for k, _, v in words]
    inner = ", ".join([*(a.text for a in args), *named])
    return Written(rf"\operatorname{{{latex_text(name)}}}\left({inner}\right)")


def latex_product(_: str, args: Sequence[Written], __: Mapping[str, Any]) -> Written:
    """a · b with a scalar, a ⊙ b element by element"""
    sign = r" \cdot " if any(a.shape == () for a in args) else r" \odot "
    return infix(sign, PRODUCT)(_, args, __)


_SPECIAL = {c: "\\" + c for c in "#$%&_{}"} | {
    "\\": r"\backslash{}",
    "~": r"\sim{}",
    "^": r"\wedge{}",
    "`": r"\backprime{}",
    "'": r"{\prime}",
    " ": r"\ ",
}


def latex_text(text: str) -> str:
    """Any text as safe letters of LaTeX's mathematics: nothing in it acts as a command."""
    return "".join(_SPECIAL.get(c, c if c.isprintable() else "?") for c in text)
