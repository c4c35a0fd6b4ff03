"""Functions with their arguments: name(a, b, axis=0, keepdims=True)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphdl.derivation.formula.cursor import Cursor
from graphdl.derivation.formula.functions import derivative, table
from graphdl.derivation.formula.names import plain_spelling
from graphdl.derivation.formula.parts import Call, Part
from graphdl.derivation.formula.tokens import Token


class Calls(Cursor):
    """Reads calls; what stands in their brackets is read by `expression`."""

    bars = 0  # of |a| that are open here

    def expression(self, least: int) -> Part:
        raise NotImplementedError

    def function(self, token: Token) -> Call | None:
        plain = plain_spelling(token.text)
        name = plain.rstrip("'")
        primes = len(plain) - len(name)
        if name not in table():
            return None
        if primes and (primes > 1 or derivative(name) is None):
            self.fail(token, f"{token.text} is not a factor by itself; write it out")
        return Call(name, primes)

    def called(self, token: Token, call: Call) -> Part:
        """name(a, b, axis=0, keepdims=True)"""
        opened, bars = self.next(), self.bars
        self.bars = 0
        args: list[Part] = []
        options: dict[str, Any] = {}
        while not (self.token.text == ")" and self.token.kind == "sign"):
            if self.token.kind == "name" and self.tokens[self.position + 1].text == "=":
                options |= self.option(call)
            else:
                args.append(self.expression(0))
            if not self.take(","):
                break
        self.bars = bars
        closed = self.expect(")", opened)
        known = table()[call.name] if not call.primes else derivative(call.name)
        assert known is not None
        if not known.least <= len(args) <= known.most:
            self.fail(token, f"{token.text} takes {known.most} in its brackets, got {len(args)}")
        call = replace(call, options=tuple(options.items()))
        return Part("call", tuple(args), call, token.start, closed.end)

    def option(self, call: Call) -> dict[str, Any]:
        """axis=1, axis=(0, 1), keepdims=True"""
        word, _ = self.next(), self.next()
        known = table()[call.name].options or {}
        if word.text not in known:
            self.fail(word, f"{call.name} has no option {word.text}")
        if word.text == "keepdims":
            value = self.next()
            if value.text not in ("True", "False"):
                self.fail(value, "keepdims is True or False")
            return {"keepdims": value.text == "True"}
        if not self.take("("):
            return {"axis": self.axis()}
        axes = [self.axis()]
        while self.take(",") and self.token.text != ")":
            axes.append(self.axis())
        self.expect(")", word)
        return {"axis": tuple(axes)}

    def axis(self) -> int:
        sign = -1 if self.take("-") else 1
        token = self.next()
        if token.kind != "number" or token.text not in "012345":
            self.fail(token, "an axis is a small whole number")
        return sign * int(token.text)
