"""Going through the tokens of one statement, and saying where something is wrong."""

from __future__ import annotations

from typing import NoReturn

from graphdl.core.errors import FormulaError
from graphdl.derivation.formula.tokens import Token, wrong

CLOSING = {"(": ")", "[": "]", "{": "}"}


def failure(source: str, token: Token, message: str) -> FormulaError:
    return wrong(source, token.start, token.end, message)


class Cursor:
    """A place among the tokens of a statement."""

    def __init__(self, source: str, statement: list[Token]) -> None:
        self.source, self.tokens, self.position = source, statement, 0

    @property
    def token(self) -> Token:
        return self.tokens[min(self.position, len(self.tokens) - 1)]

    def next(self) -> Token:
        token = self.token
        self.position += 1
        return token

    def take(self, text: str) -> bool:
        found = self.token.kind == "sign" and self.token.text == text
        self.position += found
        return found

    def expect(self, text: str, opened: Token) -> Token:
        if self.token.kind != "sign" or self.token.text != text:
            self.fail(opened, f"this is not closed: a {text!r} is missing")
        return self.next()

    def fail(self, token: Token, message: str) -> NoReturn:
        raise failure(self.source, token, message)
