"""What a certificate says: a row for each step and method, and the whole as table, HTML and JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from graphdl.core.errors import WrongDerivativeError
from graphdl.table import render

Verdict = Literal["right", "wrong", "not done"]


@dataclass(frozen=True)
class Row:
    """One step judged by one method."""

    step: str  # "∂ŷ/∂z2"
    rule: str  # the operations whose derivatives the step is made of
    method: str
    error: float | None  # the worst relative error, None where the method was not done
    tolerance: float
    note: str = ""
    where: str = ""  # file and line at which v was declared
    wrt_where: str = ""  # and u

    @property
    def key(self) -> tuple[str, str]:
        """The step: without names between, the one factor has the name of the whole gradient."""
        return self.step, self.rule

    @property
    def verdict(self) -> Verdict:
        if self.error is None:
            return "not done"
        return "right" if self.error <= self.tolerance else "wrong"


@dataclass(frozen=True)
class Certificate:
    """What `check` found. True in a condition when no step is wrong and every one was judged."""

    rows: tuple[Row, ...]
    title: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    moved: bool = False  # are the variables' values others than their present ones?

    @property
    def ok(self) -> bool:
        """Is no row wrong, and each step judged by a method at least?"""
        judged = {r.key for r in self.rows if r.error is not None}
        return judged == {r.key for r in self.rows} and self.wrong is None

    @property
    def wrong(self) -> Row | None:
        """The first row that is wrong, in the order of the sweep; None where all are right."""
        return next((r for r in self.rows if r.verdict == "wrong"), None)

    def __bool__(self) -> bool:
        return self.ok

    def raise_if_wrong(self) -> None:
        """Raise WrongDerivativeError that names the first wrong step."""
        if not self.ok:
            raise WrongDerivativeError(self.verdict)

    @property
    def verdict(self) -> str:
        """The whole in one sentence."""
        row = self.wrong
        if row is not None:
            place = f", declared at {row.where}" if row.where else ""
            note = f"; {row.note}" if row.note else ""
            return (
                f"{row.step} is wrong (rule: {row.rule}{place}): by {row.method} it is off by "
                f"{row.error:.1e}, where {row.tolerance:.0e} is allowed{note}"
            )
        if not self.ok:
            judged = {r.key for r in self.rows if r.error is not None}
            missing = next(r.step for r in self.rows if r.key not in judged)
            return f"{missing} could not be judged by any method"
        count = len({r.key for r in self.rows})
        return f"all {count} steps are right"

    def _by_step(self) -> tuple[list[str], list[list[str]]]:
        """A line for each step and a column for each method."""
        methods = list(dict.fromkeys(r.method for r in self.rows))
        lines = []
        for key in dict.fromkeys(r.key for r in self.rows):
            mine = {r.method: r for r in self.rows if r.key == key}
            cells = [_cell(mine.get(m)) for m in methods]
            lines.append([*key, *cells, _overall(mine.values())])
        return ["step", "rule", *methods, "verdict"], lines

    def __str__(self) -> str:
        """A table: a row for each step, the worst relative error of each method."""
        columns, lines = self._by_step()
        footer = [self._setting(), self.verdict]
        return render(self.title, columns, lines, footer, width=110)

    __repr__ = __str__

    def _setting(self) -> str:
        sizes = ", ".join(f"{name} = {n}" for name, n in self.sizes.items())
        drawn = "variables drawn near their values" if self.moved else "variables as they are"
        return f"relative errors{f', at {sizes}' if sizes else ''}, {drawn}, seed {self.seed}"

    def html(self) -> str:
        """The table as HTML, wrong steps marked by a word and a class."""
        columns, lines = self._by_step()
        head = "".join(f'<th scope="col">{html.escape(c)}</th>' for c in columns)
        body = "".join(
            f'<tr class="{line[-1].replace(" ", "-")}">'
            f'<th scope="row">{html.escape(line[0])}</th>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in line[1:])
            + "</tr>"
            for line in lines
        )
        return (
            f'<table class="graphdl-certificate"><caption>{html.escape(self.title)}: '
            f"{html.escape(self.verdict)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )

    def json(self) -> str:
        """All rows, as a JSON object."""
        rows = [
            {
                "step": r.step, "rule": r.rule, "method": r.method, "error": _plain(r.error),
                "tolerance": r.tolerance, "verdict": r.verdict, "note": r.note,
                "where": r.where, "wrt_where": r.wrt_where,
            }
            for r in self.rows
        ]  # fmt: skip
        whole = {
            "title": self.title, "ok": self.ok, "verdict": self.verdict, "seed": self.seed,
            "moved": self.moved, "sizes": dict(self.sizes), "rows": rows,
        }  # fmt: skip
        return json.dumps(whole, ensure_ascii=False, allow_nan=False)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": str(self), "text/html": self.html()}
        wanted = bundle.keys() if include is None else set(include)
        return {k: v for k, v in bundle.items() if k in wanted and k not in set(exclude or ())}


def _plain(error: float | None) -> float | str | None:
    """JSON has no infinity."""
    return "inf" if error == np.inf else error


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    return row.note if row.error is None else f"{row.error:.0e}" if row.error else "0"


def _overall(rows: Iterable[Row]) -> Verdict:
    verdicts = {r.verdict for r in rows}
    return "wrong" if "wrong" in verdicts else "right" if "right" in verdicts else "not done"
