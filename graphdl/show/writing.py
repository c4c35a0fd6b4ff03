"""From a graph to written mathematics, in any dialect.

The text grows linearly with the graph: a part that is used more than once is written once, under a
short name, unless it is tiny. It is deterministic, follows the structure alone, and stops at names.
What lies more than `LIMIT` operations away from the root is left out.

A repeated value (`broadcast_to`, a leading axis of length 1) is written as what is repeated, as
NumPy and mathematicians do, as long as the operation that takes it repeats it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from graphdl.core.graph import Node, walk
from graphdl.core.notation import Notation, Written
from graphdl.core.op import Op
from graphdl.core.sizes import Dim
from graphdl.show.names import Label

LIMIT = 200
TINY = 3  # operations and operands of a part that is rather written again than named

Shape = tuple[Dim, ...]

_ELEMENTWISE = frozenset(
    ("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "not", "isnan", "isfinite")
)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """What differs between text and LaTeX."""

    notation: Callable[[Op], Notation]
    name: Callable[[Label], Written]
    repeat: Callable[[Written, Shape], Written]  # a value repeated to a shape, spelt out
    dots: str
    brackets: tuple[str, str]


@dataclass(frozen=True)
class Sheet:
    """A written expression: the root's own name, its text, the parts that got short names."""

    title: str | None
    body: Written
    parts: tuple[tuple[str, str], ...]
    left_out: int  # operations that are not shown
    next_part: int = 1  # the number that the next part would have
    nodes: tuple[Node, ...] = ()  # those of the parts


def write(
    root: Node,
    dialect: Dialect,
    names: Mapping[Node, Label],
    signs: Mapping[Node, Written] | None = None,
    limit: int = LIMIT,
    first_part: int = 1,
) -> Sheet:
    """The expression of `root`, stopping at `names`; `signs` stand in for nodes as they are.

    Parts that are used several times are called t1, t2, …, from `first_part` on.
    """
    found, signs = dict(names), dict(signs or {})
    own = found.pop(root, None) if root.inputs and root not in signs else None
    inner = root.inputs[0] if own and root.op.name == "named" else root
    if found.get(inner) is own:  # the value goes by the name that stands on the left
        found.pop(inner, None)
    page = _Page(dialect, found, signs, inner, first_part)
    page.choose(limit)
    body = page.write()
    title = dialect.name(own).text if own else None
    return Sheet(
        title, body, tuple(page.parts), page.left_out, page.next_part, tuple(page.part_nodes)
    )


