"""From tokens to a tree of parts, by the strength of each sign (a Pratt parser).

Binding, weakest first: or · and · comparison · + − · * / @ (alike, from the left) · signs in front ·
powers (from the right) · ᵀ. Two factors side by side are not a product here: `2x` is a slip of
typing as often as it is a product, and W(1) is no product at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from graphdl.derivation.formula.calls import Calls
from graphdl.derivation.formula.cursor import CLOSING
from graphdl.derivation.formula.functions import table
from graphdl.derivation.formula.names import Names, plain_spelling
from graphdl.derivation.formula.parts import Call, Part
from graphdl.derivation.formula.tokens import Token, wrong

DEPTH = 50  # brackets, signs and powers inside each other

_STRENGTH = {
    "|": 5, "&": 6, "<": 10, "<=": 10, ">": 10, ">=": 10, "==": 10, "!=": 10, "+": 20, "-": 20,
    "*": 30, "/": 30, "@": 30, "thin": 30, "^": 50, "²": 60, "³": 60, "ᵀ": 60, "column": 60,
}  # fmt: skip
_PREFIX = 40
_KINDS = {
    "|": "or", "&": "and", "+": "add", "-": "sub", "*": "mul", "/": "div", "@": "matmul",
    "thin": "matmul", "^": "pow",
}  # fmt: skip
_OPENING = ("(", "[", "{", "frac", "√", "∂")
_CONSTANTS = {"e": 2.718281828459045, "pi": 3.141592653589793}
_UPDATE = ("eta", "lr", "rate")


class Parser(Calls):
    """Reads one statement."""

    def __init__(
        self,
        source: str,
        statement: list[Token],
        names: Names,
        defined: Mapping[str, Part],
        asked: tuple[str, str] | None,
    ) -> None:
        super().__init__(source, statement)
        self.names, self.defined, self.asked = names, defined, asked
        self.depth = 0

    def whole(self) -> Part:
        part = self.expression(0)
        if self.token.kind != "end":
            self.fail(self.token, "this bracket or sign has no beginning")
        return part

    def expression(self, least: int) -> Part:
        """The longest part whose signs bind more strongly than `least`."""
        self.depth += 1
        if self.depth > DEPTH:
            self.fail(self.token, f"too many brackets inside each other: at most {DEPTH} are read")
        part = self.prefix()
        while (strength := self.strength()) > least:
            part = self.infix(part, self.next(), strength)
        self.depth -= 1
        return part

    def strength(self) -> int:
        """How strongly the sign here binds; 0 where the part ends."""
        token = self.token
        if token.kind == "sign" and token.text == "thin" and not self.starts(1):
            self.position += 1
            return self.strength()
        if token.kind == "sign" and (token.text != "|" or not self.bars):
            if token.text in _OPENING:
                self.beside()
            return _STRENGTH.get(token.text, 0)
        if token.kind in ("number", "name"):
            self.beside()
        return 0

    def starts(self, ahead: int) -> bool:
        """Does an operand start there?"""
        token = self.tokens[min(self.position + ahead, len(self.tokens) - 1)]
        return token.kind in ("number", "name") or token.text in (*_OPENING, "-", "+")

    def beside(self) -> NoReturn:
        """Two operands without a sign in between."""
        before, here = self.tokens[self.position - 1], self.token
        a = before.text if before.kind in ("number", "name") else "…"
        b = here.text if here.kind in ("number", "name") else "(…)"
        if before.kind == "name" and here.text == "(":
            self.fail(before, f"{a} is no function; for a product write {a}*(…)")
        if here.text == "[":
            self.fail(here, "elements such as x[i, 0] are not read; write whole matrices, x.T @ δ")
        hint = "" if before.kind == "number" else f", or {a} @ {b} for a product of matrices"
        self.fail(here, f"a sign is missing here: write {a}*{b}{hint}")

    def infix(self, left: Part, sign: Token, strength: int) -> Part:
        if sign.text in ("ᵀ", "column"):
            kind = "transpose" if sign.text == "ᵀ" else "column"
            return Part(kind, (left,), None, left.start, sign.end)
        if sign.text in "²³":
            return self.power(left, "²³".index(sign.text) + 2.0, sign)
        if sign.text == "^" and (end := self.transposition()) is not None:
            return Part("transpose", (left,), None, left.start, end)
        right = self.expression(strength - 1 if sign.text == "^" else strength)
        if left.kind == right.kind == "differential":
            return self.quotient(left, right, sign)
        kind = _KINDS.get(sign.text, "compare")
        value = sign.text if kind == "compare" else None
        return Part(kind, (left, right), value, left.start, right.end)

    def power(self, left: Part, exponent: float, sign: Token) -> Part:
        number = Part("number", (), exponent, sign.start, sign.end)
        return Part("pow", (left, number), None, left.start, sign.end)

    def transposition(self) -> int | None:
        """The end of T, ᵀ, {T} or {\\top} after ^, where T is no name of this network."""
        braces = self.token.text == "{"
        token, last = (self.tokens + self.tokens[-1:] * 3)[self.position + braces :][:2]
        letter = token.kind == "name" and token.text == "T" and self.names.find("T") is None
        if not (token.text == "ᵀ" or letter) or (braces and last.text != "}"):
            return None
        self.position += 3 if braces else 1
        return last.end if braces else token.end

    def prefix(self) -> Part:
        token = self.next()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.named(token)
        if token.text in CLOSING:
            return self.bracket(token)
        if token.text in _PREFIXES:
            return _PREFIXES[token.text](self, token)
        if token.kind == "end":
            token = self.tokens[max(0, self.position - 2)] if self.position > 1 else token
            self.fail(token, "the formula ends too early: something is missing behind this")
        self.fail(token, f"a name, a number or a bracket is missing before {token.text!r}")

    def number(self, token: Token) -> Part:
        value = float(token.text)
        if value == float("inf"):
            self.fail(token, "this number is too large")
        return Part("number", (), value, token.start, token.end)

    def negative(self, sign: Token) -> Part:
        part = self.expression(_PREFIX)
        return Part("neg", (part,), None, sign.start, part.end)

    def positive(self, sign: Token) -> Part:
        return self.expression(_PREFIX)

    def negated(self, sign: Token) -> Part:
        part = self.expression(_PREFIX)
        return Part("not", (part,), None, sign.start, part.end)

    def root(self, sign: Token) -> Part:
        part = self.expression(_PREFIX)
        return Part("call", (part,), Call("sqrt"), sign.start, part.end)

    def thin(self, sign: Token) -> Part:
        return self.prefix()

    def absolute(self, bar: Token) -> Part:
        self.bars += 1
        part = self.expression(0)
        self.bars -= 1
        return Part("abs", (part,), None, bar.start, self.expect("|", bar).end)

    def bracket(self, opened: Token) -> Part:
        """(a), and [a > 0], which is 1 where it holds and 0 elsewhere."""
        bars, self.bars = self.bars, 0
        part = self.expression(0)
        self.bars = bars
        closed = self.expect(CLOSING[opened.text], opened)
        return replace(part, start=opened.start, end=closed.end)

    def fraction(self, sign: Token) -> Part:
        """\\frac{a}{b}"""
        parts = []
        for _ in range(2):
            if not self.take("{"):
                self.fail(sign, "a fraction is written \\frac{…}{…}")
            parts.append(self.bracket(self.tokens[self.position - 1]))
        above, below = parts
        if above.kind == below.kind == "differential":
            return self.quotient(above, below, sign)
        return Part("div", (above, below), None, sign.start, below.end)

    def differential(self, sign: Token) -> Part:
        """∂J, and ∂J/∂z2 at once: it binds more strongly than any other sign."""
        token = self.next()
        name = self.names.find(token.text) if token.kind == "name" else None
        if name is None:
            self.unknown(token)
        above = Part("differential", (), name, sign.start, token.end)
        following = self.tokens[self.position :][:2]
        if [t.text for t in following] != ["/", "∂"]:
            return above
        self.position += 2
        return self.quotient(above, self.differential(following[1]), sign)

    def quotient(self, above: Part, below: Part, sign: Token) -> Part:
        pair = (above.value, below.value)
        part = Part("quotient", (), pair, above.start, below.end)
        if pair == self.asked:
            name = f"∂{pair[0]}/∂{pair[1]}"
            raise wrong(self.source, part.start, part.end, f"{name} is what is asked for")
        return part

    def named(self, token: Token) -> Part:
        """A name, a function with its arguments, or dJ/dz2."""
        is_call = self.token.text == "(" and token.text not in self.defined
        if is_call and (call := self.function(token)) is not None:
            return self.called(token, call)
        if token.text in self.defined:
            return Part("name", (), token.text, token.start, token.end)
        name = self.names.find(token.text)
        if name is None:
            return self.other(token)
        if name.startswith("∂"):  # an alias such as δ2
            above, below = (n.removeprefix("∂") for n in name.split("/∂"))
            part = Part("differential", (), above, token.start, token.end)
            return self.quotient(part, replace(part, value=below), token)
        return Part("name", (), name, token.start, token.end)

    def other(self, token: Token) -> Part:
        """dJ/dz2, a constant, or a name that there is not."""
        if token.text.startswith("d") and (name := self.names.find(token.text[1:])):
            part = Part("differential", (), name, token.start, token.end)
            following = self.tokens[self.position :][:2]
            if len(following) == 2 and following[0].text == "/":
                below = self.names.find(following[1].text[1:])
                if following[1].text.startswith("d") and below is not None:
                    self.position += 2
                    other = Part("differential", (), below, following[1].start, following[1].end)
                    return self.quotient(part, other, token)
        constant = _CONSTANTS.get(plain_spelling(token.text))
        if constant is None:
            self.unknown(token)
        return Part("number", (), constant, token.start, token.end)

    def unknown(self, token: Token) -> NoReturn:
        text = token.text
        if plain_spelling(text) in _UPDATE:
            self.fail(
                token,
                f"{text} belongs to the update, w ← w − η·∂J/∂w; asked is the gradient alone",
            )
        if plain_spelling(text.rstrip("'")) in table():
            self.fail(token, f"{text} is a function: write {text}(…)")
        near = self.names.near(text)
        hint = f"; {near} is meant?" if near else ""
        there = ", ".join([*self.names.printed, *self.defined])
        self.fail(token, f"there is no {text!r:.40} here{hint}; there are {there}")


_PREFIXES = {
    "-": Parser.negative, "+": Parser.positive, "~": Parser.negated, "√": Parser.root,
    "thin": Parser.thin, "|": Parser.absolute, "frac": Parser.fraction,
    "∂": Parser.differential,
}  # fmt: skip
