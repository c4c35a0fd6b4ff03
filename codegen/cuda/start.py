"""What a run of a program is told: where it begins, how far it goes, and at what sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from codegen import ir
from codegen.cuda.clock import FIELDS


@dataclass(frozen=True)
class Start:
    """What a run is told: the clock before its first step, the steps, numbers by name."""

    clock: np.ndarray
    steps: int
    rows: slice  # of the outputs, where the program runs once a batch
    sizes: dict[str, int]
    scalars: dict[str, Any]


def start_of(program: ir.Program, numbers: Sequence[Any]) -> Start:
    """From what a run takes besides arrays."""
    names = [v.name for v in program.scalars]
    if program.batches:
        first, last, batch, total, seed, time_, *scalars = numbers
        set_to = {"now": first, "last": last, "batch": batch, "total": total}
        set_to |= {"seed": seed, "time": time_}
        sizes = {v.name: batch for v in program.sizes} | {"total": total}
        steps, rows = last - first, slice(first * batch, min(last * batch, total))
    else:
        sizes_of = [v.name for v in program.sizes]
        seed, time_, *rest = numbers
        sizes = dict(zip(sizes_of, rest, strict=False))
        scalars = rest[len(sizes_of) :]
        set_to, steps, rows = {"now": 1, "step": time_, "seed": seed}, 1, slice(None)
    clock = np.zeros(len(FIELDS), np.int64)
    for field, value in set_to.items():
        clock[FIELDS[field]] = value
    return Start(clock, steps, rows, sizes, dict(zip(names, scalars, strict=True)))


def spans(program: ir.Program, start: Start) -> list[Start]:
    """The full batches of a run, and a ragged last one, each at its own sizes."""
    if program.batches is None:
        return [start]
    batch = start.sizes[program.batches.rows.name]
    whole, ragged = divmod(start.rows.stop - start.rows.start, batch)
    if not ragged:
        return [start]
    last = replace(start, steps=1, sizes=start.sizes | {v.name: ragged for v in program.sizes})
    return [replace(start, steps=whole), last] if whole else [last]
