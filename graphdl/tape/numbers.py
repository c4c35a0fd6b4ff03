"""Numbers among the operands: some are structure, the others arguments.

A rate that falls, a weight that is turned up: a number may differ in every turn of a loop, and must
not make a new program each time. But 1 − p or 2·x with a known 1 and 2 are what rules look for. So
the numbers of mathematics are structure until they are seen to change; the rest are arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphdl.core.graph import Node
from graphdl.core.types import FLOATS
from graphdl.tape.bounded import Bounded

STRUCTURE = frozenset((-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0))
_seen = Bounded(4096)  # (position, function, nodes beside it) -> the number, or VARIES
VARIES = object()


def entered(record: Any, function: Any, values: Sequence[Any]) -> list[Any]:
    """The values with the numbers that are arguments replaced by leaves of the recording."""
    nodes = [v for v in values if isinstance(v, Node)]
    dtype = next((n.dtype for n in nodes if n.dtype in FLOATS), None)
    if dtype is None or len(nodes) == len(values):
        return list(values)
    site = (function, *map(id, nodes))  # an identity used again costs a program, not a wrong value
    return [
        record.leaf(v, dtype) if _is_argument(v, (k, *site)) else v for k, v in enumerate(values)
    ]


def _is_argument(value: Any, site: tuple) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if value not in STRUCTURE:
        return True
    known = _seen.peek(site)
    if known is None or (known is not VARIES and known != value):
        _seen.put(site, known := value if known is None else VARIES)
    return known is VARIES
