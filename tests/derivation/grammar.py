"""The grammar of printed formulas, text and index form alike: from characters to a tree.

It imports nothing of graphdl: what is printed must say by itself what is meant. It is stricter than
a reader needs to be. Comparisons do not chain, a matrix product beside an elementwise one stands in
brackets, a minus sign inside a product does too; what breaks that is a fault of the printer.

    formula  = sum [("<" | "==" | "&" | …) sum] ["where" formula ", else" formula]
    sum      = ["-"] matrix {("+" | "-") matrix}
    matrix   = product {"@" product}
    product  = unary {("*" | "·" | "/") unary}
    unary    = "~" unary | atom ["**" unary]
    atom     = (number | name | ∂a/∂b | name(…) | (…) | […]) {"ᵀ" | "[" … "]"}
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

COMPARE = ("==", "!=", "<=", ">=", "<", ">", "&", "|", "^")
SIGNS = ("**", "==", "!=", "<=", ">=", *"<>&|^~@*·/+-()[],:=ᵀ")
NUMBER = re.compile(r"\d+(\.\d*)?(e[+-]?\d+)?")

Tree = tuple[Any, ...]


class Unreadable(ValueError):
    """The text does not follow the grammar."""


@dataclass(frozen=True)
class Token:
    kind: str  # number, name, sign, end
    text: str


def in_name(c: str) -> bool:
    return c != "ᵀ" and (c.isalnum() or c in "_.′'⁽⁾₍₎" or bool(unicodedata.combining(c)))


def tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _token(text, at)
        found.append(token)
        at += len(token.text)
    return [*found, Token("end", "")]


def _token(text: str, at: int) -> Token:
    number = NUMBER.match(text, at)
    if number:
        return Token("number", number.group())
    end = _name_end(text, at)
    if text[at] == "∂":  # ∂J/∂W1, one word
        middle = _name_end(text, at + 1)
        if text[middle : middle + 2] != "/∂":
            raise Unreadable(f"∂ without /∂: {text[at:]!r:.60}")
        return Token("name", text[at : _name_end(text, middle + 2)])
    if end > at:
        return Token("name", text[at:end])
    for sign in SIGNS:
        if text.startswith(sign, at):
            return Token("sign", sign)
    raise Unreadable(f"no token begins with {text[at:]!r:.60}")


def _name_end(text: str, at: int) -> int:
    """Where a name ends: letters and digits, and anything between ‹ and ›; then #2."""
    end = at
    while end < len(text) and (text[end] == "‹" or in_name(text[end])):
        end = text.index("›", end) + 1 if text[end] == "‹" else end + 1
    number = re.compile(r"#\d+").match(text, end)
    return number.end() if number else end


class Parser:
    """Recursive descent; one method for each line of the grammar."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at = text, tokens(text), 0

    def whole(self) -> Tree:
        tree = self.formula()
        if self.here.kind != "end":
            raise self.fail("the formula goes on")
        return tree

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def fail(self, what: str) -> Unreadable:
        rest = " ".join(t.text for t in self.tokens[self.at :])
        return Unreadable(f"{what} before {rest!r:.60} in {self.text!r:.200}")

    def take(self, *signs: str) -> str | None:
        """The sign, if one of these is next."""
        if self.here.kind == "sign" and self.here.text in signs:
            self.at += 1
            return self.tokens[self.at - 1].text
        return None

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise self.fail(f"{sign!r} expected")

    def formula(self) -> Tree:
        left = self.sum()
        sign = self.take(*COMPARE)
        tree = ("infix", sign, left, self.sum()) if sign else left
        if self.here == Token("name", "where"):
            self.at += 1
            condition = self.formula()
            self.need(",")
            if self.here.text != "else":
                raise self.fail("'else' expected")
            self.at += 1
            return ("call", "where", (condition, tree, self.formula()), {})
        return tree

    def sum(self) -> Tree:
        tree = ("minus", self.matrix()) if self.take("-") else self.matrix()
        while sign := self.take("+", "-"):
            tree = ("infix", sign, tree, self.matrix())
        return tree

    def matrix(self) -> Tree:
        start = self.at
        tree = self.product()
        while True:
            if self.here.text == "@" and self.has_product(start):
                raise self.fail("a product without brackets beside @")
            if not self.take("@"):
                return tree
            start = self.at
            tree = ("infix", "@", tree, self.product())
            if self.has_product(start):
                raise self.fail("a product without brackets beside @")

    def has_product(self, start: int) -> bool:
        """Is there an elementwise product, outside of brackets, since `start`?"""
        depth = 0
        for token in self.tokens[start : self.at]:
            depth += (token.text in "([") - (token.text in ")]") if token.kind == "sign" else 0
            if depth == 0 and token.kind == "sign" and token.text in ("*", "·", "/"):
                return True
        return False

    def product(self) -> Tree:
        tree = self.unary()
        while sign := self.take("*", "·", "/"):
            tree = ("infix", "*" if sign == "·" else sign, tree, self.unary())
        return tree

    def unary(self) -> Tree:
        if self.take("~"):
            return ("not", self.unary())
        base = self.atom()
        return ("infix", "**", base, self.unary()) if self.take("**") else base

    def atom(self) -> Tree:
        tree = self.primary()
        while sign := self.take("ᵀ", "["):
            swaps = sign == "ᵀ"
            tree = ("transpose", tree) if swaps else ("pick", tree, self.items("]", self.index))
        return tree

    def primary(self) -> Tree:
        token = self.here
        self.at += 1
        if token.kind == "number":
            return ("number", float(token.text))
        if token.kind == "name":
            return self.call(token.text) if self.take("(") else ("name", token.text)
        if token.text == "(":
            return self.brackets()
        if token.text == "[":
            return ("list", self.items("]", self.formula))
        self.at -= 1
        raise self.fail("a value expected")

    def brackets(self) -> Tree:
        """(formula), or a tuple: (n, 3), (4,), ()."""
        if self.take(")"):
            return ("tuple", ())
        first = self.formula()
        if self.take(")"):
            return first
        self.need(",")
        return ("tuple", (first, *self.items(")", self.formula)))

    def items(self, end: str, one: Any) -> tuple[Tree, ...]:
        """Items up to the closing sign; a comma may stand before it."""
        found = []
        while not self.take(end):
            found.append(one())
            if not self.take(","):
                self.need(end)
                break
        return tuple(found)

    def index(self) -> Tree:
        """One item of an index: a number, or start:stop:step, each of which may be missing."""
        parts: list[Tree | None] = []
        while True:
            bare = self.here.kind == "sign" and self.here.text in (":", ",", "]")
            parts.append(None if bare else self.formula())
            if not self.take(":"):
                break
        return parts[0] if len(parts) == 1 and parts[0] else ("range", *parts)

    def call(self, name: str) -> Tree:
        found = self.items(")", self.argument)
        plain = tuple(a for key, a in found if key is None)
        return ("call", name, plain, {key: a for key, a in found if key is not None})

    def argument(self) -> tuple[str | None, Tree]:
        if self.here.kind == "name" and self.tokens[self.at + 1].text == "=":
            key = self.here.text
            self.at += 2
            return key, self.formula()
        return None, self.formula()


def parse(text: str) -> Tree:
    """The tree of one formula."""
    return Parser(text).whole()
