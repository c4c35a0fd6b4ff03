"""Findings: what was proved, where, and what helps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphdl.core.graph import Node
from graphdl.show.text import expression


@dataclass(frozen=True)
class Finding:
    """One proved fault.

    rule: its short name; severity: "error" (nothing, or not all, can be learnt) or "warning";
    where: layer or equation; proof: why it is so, in one sentence; cure: what helps.
    """

    rule: str
    severity: str
    where: str
    proof: str
    cure: str

    def __str__(self) -> str:
        return (
            f"{self.severity}: {self.rule} at {self.where}\n"
            f"  proof: {self.proof}\n"
            f"  cure:  {self.cure}"
        )


@dataclass(frozen=True)
class Report:
    """The findings on a model, the gravest first. It is true in a condition when there are any."""

    model: str
    findings: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __getitem__(self, k: int) -> Finding:
        return self.findings[k]

    def __str__(self) -> str:
        if not self.findings:
            return f"{self.model}: nothing found"
        count = "1 finding" if len(self) == 1 else f"{len(self)} findings"
        return "\n".join([f"{self.model}: {count}", *map(str, self.findings)])

    __repr__ = __str__


def brief(node: Node, names: Mapping[Node, str] | None = None, most: int = 60) -> str:
    """A node's name, else the beginning of its formula, on one line."""
    if names and node in names:
        return names[node]
    text = expression(node, names).partition("\n")[0]
    return text if len(text) <= most else f"{text[: most - 1]}…"