@dataclass
class _Page:
    """One expression being written."""

    dialect: Dialect
    labels: Mapping[Node, Label]
    signs: Mapping[Node, Written]
    root: Node
    next_part: int
    order: list[Node] = field(default_factory=list)
    done: dict[Node, Written] = field(default_factory=dict)
    named: set[Node] = field(default_factory=set)
    parts: list[tuple[str, str]] = field(default_factory=list)
    part_nodes: list[Node] = field(default_factory=list)
    left_out: int = 0

    def choose(self, limit: int) -> None:
        """Which nodes are written, and which of them under a short name."""
        stops = {*self.labels, *self.signs}
        reached = walk([self.root], stop=stops)
        inside = [n for n in reached if n.inputs and n not in stops]
        near = _nearest(self.root, stops, limit)
        self.left_out = len(inside) - len(near)
        self.order = [n for n in inside if n in near]
        self.named = shared(self.order) - {self.root}

    def write(self) -> Written:
        """The text of the root; the parts are collected on the way."""
        for node in self.order:
            text = self._written(node)
            self.done[node] = self._part(node, text) if node in self.named else text
        return self._argument(self.root)

    def _argument(self, node: Node) -> Written:
        """What was written before, or is not looked into: a name, a constant, too far away."""
        if node in self.done:
            return self.done[node]
        if node in self.signs:
            text = self.signs[node]
        elif node in self.labels:
            text = self.dialect.name(self.labels[node])
        elif node.inputs:
            text = Written(self.dialect.dots)
        else:
            text = self.dialect.notation(node.op)(node.op.name, (), node.attrs)
        return self._typed(text, node.shape)

    def _typed(self, text: Written, shape: Shape | None) -> Written:
        return replace(text, shape=shape, brackets=self.dialect.brackets)

    def _written(self, node: Node) -> Written:
        product = self._vector_product(node)
        if product is not None:
            return product
        args = [self._argument(i) for i in node.inputs]
        if _repeats(node, args[0]):
            return args[0]
        if is_elementwise(node):
            shape = _common([a.shape or () for a in args])
        else:
            args = [self._full(a, i, node) for a, i in zip(args, node.inputs, strict=True)]
            shape = node.shape
        return self._typed(self._applied(node, args), shape)

    def _applied(self, node: Node, args: list[Written]) -> Written:
        return self.dialect.notation(node.op)(node.op.name, args, node.attrs)

    def _vector_product(self, node: Node) -> Written | None:
        """A @ v where v was made a column for the product and its result no column again."""
        product = node.inputs[0]
        if node.op.name != "reshape" or product.op.name != "matmul" or product not in self.done:
            return None
        left, column = product.inputs
        if column.op.name != "reshape" or product in self.named or column not in self.done:
            return None
        vector = column.inputs[0]
        if vector.rank != 1 or column.shape != (*vector.shape, 1):
            return None
        if _without_units(node.shape) != _without_units(product.shape[:-1]):
            return None
        args = [self._full(self._argument(left), left, product)]
        args.append(self._full(self._argument(vector), vector, column))
        return self._typed(self._applied(product, args), node.shape)

    def _full(self, text: Written, node: Node, user: Node) -> Written:
        """The argument in its full shape, where the operation would not repeat it by itself."""
        shape = text.shape or ()
        padded = (1,) * (node.rank - len(shape)) + shape
        repeated = any(d == 1 and e != 1 for d, e in zip(padded, node.shape, strict=True))
        if repeated or (len(shape) != node.rank and user.op.name != "matmul"):
            return self._typed(self.dialect.repeat(text, node.shape), node.shape)
        return text

    def _part(self, node: Node, text: Written) -> Written:
        taken = {label.name for label in self.labels.values()}
        while f"t{self.next_part}" in taken:
            self.next_part += 1
        short = self.dialect.name(Label(f"t{self.next_part}"))
        self.next_part += 1
        self.parts.append((short.text, text.text))
        self.part_nodes.append(node)
        return self._typed(short, text.shape)


def _nearest(root: Node, stops: set[Node], limit: int) -> set[Node]:
    """The operations nearest to the root, breadth first, at most `limit`."""
    chosen = {root: None} if root.inputs and root not in stops else {}
    queue = list(chosen)
    for node in queue:
        for i in node.inputs:
            if i.inputs and i not in stops and i not in chosen and len(chosen) < limit:
                chosen[i] = None
                queue.append(i)
    return set(chosen)


def shared(order: list[Node]) -> set[Node]:
    """The nodes that are used more than once and are not tiny."""
    uses = dict.fromkeys(order, 0)
    size: dict[Node, int] = {}
    for node in order:
        for i in node.inputs:
            uses[i] = uses.get(i, 0) + 1
    shared = set()
    for node in order:
        size[node] = 1 + sum(size.get(i, 1) for i in node.inputs)
        if uses[node] > 1 and size[node] > TINY:
            shared.add(node)
            size[node] = 1
    return shared


def is_elementwise(node: Node) -> bool:
    """Does the op act on each element alone, repeating its inputs to a common shape?"""
    return node.op.partials is not None or node.op.pointwise or node.op.name in _ELEMENTWISE


def _repeats(node: Node, arg: Written) -> bool:
    """Does the node only repeat its argument along axes that broadcasting fills in?"""
    if node.op.name == "broadcast_to":
        return True
    rest = _without_units(arg.shape or ())
    return node.op.name == "reshape" and (not rest or rest == _without_units(node.shape))


def _without_units(shape: Shape) -> Shape:
    """The shape without its leading axes of length 1."""
    start = next((i for i, d in enumerate(shape) if d != 1), len(shape))
    return shape[start:]


def _common(shapes: list[Shape]) -> Shape:
    """What the shapes are broadcast to."""
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    return tuple(next((s[i] for s in padded if s[i] != 1), 1) for i in range(rank))
