"""Test cases made of the samples that each operation declares."""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import dataclass

import numpy as np

from graphdl.core.errors import DisconnectedError, NotDifferentiableError
from graphdl.core.graph import Node, apply
from graphdl.core.interpret import interpret
from graphdl.core.op import Op, Sample
from graphdl.differentiate.chain_rule import gradients
from graphdl.ops.build import constant, tensor
from graphdl.ops.registry import all_ops

LEAVES = ("constant", "tensor", "variable", "random_uniform", "random_normal")
OPS = {name: op for name, op in all_ops().items() if name not in LEAVES}


@dataclass(frozen=True)
class Case:
    """One sample of an op in one dtype: symbols with values, the node, a cotangent for it."""

    name: str
    inputs: tuple[Node, ...]
    arrays: tuple[np.ndarray, ...]
    node: Node
    cotangent: np.ndarray

    @property
    def env(self) -> dict[Node, np.ndarray]:
        return dict(zip(self.inputs, self.arrays, strict=True))

    def value(self) -> np.ndarray:
        return interpret([self.node], self.env)[0]

    def derivatives(self) -> list[tuple[Node, Node]]:
        """(w, Jᵀu) for each input w that the op has a derivative for."""
        floating = self.node.type.is_float
        return derivatives(self.node, self.inputs, self.cotangent) if floating else []


def derivatives(node: Node, inputs, cotangent: np.ndarray) -> list[tuple[Node, Node]]:
    """(w, Jᵀu) for the floating inputs; left out where the node does not depend on w."""
    found = []
    for w in inputs:
        if w.type.is_float:
            with contextlib.suppress(DisconnectedError, NotDifferentiableError):
                found.append((w, gradients(node, [w], constant_of(cotangent))[0]))
    return found


def constant_of(array: np.ndarray) -> Node:
    return constant(array, array.dtype.name)


def case(op: Op, number: int, dtype: str) -> Case:
    """The op's sample of that number, floats in `dtype`. The same numbers in both dtypes."""
    sample = op.samples[number]
    random = np.random.default_rng([zlib.crc32(op.name.encode()), number])
    kinds = sample.dtypes or ("float",) * len(sample.shapes)
    kinds = tuple(dtype if kind == "float" else kind for kind in kinds)
    arrays = tuple(_draw(sample, kinds, random))
    inputs = tuple(tensor(f"x{i}", a.shape, a.dtype.name) for i, a in enumerate(arrays))
    node = apply(op, *inputs, **sample.attrs)
    cotangent = random.uniform(0.5, 1.5, node.type.shape).astype(node.dtype)
    return Case(f"{op.name}-{number}", inputs, arrays, node, cotangent)


def cases(op: Op, dtype: str) -> list[Case]:
    return [case(op, k, dtype) for k in range(len(op.samples))]


def _draw(sample: Sample, kinds: tuple[str, ...], random: np.random.Generator):
    """Floats at distinct places, so that maxima, orders and kinks are not near a tie."""
    total = sum(int(np.prod(s)) for s in sample.shapes)
    places = (random.permutation(total) + random.uniform(0.25, 0.75, total)) / max(total, 1)
    for k, (shape, kind) in enumerate(zip(sample.shapes, kinds, strict=True)):
        count = int(np.prod(shape))
        mine, places = places[:count].reshape(shape), places[count:]
        if kind == "bool":
            yield mine > 0.5
        elif kind.startswith("int"):
            yield random.integers(*sample.low_high, shape).astype(kind)
        else:
            low, high = _interval(sample, k)
            yield (low + (high - low) * mine).astype("float32").astype(kind)


def _interval(sample: Sample, k: int) -> tuple[float, float]:
    domain = sample.domain
    return domain[k] if isinstance(domain[0], tuple) else domain  # type: ignore[return-value]


def differences(function, arrays, directions, h=5e-4):
    """The derivative of `function` along the directions, by central differences of 5 points."""

    def at(t):
        return function([a + t * d for a, d in zip(arrays, directions, strict=True)])

    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
