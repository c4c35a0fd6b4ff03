"""Names where the user gave none, so that a reader may stop there: W1, b1, z1, h1."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from graphdl.core.graph import Node, Variable, replace, walk
from graphdl.show.names import own_name


def short_names(model: Any) -> dict[Variable, str]:
    """W1, b1, γ2, …, as derivations call them; η for the rate of the optimizer."""
    rate = model.optimizer.learning_rate
    return model.short_names() | ({rate: "η"} if isinstance(rate, Variable) else {})


def with_names(loss: Node, weights: set[Node]) -> Node:
    """The loss where what a weight multiplies has a name, and what comes of it.

    W2 multiplies h1 and gives z2, unless something else is called that.
    """
    while True:
        nodes = walk([loss])
        wanted = next(_without_names(nodes, weights), None)
        if wanted is None:
            return loss
        taken = {own_name(n) for n in nodes}
        node, name = wanted
        forms = itertools.chain(
            [name], (f"{name.rstrip('0123456789')}#{k}" for k in itertools.count(2))
        )
        (loss,) = replace([loss], {node: node.named(next(f for f in forms if f not in taken))})


def _without_names(nodes: list[Node], weights: set[Node]) -> Iterator[tuple[Node, str]]:
    """Operands and results of products with weights that have no name, and one that fits."""
    named = {n.inputs[0] for n in nodes if n.op.name == "named"}
    for product in nodes:
        if product.op.name != "matmul" or product.inputs[1] not in weights:
            continue
        operand, weight = product.inputs
        digits = re.search(r"\d+$", own_name(weight) or "")
        number = int(digits[0]) if digits else 0
        if own_name(operand) is None:
            yield operand, f"h{number - 1}" if number else "h"
        result = _with_bias(product, nodes, weights)
        if result not in named:
            yield result, f"z{number or ''}"


def _with_bias(product: Node, nodes: list[Node], weights: set[Node]) -> Node:
    """The product, or its sum with a bias where that is what is done with it."""
    users = [n for n in nodes if product in n.inputs]
    if len(users) == 1 and users[0].op.name == "add":
        (other,) = (i for i in users[0].inputs if i is not product)
        while other.op.name in ("broadcast_to", "reshape"):
            other = other.inputs[0]
        if other in weights:
            return users[0]
    return product
