"""What a derivation costs, and what its order saves: the same gradients by the reverse sweep, weight
by weight along all paths, and by numerical differences, as formulas in the named sizes."""

from __future__ import annotations

from collections import Counter as Multiset
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphdl.core.graph import Node, Variable, walk
from graphdl.core.sizes import Dim, Size, substitute
from graphdl.derivation.expansion import expansion
from graphdl.derivation.flops import Counter
from graphdl.derivation.naming import node_names
from graphdl.derivation.record import Factor, Record, record
from graphdl.differentiate.chain_rule import gradients, leads_to
from graphdl.table import render


@dataclass(frozen=True)
class Part:
    """One step of the sweep: what it computes that no step before it has."""

    step: str  # "∂z1/∂W1"
    rule: str
    formula: str  # "2·2·n·16", its products spelt out
    flops: Dim
    times: int  # how many derivatives it is a factor of, of names between and of weights


@dataclass(frozen=True)
class Reuse:
    """A cotangent and what is made of it."""

    name: str  # "∂J/∂z2"
    used_for: tuple[str, ...]  # the next ones: W2, b2, h
    weights: tuple[str, ...]  # all whose gradient has it in a path
    times: int  # how many derivatives it is a part of, of names between and of weights

    def __str__(self) -> str:
        beyond = [w for w in self.weights if w not in self.used_for]
        further = f" → {', '.join(beyond)}" if beyond else ""
        return f"{self.name}: used for {', '.join(self.used_for)}{further}; {self.times} times"


