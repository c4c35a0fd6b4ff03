"""A typed formula cut into tokens: numbers, names and signs; plain text and the usual LaTeX."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from graphdl.core.errors import FormulaError
from graphdl.derivation.formula.names import Names

LENGTH, TOKENS = 4000, 400  # of a formula; what is longer is refused unread

Kind = Literal["number", "name", "sign", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula and where it stands; a sign by its usual form."""

    kind: Kind
    text: str
    start: int
    end: int


def wrong(source: str, start: int, end: int, message: str) -> FormulaError:
    """The error with the line and a caret under the place."""
    line_start = source.rfind("\n", 0, start) + 1
    line_end = source.find("\n", start)
    line = source[line_start : len(source) if line_end < 0 else line_end]
    at, width = start - line_start, max(1, min(end, line_start + len(line)) - start)
    cut = max(0, at - 60)
    shown = "".join(c if c.isprintable() else "?" for c in line[cut : at + 60])
    return FormulaError(f"{message}\n    {shown}\n    {' ' * (at - cut)}{'^' * min(width, 60)}")


_SPACE = re.compile(r"[^\S\n]+|\\(?:left|right|[bB]igg?[lr]?|quad|qquad)(?![a-zA-Z])|\\[!;: ]")
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LETTERS = re.compile(
    r"‹[^‹›]*›|(?![ᵀ∑])[^\W\d_](?:⁽\w{1,3}⁾|₍\w{1,3}₎|(?![ᵀ²³]|_\{)[\w\u0300-\u036f])*|∑(?:_\w+)?"
)
_BELOW = re.compile(r"_\{([\w,]{1,20})\}|_(\w)")
_ABOVE = re.compile(r"\^\{?\((\w{1,3})\)\}?")
_PRIMES = re.compile(r"(?:['′]|\^\{?\\prime\}?)+")
_NUMBERED = re.compile(r"#[0-9]{1,4}")
_SUM = re.compile(r"\\sum(?:_\{?([a-z])(?:=1)?\}?)?(?:\^\{?[a-zA-Z]\}?)?")
_ACCENT = re.compile(r"\\(hat|tilde|bar|dot)\s*(?:\{\s*(\w)\s*\}|(\w))")
_WORD = re.compile(r"\\(?:operatorname|mathrm|text|mathbf|boldsymbol)\s*\{(\w+)\}")
_COMMAND = re.compile(r"\\([a-zA-Z]+|,)")

_SIGNS = {
    "**": "^", "^": "^", "*": "*", "·": "*", "⋅": "*", "∙": "*", "×": "*", "⊙": "*", "∘": "*",
    "@": "@", "/": "/", "÷": "/", "+": "+", "-": "-", "−": "-", "–": "-",
    "<=": "<=", ">=": ">=", "==": "==", "!=": "!=", "≤": "<=", "≥": ">=", "≠": "!=", "<": "<",
    ">": ">", "(": "(", ")": ")", "[": "[", "]": "]", "{": "{", "}": "}", ",": ",", "|": "|",
    "&": "&", "~": "~", "=": "=", "∂": "∂", "√": "√", "ᵀ": "ᵀ", "⊤": "ᵀ",
    "²": "²", "³": "³", ";": ";", "\n": ";",
}  # fmt: skip
_BY_LENGTH = sorted(_SIGNS, key=len, reverse=True)
_COMMANDS = {
    "cdot": "*", "times": "*", "odot": "*", "circ": "*", "partial": "∂", "top": "ᵀ",
    "intercal": "ᵀ", "le": "<=", "leq": "<=", "ge": ">=", "geq": ">=", "ne": "!=", "neq": "!=",
    "lt": "<", "gt": ">", "frac": "frac", "dfrac": "frac", "tfrac": "frac", ",": "thin",
    "sqrt": "√", "lvert": "|", "rvert": "|", "vert": "|",
}  # fmt: skip
_NAMES = frozenset(
    """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau
    upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega
    log ln exp tanh sin cos max min
    """.split()  # noqa: SIM905
)
_COLUMN = re.compile(r"\[\s*:\s*,\s*None\s*\]")
_TRANSPOSED = re.compile(r"\.(?:T|transpose\(\))(?!\w)")


def tokens(source: str, names: Names) -> list[Token]:
    """The tokens of a formula, with an end. Raises FormulaError at what is no part of one."""
    if len(source) > LENGTH:
        raise FormulaError(
            f"the formula has {len(source)} characters; at most {LENGTH} are read. Give parts of it "
            "a name: t = …; then write t"
        )
    return _Cutter(source, names).all()


class _Cutter:
    def __init__(self, source: str, names: Names) -> None:
        self.source, self.names, self.position = source, names, 0

    def all(self) -> list[Token]:
        found: list[Token] = []
        while True:
            self._skip()
            if self.position == len(self.source):
                return [*found, Token("end", "", self.position, self.position)]
            if len(found) == TOKENS:
                raise self._wrong(f"the formula is too long: at most {TOKENS} signs are read")
            found.append(self._next())

    def _skip(self) -> None:
        while match := _SPACE.match(self.source, self.position):
            self.position = match.end()

    def _next(self) -> Token:
        start = self.position
        kind, text = self._read()
        return Token(kind, text, start, self.position)

    def _read(self) -> tuple[Kind, str]:
        known = self.names.at(self.source, self.position)
        if known is not None:
            self.position += len(known)
            return "name", known
        if self._take(_COLUMN):
            return "sign", "column"
        if self._take(_TRANSPOSED):
            return "sign", "ᵀ"
        if number := self._take(_NUMBER):
            return "number", number
        if self.source.startswith("\\", self.position):
            return self._latex()
        if (sign := next((s for s in _BY_LENGTH if self._here(s)), None)) is not None:
            self.position += len(sign)
            return "sign", _SIGNS[sign]
        if letters := self._take(_LETTERS):
            return "name", self._name(unicodedata.normalize("NFC", letters))
        raise self._wrong(f"{self.source[self.position]!r} has no meaning in a formula")

    def _here(self, sign: str) -> bool:
        return self.source.startswith(sign, self.position)

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.source, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match.group()

    def _name(self, letters: str) -> str:
        """With what belongs to it below, above and behind: W_{1}, W^(1), f′, ε#2."""
        if match := _BELOW.match(self.source, self.position):
            self.position = match.end()
            letters += "_" + (match[1] or match[2])
        match = _ABOVE.match(self.source, self.position)
        if match and self.names.find(letters + match[1]) and not self.names.find(letters):
            self.position = match.end()
            letters += match[1]
        letters += self._take(_NUMBERED) or ""
        primes = self._take(_PRIMES) or ""
        return letters + "'" * len(re.findall(r"['′]|prime", primes))

    def _latex(self) -> tuple[Kind, str]:
        source, position = self.source, self.position
        if match := _SUM.match(source, position):
            self.position = match.end()
            return "name", "sum" + (f"_{match[1]}" if match[1] else "")
        if match := _ACCENT.match(source, position):
            self.position = match.end()
            return "name", self._name((match[2] or match[3]) + match[1])
        if match := _WORD.match(source, position):
            self.position = match.end()
            return "name", self._name(match[1])
        match = _COMMAND.match(source, position)
        if match and match[1] in _COMMANDS:
            self.position = match.end()
            return "sign", _COMMANDS[match[1]]
        if match and match[1] in _NAMES:
            self.position = match.end()
            return "name", self._name(match[1])
        raise self._wrong("this LaTeX command is not read here", len(match[0]) if match else 1)

    def _wrong(self, message: str, width: int = 1) -> FormulaError:
        return wrong(self.source, self.position, self.position + width, message)
