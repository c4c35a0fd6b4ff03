"""`read`: a student's text to a `Formula`. An allow-list of our own: nothing of it is ever executed.

The text may have several lines (or parts between `;`): definitions t = …, and one formula, with a
title ∂J/∂w = … in front or without. It is cut into tokens, parsed, and later evaluated by a small
evaluator over arrays; its length, depth and vocabulary are bounded.
"""

from __future__ import annotations

from graphdl.core.errors import FormulaError
from graphdl.derivation.formula.cursor import CLOSING, failure
from graphdl.derivation.formula.names import Names
from graphdl.derivation.formula.parser import Parser
from graphdl.derivation.formula.parts import Formula, Part
from graphdl.derivation.formula.tokens import Token, tokens

DEFINITIONS = 30

Statement = list[Token]


def read(source: str, names: Names, asked: tuple[str, str] | None = None) -> Formula:
    """The formula of a typed text. Raises FormulaError, which points at the place.

    Lines (or parts between `;`) of the form t = … define names for the others. A left side ∂J/∂w
    is only a title. `asked` is the quotient that is asked for, which must not stand in its answer.
    """
    if not isinstance(source, str):
        raise FormulaError(f"a formula is a text, got {type(source).__name__}")
    bodies: list[Statement] = []
    definitions: dict[str, Part] = {}
    for statement in _statements(tokens(source, names)):
        name = _defined(source, statement, names)
        if name is None:
            bodies.append(statement)
        elif len(definitions) == DEFINITIONS or name in definitions:
            raise failure(
                source, statement[0], f"{name} is defined twice, or there are too many names"
            )
        else:
            definitions[name] = Parser(source, statement[2:], names, definitions, asked).whole()
    if len(bodies) != 1:
        place = bodies[1][0] if bodies else Token("end", "", len(source), len(source))
        many = "there are two formulas; one of them must be the answer"
        raise failure(source, place, many if bodies else "there is no formula: type what it equals")
    body = Parser(source, _untitled(bodies[0]), names, definitions, asked).whole()
    return Formula(source, tuple(definitions.items()), body)


def _statements(found: list[Token]) -> list[Statement]:
    """The tokens between `;` and line ends outside of brackets; a line "where" says nothing."""
    statements: list[Statement] = [[]]
    depth = 0
    for token in found:
        depth += (token.text in CLOSING) - (token.text in CLOSING.values())
        if token.text == ";" and depth <= 0:
            statements.append([])
        elif token.text != ";":
            statements[-1].append(token)
    words = (["where"], ["with"], [])
    kept = [s for s in statements if [t.text for t in s if t.kind != "end"] not in words]
    return [[*s, _end(s)] for s in kept]


def _end(statement: Statement) -> Token:
    position = statement[-1].end
    return Token("end", "", position, position)


def _defined(source: str, statement: Statement, names: Names) -> str | None:
    """t of a statement t = …"""
    if len(statement) < 3 or statement[0].kind != "name" or statement[1].text != "=":
        return None
    name = statement[0].text
    if names.find(name) in names.printed:
        raise failure(source, statement[0], f"{name} has a meaning already; take another name")
    return name


def _untitled(statement: Statement) -> Statement:
    """Without a left side ∂J/∂w ="""
    place = next((k for k, t in enumerate(statement) if t.text in ("=", "(")), len(statement))
    return (
        statement[place + 1 :]
        if statement[place:][:1] and statement[place].text == "="
        else statement
    )