@dataclass(frozen=True)
class Cost:
    """Scalar operations of a gradient, in polynomials of the named sizes (`codegen.profile`'s count).

    sweep: all cotangents on the way, and the gradient of every weight that enters it, each once.
    expansion: each scalar weight's derivative along all its paths, factors given (a lower bound).
    differences: two forward passes for each scalar weight. Bytes are those of unfused operations.
    """

    title: str
    forward: Dim
    sweep: Dim
    expansion: Dim
    differences: Dim
    weights: Dim  # how many scalars
    paths: Dim  # from the result to all of them
    forward_bytes: Dim
    sweep_bytes: Dim
    formulas: Mapping[str, str]  # of "forward" and "sweep", their products spelt out
    parts: tuple[Part, ...]
    reuse: tuple[Reuse, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The sizes that are not known yet."""
        found: set[str] = set()
        for d in (self.forward, self.sweep, self.expansion, self.differences):
            found |= set(d.names) if isinstance(d, Size) else set()
        return tuple(sorted(found))

    def at(self, **sizes: int) -> Cost:
        """The same in numbers: at(n=32). Raises ValueError for a size that there is none of."""
        unknown = sorted(set(sizes) - set(self.names))
        if unknown:
            raise ValueError(
                f"cost has no size {', '.join(unknown)}; there are: {', '.join(self.names) or 'none'}"
            )
        put = lambda d: substitute(d, sizes)  # noqa: E731
        parts = tuple(_part_at(p, put(p.flops)) for p in self.parts)
        counts = {
            name: put(getattr(self, name))
            for name in (
                "forward", "sweep", "expansion", "differences", "weights", "paths",
                "forward_bytes", "sweep_bytes",
            )
        }  # fmt: skip
        formulas = {
            name: text if isinstance(counts[name], Size) else f"{counts[name]:,}"
            for name, text in self.formulas.items()
        }
        return replace(self, **counts, parts=parts, formulas=formulas)

    def ratio(self, what: str = "expansion", to: str = "sweep") -> float:
        """How many times the operations of `to` those of `what` are; for large sizes where named."""
        big = dict.fromkeys(self.names, 10**6)
        top, bottom = (substitute(getattr(self, k), big) for k in (what, to))
        return float(top / bottom) if bottom else float("inf")  # type: ignore[operator]

    def __str__(self) -> str:
        """Three tables: the four ways, the steps of the sweep, what is reused."""
        large = f"for large {', '.join(self.names)}" if self.names else "times the sweep"
        head = ("way", "operations", large)
        ways = [
            ("forward pass", self.formulas["forward"], f"{self.ratio('forward'):.3g}"),
            ("reverse sweep", self.formulas["sweep"], "1"),
            ("weight by weight, along all paths", _text(self.expansion), f"{self.ratio():.3g}"),
            ("numerical differences", _text(self.differences), f"{self.ratio('differences'):.3g}"),
        ]
        footer = [
            f"{_text(self.weights)} weights, {_text(self.paths)} paths from the result to them",
            f"bytes, unfused: forward {_text(self.forward_bytes)}, sweep {_text(self.sweep_bytes)}",
        ]
        steps = [(p.step, p.rule, p.formula, p.times) for p in self.parts]
        used = [(r.name, ", ".join(r.used_for), ", ".join(r.weights), r.times) for r in self.reuse]
        columns = ("step", "rule", "operations", "used in")
        blocks = [
            render(self.title, head, ways, footer, width=100),
            render("the sweep, step by step", columns, steps, width=100),
            render("reuse", ("computed once", "used for", "weights", "used in"), used, width=100),
        ]
        return "\n\n".join(blocks)

    __repr__ = __str__


def _part_at(part: Part, flops: Dim) -> Part:
    return replace(
        part, flops=flops, formula=part.formula if isinstance(flops, Size) else _text(flops)
    )


def _text(d: Dim) -> str:
    return str(d) if isinstance(d, Size) else f"{d:,}"


# -------------------------------------------------------------------------------- counting


def cost(derivation: Record) -> Cost:
    """The operations of the sweep towards the derivation's weight, beside other ways to the gradients.

    Counted on the derivation as it is written, before rules merge or loops fuse anything.
    """
    d = derivation
    weights = _on_the_way(d)
    found = gradients(d.result, weights)
    counter = Counter([d.result, d.gradient, *found])
    forward = walk([d.result])
    known = set(forward)
    back = [n for n in walk(found) if n not in known]
    factors = _factors(d, weights, forward)
    names = node_names(replace(d, factors=tuple(factors)), weights)
    scalars = _elements(counter, weights)
    expanded = expansion(d.result, weights, counter)
    j = names[d.result]
    return Cost(
        title=_title(j, [names[w] for w in weights]),
        forward=counter.total(forward),
        sweep=counter.total(back),
        expansion=expanded.flops,
        differences=counter.total(forward) * 2 * scalars,
        weights=scalars,
        paths=expanded.paths,
        forward_bytes=counter.bytes(forward),
        sweep_bytes=counter.bytes(back),
        formulas={"forward": _formula(counter, forward), "sweep": _formula(counter, back)},
        parts=tuple(_parts(factors, found, names, known, counter)),
        reuse=tuple(_reuse(d, factors, weights, names)),
    )


def _title(result: str, weights: list[str]) -> str:
    if len(weights) > 4:
        return f"cost of ∂{result} by {weights[0]}, {weights[1]}, …, {weights[-1]}"
    return "cost of " + ", ".join(f"∂{result}/∂{w}" for w in weights)


def _elements(counter: Counter, nodes: Iterable[Node]) -> Dim:
    total: Dim = 0
    for node in nodes:
        total = counter.size(node) + total
    return total


def _on_the_way(d: Record) -> list[Node]:
    """The derivation's weight, and each that enters the nodes on the way to it by itself alone."""
    way = leads_to(d.result, [d.wrt])
    found: dict[Node, None] = {}
    for node in walk([d.result]):
        if node not in way:
            continue
        for i in node.inputs:
            leaves = [n for n in walk([i]) if not n.inputs and n.op.name != "constant"]
            if i not in way and len(leaves) == 1 and _trained(leaves[0]):
                found[leaves[0]] = None
    found[d.wrt] = None
    return [n for n in walk([d.result]) if n in found]


def _trained(node: Node) -> bool:
    return isinstance(node, Variable) and node.trainable and node.type.is_float


def _factors(d: Record, weights: list[Node], forward: list[Node]) -> list[Factor]:
    """Those towards all the weights, each once, in the order of the sweep."""
    found: dict[tuple[Node, Node], Factor] = {(f.node, f.wrt): f for f in d.factors}
    for w in weights:
        for f in record(Record, d.result, w, d.names).factors if w is not d.wrt else ():
            found.setdefault((f.node, f.wrt), f)
    place = {n: k for k, n in enumerate(forward)}
    return sorted(found.values(), key=lambda f: -place[f.wrt])


def _parts(
    factors: list[Factor],
    found: list[Node],
    names: Mapping[Node, str],
    known: set[Node],
    counter: Counter,
) -> Iterable[Part]:
    seen = set(known)
    for f in factors:
        mine = [n for n in walk([f.after], stop=seen) if n not in seen]
        seen.update(mine)
        step = f"∂{names[f.node]}/∂{names[f.wrt]}"
        times = 1 + len(_below(f.wrt, factors))
        yield Part(step, f.rule or "1", _formula(counter, mine), counter.total(mine), times)
    rest = [n for n in walk(found) if n not in seen]
    if counter.total(rest) != 0:
        yield Part("sums over paths", "add", _formula(counter, rest), counter.total(rest), 1)


def _formula(counter: Counter, nodes: Iterable[Node]) -> str:
    """Products of matrices as the sizes that multiply, and the sum of all else."""
    nodes = list(nodes)
    products = Multiset(
        "·".join(str(d) for d in counter.product_of(n)) for n in nodes if n.op.name == "matmul"
    )
    words = [text if k == 1 else f"{k}×({text})" for text, k in products.items()]
    rest = counter.total(n for n in nodes if n.op.name != "matmul")
    if rest != 0 or not words:
        words.append(str(rest))
    return " + ".join(words)


def _reuse(
    d: Record, factors: list[Factor], weights: list[Node], names: Mapping[Node, str]
) -> Iterable[Reuse]:
    """Each cotangent of a name, and what follows from it."""
    j = names[d.result]
    for v in dict.fromkeys(f.node for f in factors):
        if v is d.result:
            continue
        direct = list(dict.fromkeys(f.wrt for f in factors if f.node is v))
        below = _below(v, factors)
        yield Reuse(
            f"∂{j}/∂{names[v]}",
            tuple(names[u] for u in direct),
            tuple(names[w] for w in weights if w in below),
            len(below),
        )


def _below(v: Node, factors: list[Factor]) -> set[Any]:
    """All that lies between a node and the weights, these included."""
    found: set[Node] = set()
    for f in factors:  # in the order of the sweep: what is above comes first
        if f.node is v or f.node in found:
            found.add(f.wrt)
    return found
