"""Rewriting: named rules, applied from the inputs to the outputs until none fits any more.

A rule says that a form may be replaced by another of the same dtype and shape. Every node is
brought to its final form after its inputs have reached theirs, so one walk over the graph suffices.
Which rules can fit is looked up by the operations of a node and of its inputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain

from graphdl.core.errors import GraphError
from graphdl.core.graph import Graph, Node, rebuild
from graphdl.core.op import Op
from graphdl.core.sizes import Dim
from graphdl.core.types import Type
from graphdl.ops.build import constant, constant_op
from graphdl.rewrite import patterns as p

Replacement = p.Pattern | Callable[["Match"], Node | None]


@dataclass(frozen=True, eq=False)
class Rule:
    """`pattern` may be replaced by `replacement`: a pattern, or a function that may return None.

    `text` is the algebra as a person writes it. `changes` says where a stabilising rule changes
    values; the formula in exact arithmetic is its reference there. With `in_products` the rule also
    fits two factors X, Y that a third keeps apart: (a·X)·Y.
    """

    name: str
    pattern: p.Pattern
    replacement: Replacement
    text: str
    guard: Callable[[Match], bool] | None = None
    changes: str = ""
    in_products: bool = False


@dataclass(frozen=True, eq=False)
class Trace:
    """One application of a rule."""

    pass_name: str
    rule: str
    before: Node
    after: Node

    def __str__(self) -> str:
        return f"{self.pass_name}: {self.rule} at {self.before.origin}"


class Context:
    """What a guard may ask of the graph that is being rewritten."""

    def __init__(self, graph: Graph) -> None:
        self.facts, self.nodes = graph.facts, graph.nodes
        self.users = Counter(chain(graph.roots, *(n.inputs for n in graph.nodes)))
        self._shapes: dict[Type, tuple[Dim, ...]] = {}

    def shape(self, node: Node) -> tuple[Dim, ...]:
        """The shape, with all that the graph knows of sizes."""
        found = self._shapes.get(node.type)
        if found is None:
            found = self._shapes[node.type] = self.facts.shape(node.type.shape)
        return found


class Match:
    """The nodes that the holes and labels of a pattern stand for, by name, and the `root`."""

    __slots__ = ("_bound", "context", "root")

    def __init__(self, root: Node, bound: p.Bound, context: Context) -> None:
        self.root, self._bound, self.context = root, bound, context

    def __getattr__(self, name: str) -> Node:
        return self._bound[name]

    def shape(self, node: Node) -> tuple[Dim, ...]:
        return self.context.shape(node)

    def like(self, value: float) -> Node:
        """A scalar constant of the root's dtype."""
        return constant(value, self.root.dtype)

    def fill(self, replacement: Replacement) -> Node | None:
        if isinstance(replacement, p.Pattern):
            return p.instantiate(replacement, self._bound, self.root.dtype)
        return replacement(self)


class _Form:
    """A rule's pattern with its operands in one order.

    `factor`: the form (a·X)·Y, where what the rule puts in place of X·Y is multiplied by a.
    """

    def __init__(self, rule: Rule, pattern: p.Pattern, factor: bool) -> None:
        self.rule, self.pattern, self.factor = rule, pattern, factor
        self.inputs = tuple(map(_op_of, pattern.args)) if isinstance(pattern, p.Apply) else ()

    @cached_property
    def match(self) -> p.Matcher:
        return p.matcher(self.pattern)

    def may_fit(self, op: Op, inputs: tuple[Op, ...]) -> bool:
        """Can it fit a node of this op whose inputs have these ops?"""
        if isinstance(self.pattern, p.Any_):
            return self.pattern.ops(op, inputs)
        wanted = self.inputs
        return len(inputs) == len(wanted) and all(
            w is None or w is o for w, o in zip(wanted, inputs, strict=True)
        )


def _forms(rule: Rule) -> list[_Form]:
    found = [_Form(rule, q, False) for q in p.orders(rule.pattern)]
    if rule.in_products:
        assert isinstance(rule.pattern, p.Apply)
        x, y = rule.pattern.args
        rest = p.wild("rest")
        for spread in ((rest * x) * y, (rest * y) * x):
            found += [_Form(rule, q, True) for q in p.orders(spread)]
    return found


def _op_of(pattern: p.Pattern) -> Op | None:
    if isinstance(pattern, p.Apply):
        return pattern.op
    known = isinstance(pattern, p.Number) or (isinstance(pattern, p.Wild) and pattern.number)
    return constant_op if known else None


