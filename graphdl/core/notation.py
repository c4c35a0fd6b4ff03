"""How operations are written: text and LaTeX with just the brackets that are needed.

A `Notation` takes the op's name, its written arguments and its attributes, and returns the text with
its binding strength: a part that binds weaker than its place asks for is put in brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SUM, PRODUCT, UNARY, POWER, ATOM = 1, 2, 3, 4, 5
COMPARE = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of text and how strongly it holds together."""

    text: str
    strength: int = ATOM

    def at_least(self, strength: int) -> str:
        return self.text if self.strength >= strength else f"({self.text})"


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
    return Written(f"{name}({', '.join([a.text for a in args] + attributes(attrs))})")


def infix(symbol: str, strength: int, right: int | None = None) -> Notation:
    """a symbol b; the right side may ask for more strength (subtraction, division)."""
    right = strength if right is None else right

    def write(_: str, args: Sequence[Written], __: Mapping[str, Any]) -> Written:
        a, b = args
        return Written(f"{a.at_least(strength)}{symbol}{b.at_least(right)}", strength)

    return write


def prefix(symbol: str, strength: int = UNARY) -> Notation:
    """symbol a"""
    return lambda _, args, __: Written(f"{symbol}{args[0].at_least(strength)}", strength)


def postfix(symbol: str, strength: int = POWER) -> Notation:
    """a symbol"""
    return lambda _, args, __: Written(f"{args[0].at_least(ATOM)}{symbol}", strength)


def function(name: str) -> Notation:
    """name(a, b): a function whose attributes say nothing to a reader."""
    return lambda _, args, __: Written(f"{name}({', '.join(a.text for a in args)})")


def latex_function(command: str) -> Notation:
    """command(a, b) with brackets that grow."""
    return lambda _, args, __: Written(
        rf"{command}\left({', '.join(a.text for a in args)}\right)", ATOM
    )


def latex_call(name: str, args: Sequence[Written], attrs: Mapping[str, Any]) -> Written:
    """The LaTeX of an operation that has no sign of its own."""
    inner = ", ".join(a.text for a in args)
    return Written(rf"\operatorname{{{latex_text(name)}}}\left({inner}\right)")


def latex_text(text: str) -> str:
    """Any text as safe LaTeX letters: nothing in it acts as a command."""
    special = {c: "\\" + c for c in "#$%&_{}"}
    special |= {"\\": r"\backslash{}", "~": r"\sim{}", "^": r"\wedge{}", "\n": " ", "\r": " "}
    return "".join(special.get(c, c if c.isprintable() else "?") for c in text)
