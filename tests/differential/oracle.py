"""What the value and the gradient of a random case should be: by PyTorch, or by differences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from graphdl.core.graph import walk
from graphdl.core.interpret import interpret
from tests.differential import graphs, networks

try:
    from tests.differential import torch_names
except ImportError:
    torch_names = None
KINDS = {"graph": graphs, "network": networks}
STEP = 1e-6  # of the differences: far below the distance that every case keeps from a kink


def flat(arrays) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(np.ravel(a) for a in arrays)])


@dataclass
class Case:
    """A random graph or network by its number."""

    kind: str
    seed: int

    @cached_property
    def recipe(self) -> Any:
        return KINDS[self.kind].draw(self.seed)

    def built(self, dtype: str) -> graphs.Built:
        return KINDS[self.kind].build(self.recipe, dtype)

    def torch(self, dtype: str) -> tuple[float, np.ndarray]:
        value, gradients = torch_names.gradients(self.recipe.loss, self.recipe.arrays, dtype)
        return value, flat(gradients)

    # -------------------------------------------------- the comparisons

    def check(self, outputs: list[np.ndarray]) -> None:
        """The value to 1e-12 and the gradient, by norm, to 1e-10 (differences: to 1e-7)."""
        value, gradient = float(outputs[0]), flat(outputs[1:])
        if torch_names is None:
            return self._check_by_differences(value, gradient)
        true, slope = self.torch("float64")
        assert abs(value - true) <= 1e-12 * max(1, abs(true)), self._says("value", value, true)
        error, size = np.linalg.norm(gradient - slope), np.linalg.norm(slope)
        assert error <= 1e-10 * size + 1e-12, self._says("gradient", error, size)

    def check_float32(self, outputs: list[np.ndarray]) -> None:
        """Within twice PyTorch's own float32 error and 1e-6; without it, 1e-4."""
        value, gradient = float(outputs[0]), flat(outputs[1:])
        if torch_names is None:
            built = self.built("float64")
            true, *slopes = interpret(
                built.outputs, dict(zip(built.symbols, built.arrays, strict=True))
            )
            allowed = [1e-4 * (1 + abs(true)), 1e-4 * (1 + np.linalg.norm(flat(slopes)))]
            slope = flat(slopes)
        else:
            (true, slope), (value32, slope32) = self.torch("float64"), self.torch("float32")
            size = np.linalg.norm(slope)
            allowed = [
                2 * abs(value32 - true) + 1e-6 * (1 + abs(true)),
                2 * np.linalg.norm(slope32 - slope) + 1e-6 * (1 + size),
            ]
        assert abs(value - true) <= allowed[0], self._says("float32 value", value, true)
        error = np.linalg.norm(gradient - slope)
        assert error <= allowed[1], self._says("float32 gradient", error, allowed[1])

    def _check_by_differences(self, value: float, gradient: np.ndarray) -> None:
        """Against the interpreter, and along three directions against central differences."""
        built = self.built("float64")
        env = dict(zip(built.symbols, built.arrays, strict=True))
        points = [env.get(w, getattr(w, "storage", None)) for w in built.wrt]
        true = float(interpret([built.loss], env)[0])
        assert abs(value - true) <= 1e-12 * max(1, abs(true)), self._says("value", value, true)
        stopped = [n for n in walk([built.loss]) if n.op.name == "stop_gradient"]
        env |= dict(zip(stopped, interpret(stopped, env), strict=True))  # constants to a gradient
        random = np.random.default_rng(self.seed)
        for _ in range(3):
            directions = [random.uniform(-1, 1, p.shape) for p in points]

            def at(t, directions=directions):
                moved = [p + t * d for p, d in zip(points, directions, strict=True)]
                return interpret([built.loss], env | dict(zip(built.wrt, moved, strict=True)))[0]

            h = STEP
            slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
            stated = gradient @ flat(directions)
            allowed = 1e-7 * (1 + abs(true) + np.linalg.norm(gradient))
            assert abs(stated - slope) <= allowed, self._says("gradient", stated, slope)

    def _says(self, what: str, found: Any, wanted: Any) -> str:
        return f"{what}: {found!r} against {wanted!r} in {self.kind} {self.recipe}"
