"""An element of a node as a formula of elements: (A @ B)[i, j] = Σ_k(A[i, k]*B[k, j]).

Operations without a rule here stand as they are, with the index behind them: softmax(z)[i, j].
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from graphdl.core.graph import Node, walk
from graphdl.core.notation import ATOM, MATRIX, PRODUCT, Written
from graphdl.core.sizes import Dim, Size
from graphdl.ops.shape import summed_axes
from graphdl.show.names import Label
from graphdl.show.writing import Dialect, is_elementwise, shared, write

LETTERS = "jklpqrsuvabcdefgh"
Index = tuple[str, ...]


@dataclass
class Page:
    """One equation of elements being written. `stops` are written by name, `known` are parts."""

    dialect: Dialect
    is_latex: bool
    names: Mapping[Node, Label]
    signs: Mapping[Node, Written]
    letters: Letters
    parts: dict[Node, Written] = field(default_factory=dict)

    def element(self, node: Node, index: Index) -> Written:
        """node[index]"""
        name = self._name(node)
        if name is not None:
            return self.at(name, index)
        rule = RULES.get(node.op.name)
        if rule is None and is_elementwise(node):
            rule = _elementwise
        found = rule(self, node, index) if rule else None
        return self._whole(node, index) if found is None else found

    def _name(self, node: Node) -> Written | None:
        if node in self.parts:
            return self.parts[node]
        if node in self.signs:
            return self.signs[node]
        return self.dialect.name(self.names[node]) if node in self.names else None

    def at(self, name: Written, index: Index) -> Written:
        """name[i, j]; a scalar has no index"""
        if not index:
            return self.scalar(name)
        if self.is_latex:
            base = name.at_least(ATOM)
            base = f"{{{base}}}" if len(base) > 1 else base
            return self.scalar(Written(f"{base}_{{{','.join(index)}}}"))
        return self.scalar(Written(f"{name.at_least(ATOM)}[{', '.join(index)}]"))

    def scalar(self, text: Written) -> Written:
        return Written(text.text, text.strength, (), self.dialect.brackets)

    def sum(self, letter: str, term: Written) -> Written:
        if self.is_latex:
            return self.scalar(Written(rf"\sum_{{{letter}}} {term.at_least(MATRIX)}", MATRIX))
        return self.scalar(Written(f"Σ_{letter}({term.text})"))

    def _whole(self, node: Node, index: Index) -> Written:
        """The operation on whole arrays, and of it the one element."""
        if not node.inputs and node.op.name != "constant":
            return self.at(self.dialect.notation(node.op)(node.op.name, (), node.attrs), index)
        names = {n: label for n, label in self.names.items() if n is not node}
        body = write(node, self.dialect, names, {**self.signs, **self.parts}).body
        return self.at(body, index)


@dataclass
class Letters:
    """Letters for axes that are not in use: i for the examples, then j, k, … and j1, k1, …"""

    taken: set[str]
    ranges: dict[str, Dim] = field(default_factory=dict)  # of the letters that were given

    def fresh(self, size: Dim) -> str:
        wanted = "i" if isinstance(size, Size) else ""
        numbered = (f"{c}{k}" for k in itertools.count(1) for c in LETTERS)
        letter = next(c for c in itertools.chain(wanted, LETTERS, numbered) if c not in self.taken)
        self.taken.add(letter)
        self.ranges[letter] = size
        return letter

    def index(self, shape: Sequence[Dim]) -> Index:
        return tuple("0" if d == 1 else self.fresh(d) for d in shape)


def parts_of(root: Node, stops: set[Node]) -> list[Node]:
    """The nodes below a root that are used several times and get an equation of their own."""
    inside = [n for n in walk([root], stop=stops - {root}) if n.inputs and n not in stops - {root}]
    found = shared(inside) - {root}
    return [n for n in inside if n in found]


# ------------------------------------------------------------------ rules

Rule = Callable[[Page, Node, Index], Written | None]


def _aligned(node: Node, index: Index) -> Index:
    """The index into an input that is repeated along the axes which it lacks or has 1 of."""
    own = index[len(index) - node.rank :]
    return tuple("0" if d == 1 else i for d, i in zip(node.shape, own, strict=True))


def _elementwise(page: Page, node: Node, index: Index) -> Written:
    args = [page.element(i, _aligned(i, index)) for i in node.inputs]
    return page.scalar(page.dialect.notation(node.op)(node.op.name, args, node.attrs))


def _same(page: Page, node: Node, index: Index) -> Written:
    return page.element(node.inputs[0], _aligned(node.inputs[0], index))


def _product(page: Page, node: Node, index: Index) -> Written | None:
    a, b = node.inputs
    if a.rank != 2 or b.rank != 2:
        return None
    inner = page.letters.index(a.shape[1:])
    factors = [page.element(a, (index[0], *inner)), page.element(b, (*inner, index[1]))]
    times = r" \cdot " if page.is_latex else "*"
    term = Written(times.join(f.at_least(PRODUCT) for f in factors), PRODUCT)
    return page.scalar(term) if inner == ("0",) else page.sum(inner[0], term)


def _reduced(page: Page, node: Node, index: Index) -> Written:
    """Σ over the axes; of a mean, divided by their sizes."""
    (a,), axes = node.inputs, node.attrs["axes"]
    rest = iter(index if not node.attrs["keepdims"] else
                tuple(i for k, i in enumerate(index) if k not in axes))  # fmt: skip
    letters = {k: page.letters.index(a.shape[k : k + 1])[0] for k in axes}
    full = tuple(letters[k] if k in letters else next(rest) for k in range(a.rank))
    total = _sums(page, page.element(a, full), [i for i in letters.values() if i != "0"])
    sizes = [a.shape[k] for k in axes if a.shape[k] != 1]
    if node.op.name != "mean" or not sizes:
        return total
    count = Written("*".join(map(str, sizes)), ATOM if len(sizes) == 1 else PRODUCT)
    if page.is_latex:
        product = r" \cdot ".join(map(str, sizes))
        return page.scalar(Written(rf"\frac{{{total.text}}}{{{product}}}", PRODUCT))
    return page.scalar(Written(f"{total.at_least(PRODUCT)}/{count.at_least(ATOM)}", PRODUCT))


def _sums(page: Page, term: Written, letters: list[str]) -> Written:
    for letter in reversed(letters):
        term = page.sum(letter, term)
    return term


def _summed_to(page: Page, node: Node, index: Index) -> Written:
    (a,) = node.inputs
    axes = summed_axes(a.type.shape, node.type.shape)
    own = (*["0"] * (a.rank - node.rank), *index)
    letters = {k: page.letters.index(a.shape[k : k + 1])[0] for k in axes}
    full = tuple(letters.get(k, own[k]) for k in range(a.rank))
    return _sums(page, page.element(a, full), [i for i in letters.values() if i != "0"])


def _reshaped(page: Page, node: Node, index: Index) -> Written | None:
    """Where only axes of length 1 come or go."""
    (a,) = node.inputs
    kept = [i for i, d in zip(index, node.shape, strict=True) if d != 1]
    if [d for d in node.shape if d != 1] != [d for d in a.shape if d != 1]:
        return None
    rest = iter(kept)
    return page.element(a, tuple("0" if d == 1 else next(rest) for d in a.shape))


def _transposed(page: Page, node: Node, index: Index) -> Written:
    where = {axis: index[k] for k, axis in enumerate(node.attrs["axes"])}
    return page.element(node.inputs[0], tuple(where[k] for k in range(len(index))))


def _counted(page: Page, node: Node, index: Index) -> Written:
    return page.scalar(Written(index[0]))


RULES: Mapping[str, Rule] = {
    "named": _same,
    "cast": _elementwise,
    "broadcast_to": _same,
    "matmul": _product,
    "sum": _reduced,
    "mean": _reduced,
    "sum_to": _summed_to,
    "reshape": _reshaped,
    "transpose": _transposed,
    "iota": _counted,
}
