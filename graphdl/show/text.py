"""Graphs as text: mathematics in the user's names, and the numbered list of operations."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from graphdl.core.graph import Graph, Node, Variable, walk
from graphdl.core.notation import Written, attributes, plain
from graphdl.core.sizes import Facts
from graphdl.show.names import Label, labels, own_name
from graphdl.show.writing import Dialect, Shape, Sheet, write

LINE = 100  # characters of a `repr`


def _name(label: Label) -> Written:
    return Written(plain(label.name) + (f"#{label.number}" if label.number > 1 else ""))


def _repeat(value: Written, shape: Shape) -> Written:
    sizes = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    whole = {"0": "zeros", "1": "ones"}.get(value.text)
    return Written(f"{whole}(({sizes}))" if whole else f"broadcast({value.text}, ({sizes}))")


TEXT = Dialect(
    notation=lambda op: op.text,
    name=_name,
    repeat=_repeat,
    dots="…",
    brackets=("(", ")"),
)


def expression(node: Node, names: Mapping[Node, str] | None = None) -> str:
    """The mathematics of a node in the user's names, stopping at what has a name.

    Parts that are used several times follow as "where" lines. `names` gives further nodes names.
    """
    return lines(write(node, TEXT, labels([node], names)))


def lines(sheet: Sheet) -> str:
    """A sheet as text: the expression, its parts, and what was left out."""
    first = f"{sheet.title} = {sheet.body.text}" if sheet.title else sheet.body.text
    text = [first]
    if sheet.parts:
        text += ["where", *(f"    {name} = {part}" for name, part in sheet.parts)]
    if sheet.left_out:
        text.append(
            f"… {sheet.left_out} operations more: give parts a name with .named(…), "
            "or see all of them in graphdl.show.text.listing(node)"
        )
    return "\n".join(text)


def summary(node: Node) -> str:
    """One line: kind, type and the beginning of the expression."""
    sheet = write(node, TEXT, labels([node]), limit=20)
    text = sheet.body.text
    if sheet.parts:
        text += ", where …"
    kind = "Variable" if isinstance(node, Variable) else "Node"
    line = f"<{kind} {node.type.with_shape(node.shape)}: {text}"
    return (line if len(line) < LINE else line[: LINE - 2] + "…") + ">"


def listing(graph: Graph | Node | Iterable[Node]) -> str:
    """Every operation on a line, inputs first: `%4: f32[n, 2] = add(%2, b)  # file:line`."""
    roots = _roots(graph)
    nodes = [n for n in walk(roots) if not _is_number(n)]
    signs = _signs(roots, nodes, graph.names if isinstance(graph, Graph) else None)
    facts = Facts()
    for root in roots:
        facts = facts.merge(root.facts)
    rows = [
        f"{signs[n]}: {n.type.with_shape(facts.shape(n.type.shape))} = {_call(n, signs)}"
        for n in nodes
    ]
    width = min(max(map(len, rows), default=0), LINE)
    located = [_located(row, n, width) for row, n in zip(rows, nodes, strict=True)]
    return "\n".join(located + _ends(graph, signs))


def graph_summary(graph: Graph) -> str:
    """One line: what goes in, what comes out, how much is done."""
    names = ", ".join(plain(own_name(i) or i.op.name) for i in graph.inputs)
    size = len([n for n in graph.nodes if n.inputs and n.op.name != "named"])
    parts = [f"{len(graph.outputs)} outputs", f"{len(graph.updates)} updates", f"{size} operations"]
    return f"<Graph of ({names}): {', '.join(p[:-1] if p.startswith('1 ') else p for p in parts)}>"


def _roots(graph: Graph | Node | Iterable[Node]) -> list[Node]:
    if isinstance(graph, Graph):
        return [*graph.inputs, *graph.roots]
    return [graph] if isinstance(graph, Node) else list(graph)


def _is_number(node: Node) -> bool:
    return node.op.name == "constant" and node.rank == 0


def _signs(
    roots: list[Node], nodes: list[Node], names: Mapping[Node, str] | None
) -> dict[Node, str]:
    """What each node is referred to by: its own name, else a number; a constant by its value."""
    shown, numbers = labels(roots, names), itertools.count(1)
    signs = {n: _value(n) for n in walk(roots) if _is_number(n)}
    for node in nodes:
        own = own_name(node) or (names or {}).get(node)
        signs[node] = _name(shown[node]).text if own else f"%{next(numbers)}"
    return signs


def _value(node: Node) -> str:
    return node.op.text("constant", (), node.attrs).text


def _call(node: Node, signs: Mapping[Node, str]) -> str:
    if node.op.name == "constant":
        return f"constant({_value(node)})"
    hidden = ("identity", "name", "type")
    attrs = attributes({k: v for k, v in node.attrs.items() if k not in hidden})
    words = ", ".join([signs[i] for i in node.inputs] + attrs)
    return f"{plain(node.op.name)}({words})" if words or node.inputs else plain(node.op.name)


def _located(text: str, node: Node, width: int) -> str:
    """With the place of declaration: the file's name without its folder."""
    place = PurePath(node.origin).name
    return f"{text:{width}}  # {place}" if place else text


def _ends(graph: Graph | Node | Iterable[Node], signs: Mapping[Node, str]) -> list[str]:
    if not isinstance(graph, Graph):
        return []
    updates = [f"{signs[v]} ← {signs[n]}" for v, n in graph.updates.items()]
    return [
        *(f"check {signs[n]}" for n in graph.checks),
        *(f"return {', '.join(signs[n] for n in graph.outputs)}" for _ in graph.outputs[:1]),
        *(f"update {line}" for line in updates),
    ]
