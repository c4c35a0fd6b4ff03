"""Printed equations read back and evaluated with NumPy, from nothing but their text.

A text is lines `left = right`. `left` is a name, a derivative ∂J/∂z1, or a call bce′(y, ŷ) that the
line defines. Any order will do: what a name means is looked up when it is needed. A line "where"
opens parts, indented deeper, that are known to the equation before it alone. Lines without " = ",
and other lines with deeper ones below them, are headings. In a line, whatever follows two spaces is
a remark: `ŷ*(1 - ŷ)   [sigmoid]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.derivation import vocabulary
from tests.derivation.grammar import Tree, Unreadable, parse

INFIX = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide, "@": np.matmul,
    "**": np.power, "&": np.logical_and, "|": np.logical_or, "^": np.logical_xor,
}  # fmt: skip
COMPARE = {
    "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater,
    ">=": np.greater_equal,
}  # fmt: skip


@dataclass
class Equation:
    """left = right, with the parts that only it knows."""

    left: Tree
    right: Tree
    parts: list[Equation] = field(default_factory=list)


def equations(text: str) -> list[Equation]:
    """The equations of a text, each with its own parts."""
    rows = [(len(row) - len(row.lstrip()), row.strip()) for row in text.split("\n") if row.strip()]
    found, rest = _block(rows, 0)
    assert not rest
    return found


def _block(rows: list[tuple[int, str]], indent: int) -> tuple[list[Equation], list]:
    """The equations that stand at least as deep as `indent`, and the rows after them."""
    found: list[Equation] = []
    while rows and rows[0][0] >= indent:
        (depth, row), rows = rows[0], rows[1:]
        if row.startswith("…"):
            raise Unreadable(f"something is left out: {row}")
        if row == "where":
            found[-1].parts, rows = _block(rows, depth + 1)
        elif " = " in row and not _is_heading(depth, rows):
            found.append(_equation(row))
    return found, rows


def _is_heading(depth: int, rest: list[tuple[int, str]]) -> bool:
    """A line with a block below it that is not the block of its parts."""
    return bool(rest) and rest[0][0] > depth and rest[0][1] != "where"


def _equation(row: str) -> Equation:
    left, _, right = row.partition("  ")[0].partition(" = ")
    return Equation(parse(left), parse(right))


def section(text: str, heading: str) -> str:
    """What stands under a heading at the margin, up to the next empty line."""
    for block in text.split("\n\n"):
        first, _, rest = block.partition("\n")
        if first == heading:
            return rest
    raise KeyError(heading)


class Page:
    """Equations with the values of their leaves: arrays, and whole numbers for named sizes."""

    def __init__(self, text: str | list[Equation], leaves: Mapping[str, Any]) -> None:
        found = equations(text) if isinstance(text, str) else text
        self.scope = Scope(found, {k: np.asarray(v) for k, v in leaves.items()}, None)

    def value(self, formula: str) -> np.ndarray:
        """The value of a name or formula."""
        return self.scope.value(parse(formula))


class Scope:
    """Definitions, and what they were found to be; what is not defined here is asked of `outer`."""

    def __init__(self, found: list[Equation], leaves: dict, outer: Scope | None) -> None:
        self.outer = outer
        self.names: dict[str, list[Equation]] = {}
        self.calls: list[Equation] = []
        self.known: dict[str, np.ndarray] = dict(leaves)
        self.open: set[str] = set()
        for equation in found:
            if equation.left[0] == "name":
                self.names.setdefault(equation.left[1], []).append(equation)
            elif equation.left[0] == "call":
                self.calls.append(equation)
            else:
                raise Unreadable(f"not a name and not a call before '=': {equation.left}")

    def value(self, tree: Tree) -> Any:
        return getattr(self, "_" + tree[0])(*tree[1:])

    def name(self, name: str) -> np.ndarray | None:
        if name not in self.known and name in self.names:
            if name in self.open:
                raise Unreadable(f"{name} is defined by itself")
            self.open.add(name)
            values = [self.inside(e).value(e.right) for e in self.names[name]]
            self.open.remove(name)
            self.known[name] = _one(name, values)
        if name in self.known:
            return self.known[name]
        return self.outer.name(name) if self.outer else None

    def inside(self, equation: Equation) -> Scope:
        return Scope(equation.parts, {}, self) if equation.parts else self

    def _number(self, value: float) -> np.ndarray:
        return np.float64(value)

    def _name(self, name: str) -> np.ndarray:
        found = self.name(name)
        if found is None and name in ("inf", "nan"):
            return np.float64(name)
        if found is None:
            raise Unreadable(f"nothing says what {name} is")
        return found

    def _infix(self, sign: str, a: Tree, b: Tree) -> np.ndarray:
        left, right = self.value(a), self.value(b)
        if sign in COMPARE:  # of complex numbers, the real parts: see `vocabulary`
            return COMPARE[sign](np.real(left), np.real(right))
        with np.errstate(all="ignore"):
            if sign == "*" and "list" in (a[0], b[0]):  # [c]*x is 0 where c fails, whatever x is
                return np.where((left if a[0] == "list" else right) == 0, 0, left * right)
            return INFIX[sign](left, right)

    def _minus(self, a: Tree) -> np.ndarray:
        return -self.value(a)

    def _not(self, a: Tree) -> np.ndarray:
        return np.logical_not(self.value(a))

    def _transpose(self, a: Tree) -> np.ndarray:
        return np.swapaxes(self.value(a), -1, -2)

    def _pick(self, a: Tree, items: tuple[Tree, ...]) -> np.ndarray:
        return self.value(a)[tuple(self._item(i) for i in items)]

    def _item(self, item: Tree) -> Any:
        if item[0] == "range":
            return slice(*(None if end is None else int(self.value(end)) for end in item[1:]))
        return None if item == ("name", "None") else int(self.value(item))

    def _tuple(self, items: tuple[Tree, ...]) -> tuple[int, ...]:
        return tuple(int(self.value(i)) for i in items)

    def _list(self, items: tuple[Tree, ...]) -> np.ndarray:
        """[1, 2] is an array; [c], around a condition, is 1 where it holds and 0 elsewhere."""
        values = [self.value(i) for i in items]
        if len(values) == 1 and np.asarray(values[0]).dtype == bool:
            return values[0].astype(np.float64)
        return np.array(values)

    def _call(self, name: str, args: tuple[Tree, ...], keys: dict[str, Tree]) -> np.ndarray:
        """A function by the definition in the text, where there is one; else by its name."""
        values = [self.value(a) for a in args]
        scope: Scope | None = self
        while scope:
            for equation in scope.calls:
                inner = _bound(equation, name, args, values)
                if inner is not None:
                    return Scope(equation.parts, inner, scope).value(equation.right)
            scope = scope.outer
        with np.errstate(all="ignore"):
            given = {k: self._key(v) for k, v in keys.items()}
            return np.asarray(vocabulary.function(name)(*values, **given))

    def _key(self, tree: Tree) -> Any:
        if tree == ("name", "True"):
            return True
        value = self.value(tree)
        return value if isinstance(value, tuple) else int(value)


def _bound(equation: Equation, name: str, args: Any, values: list) -> dict | None:
    """What the parameters of a defined function stand for in a call, or None for another call.

    A definition whose parameters are formulas, bce′(0.9*y + 0.05, ŷ) = …, defines that call only.
    """
    _, defined, parameters, _ = equation.left
    if defined != name or len(parameters) != len(args):
        return None
    if all(p[0] == "name" for p in parameters):
        return {p[1]: v for p, v in zip(parameters, values, strict=True)}
    return {} if parameters == args else None


def _one(name: str, values: list) -> np.ndarray:
    """The value of a name; where several lines define it they must agree."""
    for other in values[1:]:
        np.testing.assert_allclose(other, values[0], rtol=1e-9, atol=1e-12, err_msg=name)
    return values[0]
