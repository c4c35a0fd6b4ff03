"""Graphs as text: mathematics in the user's names, and the numbered list of operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath

from graphdl.core.graph import Graph, Node, Variable, walk
from graphdl.core.notation import ATOM, Written, attributes, plain
from graphdl.show.names import Label, labels
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
    return lines(write(node, TEXT, names))


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
    sheet = write(node, TEXT, limit=20)
    text = sheet.body.text
    if sheet.parts:
        text += ", where …"
    kind = "Variable" if isinstance(node, Variable) else "Node"
    line = f"<{kind} {node.type.with_shape(node.shape)}: {text}"
    return (line if len(line) < LINE else line[: LINE - 2] + "…") + ">"


def listing(graph: Graph | Node | Iterable[Node]) -> str:
    """Every operation on a line, inputs first: `%4: f32[n, 2] = add(%2, b)  # file:line`."""
    roots = _roots(graph)
    shown = labels(roots, graph.names if isinstance(graph, Graph) else None)
    signs: dict[Node, str] = {}
    rows = []
    for node in walk(roots):
        if node.op.name == "constant" and node.rank == 0:
            signs[node] = TEXT.notation(node.op)("constant", (), node.attrs).text
            continue
        signs[node] = _sign(node, shown, len(rows))
        shape = graph.shape(node) if isinstance(graph, Graph) else node.shape
        rows.append((f"{signs[node]}: {node.type.with_shape(shape)} = {_call(node, signs)}", node))
    width = max((len(text) for text, _ in rows), default=0)
    return "\n".join([_located(text, node, width) for text, node in rows] + _ends(graph, signs))


def _roots(graph: Graph | Node | Iterable[Node]) -> list[Node]:
    if isinstance(graph, Graph):
        return [*graph.inputs, *graph.roots]
    return [graph] if isinstance(graph, Node) else list(graph)


def _sign(node: Node, shown: Mapping[Node, Label], number: int) -> str:
    """The name that the node itself carries, else its number."""
    own = node.op.name == "named" or not node.inputs
    return _name(shown[node]).text if own and node in shown else f"%{number}"


def _call(node: Node, signs: Mapping[Node, str]) -> str:
    if node.op.name == "constant":
        return f"constant({TEXT.notation(node.op)('constant', (), node.attrs).text})"
    hidden = ("identity", "name", "type")
    attrs = attributes({k: v for k, v in node.attrs.items() if k not in hidden})
    words = ", ".join([signs[i] for i in node.inputs] + attrs)
    return f"{plain(node.op.name)}({words})" if words or node.inputs else plain(node.op.name)


def _located(text: str, node: Node, width: int) -> str:
    """With the place of declaration: the file's name without its folder."""
    place = PurePath(node.origin).name
    return f"{text:{min(width, LINE)}}  # {place}" if place else text


def _ends(graph: Graph | Node | Iterable[Node], signs: Mapping[Node, str]) -> list[str]:
    if not isinstance(graph, Graph):
        return []
    updates = [f"{signs[v]} ← {signs[n]}" for v, n in graph.updates.items()]
    return [
        *(f"check {signs[n]}" for n in graph.checks),
        *(f"return {', '.join(signs[n] for n in graph.outputs)}" for _ in graph.outputs[:1]),
        *(f"update {line}" for line in updates),
    ]