class Index:
    """Rules in their order of precedence, found by the operations they look at."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._of_op: dict[Op, list[_Form]] = {}
        self._found: dict[tuple[Op, ...], tuple[_Form, ...]] = {}

    def forms_for(self, node: Node) -> tuple[_Form, ...]:
        key = (node.op, *[i.op for i in node.inputs])
        found = self._found.get(key)
        if found is None:
            forms = self._forms_of(node.op)
            found = self._found[key] = tuple(f for f in forms if f.may_fit(key[0], key[1:]))
        return found

    def _forms_of(self, op: Op) -> list[_Form]:
        if op not in self._of_op:
            rules = [r for r in self._rules if _op_of(r.pattern) in (op, None)]
            self._of_op[op] = [form for rule in rules for form in _forms(rule)]
        return self._of_op[op]


@cache
def index_of(rules: tuple[Rule, ...]) -> Index:
    """The index of a list of rules, made once."""
    return Index(rules)


class Rewriter:
    """One pass of rules over one graph."""

    def __init__(self, graph: Graph, index: Index, name: str, verify: bool) -> None:
        self.index, self.name, self.verify = index, name, verify
        self.context = Context(graph)
        self.final: dict[Node, Node] = {}
        self.trace: list[Trace] = []
        self.limit = 1000 + 20 * len(graph.nodes)
        for node in graph.nodes:
            self.settle(node)

    def settle(self, start: Node) -> None:
        """Bring a node to its final form, and on the way all that its replacements are made of."""
        final = self.final
        ahead: dict[Node, Node] = {}  # node → what it becomes next
        todo = [start]
        while todo:  # a stack, not recursion: graphs are deep
            node = todo[-1]
            if node in ahead:
                self._conclude(node, final[ahead[node]])
            if node in final:
                todo.pop()
                continue
            inputs = tuple([final.get(i) for i in node.inputs])
            if None in inputs:
                todo += [i for i in reversed(node.inputs) if i not in final]
                continue
            following = self._fire(node) if inputs == node.inputs else rebuild(node, inputs)
            if following is node:
                final[node] = node
            elif following in ahead:
                raise self._endless()
            else:
                ahead[node] = following
                todo.append(following)

    def _conclude(self, node: Node, final: Node) -> None:
        self.final[node] = final
        self.context.users[final] += self.context.users[node]

    def _fire(self, node: Node) -> Node:
        """What the first rule that fits puts in the node's place."""
        for form in self.index.forms_for(node):
            bound: p.Bound = {}
            if form.match(node, bound):
                after = self._replace(form, Match(node, bound, self.context))
                if after is not None and after is not node:
                    return self._record(form.rule, node, after)
        return node

    def _replace(self, form: _Form, match: Match) -> Node | None:
        if form.rule.guard is not None and not form.rule.guard(match):
            return None
        after = match.fill(form.rule.replacement)
        return match.rest * after if form.factor and after is not None else after  # type: ignore

    def _record(self, rule: Rule, before: Node, after: Node) -> Node:
        self.trace.append(Trace(self.name, rule.name, before, after))
        if len(self.trace) > self.limit:
            raise self._endless()
        if self.verify:
            self._check(rule, before, after)
        return after

    def _check(self, rule: Rule, before: Node, after: Node) -> None:
        old, new = self.context.shape(before), self.context.shape(after)
        if before.dtype != after.dtype or old != new:
            raise GraphError(
                f"the rule {rule.name!r} replaced {before.dtype} {old} by {after.dtype} {new}"
            )

    def _endless(self) -> GraphError:
        last = ", ".join(dict.fromkeys(t.rule for t in self.trace[-6:]))
        return GraphError(f"the pass {self.name!r} does not come to an end; the last rules: {last}")


Became = dict[Node, Node]  # what nodes have turned into so far


def follow(became: Became | None, new: dict[Node, Node], trace: Sequence[Trace] = ()) -> None:
    """Take note of what a pass has made of the nodes it met, and of those its rules put in."""
    if became is not None:
        for node, now in became.items():
            became[node] = new.get(now, now)
        for fired in trace:
            for node in (fired.before, fired.after):
                became.setdefault(node, new.get(node, node))


def rewrite(
    graph: Graph,
    rules: Iterable[Rule],
    name: str,
    verify: bool = False,
    became: Became | None = None,
) -> tuple[Graph, list[Trace]]:
    """The graph after all rules that fit, and which ones did; the same graph where none does.

    With `verify`, every replacement is checked for its dtype and shape. `became` is kept up to date
    with what its nodes, and those that rules fit or put in, turn into. Raises GraphError where rules
    go round in circles.
    """
    done = Rewriter(graph, index_of(tuple(rules)), name, verify)
    if not done.trace:
        return graph, []
    follow(became, done.final, done.trace)
    names = {done.final[n]: label for n, label in graph.names.items() if n in done.final}
    return with_roots(graph, done.final, names), done.trace


def with_roots(graph: Graph, new: dict[Node, Node], names: dict[Node, str]) -> Graph:
    """The graph with its roots replaced. What it knew of sizes stays known."""
    result = graph.with_roots(new, names)
    result.facts = graph.facts.merge(result.facts)
    return result
