"""A derivation as JSON: the story, the forms, and for each step its nodes and its lines of source."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from graphdl.core.graph import Node, walk
from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.forms.pen import DIALECTS, Pen
from graphdl.derivation.forms.steps import equations, title

if TYPE_CHECKING:
    from graphdl.derivation.derivation import Derivation

SCHEMA = "graphdl.derivation/1"


def to_json(derivation: Derivation) -> str:
    """See `Derivation.json`. The same text in every process."""
    d = derivation
    pen = Pen(d, DIALECTS["text"])
    stated = dict.fromkeys(n for s in d.steps for n in s.nodes)
    ids = {n: f"n{k}" for k, n in enumerate(walk([d.result, d.gradient, *stated]), 1)}
    data = {
        "schema": SCHEMA,
        "result": pen.name(d.result),
        "weight": pen.name(d.wrt),
        "unit": None if d.unit is None else list(d.unit),
        "paths": d.paths,
        "nodes": {ids[n]: _node(n) for n in stated},
        "steps": [_step(d, s, ids) for s in d.steps],
        "forms": {
            form: {dialect: _rows(d.equations(form, dialect)) for dialect in DIALECTS}
            for form in ("chain", "index", "matrix", "code")
        },
        "source": d.source,
    }
    return json.dumps(data, ensure_ascii=False, indent=1)


def _node(node: Node) -> dict[str, Any]:
    path, _, line = node.origin.rpartition(":")
    return {
        "op": node.op.name,
        "type": str(node.type.with_shape(node.shape)),
        "declared": f"{PurePath(path).name}:{line}" if path else "",
    }


def _step(d: Derivation, step: Any, ids: dict[Node, str]) -> dict[str, Any]:
    place = d.where(step)
    return {
        "number": step.number,
        "kind": step.kind,
        "title": title(Pen(d, DIALECTS["text"]), step),
        "rule": step.rule,
        "nodes": [ids[n] for n in step.nodes],
        "lines": list(place.lines),
        "merged_by": list(place.rules),
        **{name: _rows(equations(Pen(d, dialect), step)) for name, dialect in DIALECTS.items()},
    }


def _rows(found: list[Equation]) -> list[dict[str, str]]:
    return [
        {"kind": e.kind, "left": e.left, "sign": e.sign, "right": e.right, "note": e.note}
        for e in found
    ]
