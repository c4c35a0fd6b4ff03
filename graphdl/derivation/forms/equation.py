"""What every form is made of: equations, each with the part of the record that it states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphdl.core.graph import Node
from graphdl.derivation.record import Factor

Kind = Literal["chain", "factor", "gradient", "cotangent", "part", "forward", "slope", "code"]


@dataclass(frozen=True, eq=False)
class Equation:
    """left = right, in one dialect. `of` is what it states: a factor, or the name v of ∂J/∂v."""

    kind: Kind
    left: str
    right: str
    note: str = ""
    of: Factor | Node | None = None
    sign: str = "="

    @property
    def latex(self) -> str:
        """The equation in one line, where its dialect is LaTeX."""
        return f"{self.left} {self.latex_sign} {self.right}".strip()

    @property
    def latex_sign(self) -> str:
        return {"←": r"\leftarrow", ":": r"\colon"}.get(self.sign, self.sign)
