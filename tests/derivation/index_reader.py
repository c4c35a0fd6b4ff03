"""The index form read back: sums over units and examples as plain nested loops.

    ∂J/∂W1[j,k] = Σ_i(x[i,j]*δ1[i,k])
    δ1[i,k] = Σ_l(δ2[i,l]*W2[k,l])*[z1[i,k] > 0]
    i < n, j < 30

How far an index runs is read off the arrays that it picks from, or given in a line of its own.
`Σ_ij(…)` runs over both; `max_l(…)` takes the largest. Everything else is as in `reader`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tests.derivation.grammar import Tree, Unreadable
from tests.derivation.reader import Equation, Scope, equations

OVER = {"Σ": sum, "max": max, "min": min, "mean": np.mean, "Π": np.prod}
INDEX = re.compile(r"[^\W\d_][\d′]*")
RANGE = re.compile(r"(\w+′*) < ([\w·]+)")


class IndexPage:
    """Equations between elements, and the values of their leaves."""

    def __init__(self, text: str, leaves: Mapping[str, Any]) -> None:
        self.leaves = {k: np.asarray(v) for k, v in leaves.items()}
        self.lines: dict[str, tuple[tuple[str, ...], Equation]] = {}
        for equation in _flat(equations(text)):
            name, indices = _left(equation.left)
            if name in self.lines:
                raise Unreadable(f"{name} is defined twice")
            self.lines[name] = indices, equation
        rows = [row for row in text.split("\n") if " = " not in row]
        self.declared = dict(pair for row in rows for pair in RANGE.findall(row))
        self.known: dict[tuple, Any] = {}
        self.extents: dict[tuple[str, int], int] = {}

    def array(self, name: str) -> np.ndarray:
        """All elements of a name."""
        if name in self.leaves:
            return self.leaves[name]
        extents = [self.extent(name, k) for k in range(self.rank(name))]
        cells = [self.element(name, at) for at in np.ndindex(*extents)]
        return np.array(cells).reshape(extents)

    def element(self, name: str, at: tuple[int, ...]) -> Any:
        if self.rank(name) != len(at):
            raise Unreadable(f"{name} has {self.rank(name)} indices, here {len(at)}")
        if name in self.leaves:
            return self.leaves[name][at]
        if (name, at) not in self.known:
            indices, equation = self.lines[name]
            env = {i: k for i, k in zip(indices, at, strict=True) if i != "0"}
            self.known[name, at] = _Cell(self, env).value(equation.right)
        return self.known[name, at]

    def rank(self, name: str) -> int:
        if name not in self.leaves and name not in self.lines:
            raise Unreadable(f"nothing says what {name} is")
        return self.leaves[name].ndim if name in self.leaves else len(self.lines[name][0])

    def extent(self, name: str, place: int, seen: frozenset = frozenset()) -> int:
        """The number of elements of a name along one of its axes."""
        if name in self.leaves:
            return self.leaves[name].shape[place]
        if (name, place) not in self.extents:
            self.extents[name, place] = self._extent_from_line(name, place, seen)
        return self.extents[name, place]

    def _extent_from_line(self, name: str, place: int, seen: frozenset) -> int:
        if name.startswith("∂") and "/∂" in name and (name, place) not in seen:
            known = self._extent_of(name.rpartition("/∂")[2], place, seen | {(name, place)})
            if known is not None:
                return known
        found = self._extent_of(name, place, seen)
        if found is None:
            raise Unreadable(f"nothing says how many elements {name} has along axis {place}")
        return found

    def _extent_of(self, name: str, place: int, seen: frozenset) -> int | None:
        if name in self.leaves:
            return self.leaves[name].shape[place]
        if name not in self.lines or (name, place, "line") in seen:
            return None
        indices, equation = self.lines[name]
        if indices[place] == "0":
            return 1
        return self._range(indices[place], equation.right, seen | {(name, place, "line")})

    def range(self, index: str, body: Tree) -> range:
        """What an index runs over in a formula."""
        size = self._range(index, body, frozenset())
        if size is None:
            raise Unreadable(f"nothing says how far {index} runs in {body}")
        return range(size)

    def _range(self, index: str, body: Tree, seen: frozenset) -> int | None:
        if index in self.declared:
            size = self.declared[index]
            return int(size) if size.isdigit() else int(self.leaves[size])
        found = set()
        for array, place in _uses(index, body):
            known = self._extent_or_none(array, place, seen)
            if known is not None:
                found.add(known)
        if len(found) > 1:
            raise Unreadable(f"{index} runs over {found} in {body}")
        return found.pop() if found else None

    def _extent_or_none(self, array: Tree, place: int, seen: frozenset) -> int | None:
        """Of an array by name, or of what a formula gives: softmax(z)[i, j]."""
        try:
            if array[0] == "name":
                return self.extent(array[1], place, seen)
            return np.shape(_Cell(self, {}).value(array))[place]
        except Unreadable:
            return None


class _Cell(Scope):
    """A formula at one value of its indices."""

    def __init__(self, page: IndexPage, env: dict[str, int]) -> None:
        super().__init__([], {}, None)
        self.page, self.env = page, env

    def name(self, name: str) -> Any:
        """An index, or a whole array, as softmax(z)[i, j] needs it."""
        return np.int64(self.env[name]) if name in self.env else self.page.array(name)

    def _pick(self, a: Tree, items: tuple[Tree, ...]) -> Any:
        if a[0] != "name" or any(i[0] == "range" for i in items):
            return super()._pick(a, items)  # of whole arrays
        return self.page.element(a[1], tuple(int(self.value(i)) for i in items))

    def _call(self, name: str, args: tuple[Tree, ...], keys: dict[str, Tree]) -> Any:
        head, _, indices = name.partition("_")
        if head not in OVER or not indices or keys or len(args) != 1:
            return super()._call(name, args, keys)
        letters, (body,) = INDEX.findall(indices), args
        ranges = [self.page.range(i, body) for i in letters]
        every = itertools.product(*ranges)
        cells = (dict(zip(letters, at, strict=True)) for at in every)
        return OVER[head]([_Cell(self.page, self.env | at).value(body) for at in cells])


def _flat(found: list[Equation]) -> Iterator[Equation]:
    for equation in found:
        yield equation
        yield from _flat(equation.parts)


def _left(tree: Tree) -> tuple[str, tuple[str, ...]]:
    """∂J/∂W1[j,k] as a name and its indices."""
    if tree[0] == "pick" and tree[1][0] == "name":  # an axis of length 1 has the index 0
        return tree[1][1], tuple("0" if i == ("number", 0.0) else i[1] for i in tree[2])
    if tree[0] == "name":
        return tree[1], ()
    raise Unreadable(f"neither a name nor an element of one before '=': {tree}")


def _uses(index: str, tree: Any) -> Iterator[tuple[Tree, int]]:
    """Where a formula picks by an index: the array and the axis."""
    if not isinstance(tree, tuple):
        return
    if tree[:1] == ("pick",):
        for place, item in enumerate(tree[2]):
            if item == ("name", index):
                yield tree[1], place
    bound = tree[:1] == ("call",) and tree[1].startswith("Σ_") and index in INDEX.findall(tree[1])
    for part in () if bound else tree:
        yield from _uses(index, part)
