"""A kernel: its head, which takes what its lines need, and what is to be known to launch it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from codegen import ir
from codegen.cuda.clock import ADVANCE, ADVANCES, FIELDS, at

NOTES = 6  # lines of a note that are shown
Parts = tuple[tuple[ir.Expr, int], ...]


@dataclass(frozen=True)
class Body:
    """The lines of a kernel after its head, and over what it is launched.

    parts: (extent, so many to a block); the blocks are the product of all, each rounded up.
    threads: those of a block. together: blocks that a multiprocessor must have registers for.
    """

    lines: list[str]
    parts: Parts
    threads: int
    together: int = 1


@dataclass(frozen=True, eq=False)
class Kernel:
    """A function of the module. It takes the clock, then pointers to buffers, then numbers."""

    name: str
    lines: tuple[str, ...]
    buffers: tuple[ir.Buffer, ...]
    numbers: tuple[ir.Var, ...]
    parts: Parts
    threads: int
    writes: frozenset[ir.Buffer]  # of the buffers
    sets: tuple[str, ...] = ()  # fields of the clock that it writes
    together: int = 1  # blocks that a multiprocessor must have registers for
    product: ir.MatMul | None = None  # if it is all that the kernel does, and a library may do it

    @cached_property
    def sees(self) -> tuple[str, ...]:
        """The fields of the clock that it reads or writes: those that its lines name."""
        return tuple(f for f in FIELDS if any(at(f) in line for line in self.lines))


class Functions:
    """Makes the functions of one program."""

    def __init__(self, program: ir.Program, guarded: bool) -> None:
        self.guarded = guarded  # may a guard end the run?
        self.driven = {"seed": FIELDS["seed"], "step": FIELDS["step"]}  # numbers of the clock
        if program.batches:
            self.driven |= {n: FIELDS[n] for n in ("start", "total")}
            self.driven[program.batches.rows.name] = FIELDS["rows"]
        self._count = 0

    def make(
        self, note: str, body: Body, buffers: Iterable[ir.Buffer], reads: Iterable[ir.Var],
        writes: Iterable[ir.Buffer], sets: tuple[str, ...] = (), keeps_time: bool = False,
    ) -> Kernel:  # fmt: skip
        """The function around its lines.

        reads: the numbers they read, besides those in the shapes of buffers; what the clock says of
        them is read at the top, and the status of the run. keeps_time: the lines do that themselves.
        writes, sets: the buffers and the fields of the clock that they write.
        """
        self._count += 1
        name, buffers = f"kernel{self._count}", tuple(dict.fromkeys(buffers))
        found = {v.name: v for v in (*reads, *_strides(buffers))}
        numbers = tuple(found[n] for n in sorted(found) if n not in self.driven)
        taken = ", ".join(["clock", *(b.name for b in buffers), *(v.name for v in numbers)])
        lines = [f"def {name}({taken}):", *(f"    # {s}" for s in note.splitlines()[:NOTES])]
        if self.guarded and not keeps_time:
            lines += [f"    if {at('status')} != 0:", "        return"]
        if not keeps_time:
            driven = {n: field for n, field in self.driven.items() if n in found}
            lines += [f"    {n} = clock[uint64({field})]" for n, field in driven.items()]
        lines = (*lines, *body.lines)
        written = frozenset(writes)
        return Kernel(
            name, lines, buffers, numbers, body.parts, body.threads, written, sets, body.together
        )


def advance() -> Kernel:
    """The kernel with which a step over batches begins."""
    lines = tuple(ADVANCE.splitlines())
    return Kernel("advance", lines, (), (), ((ir.ONE, 1),), 1, frozenset(), ADVANCES)


def sizes_in(extents: Iterable[ir.Expr]) -> Iterator[ir.Var]:
    """The run-time numbers in extents."""
    for e in extents:
        yield from (p for p in ir.subexpressions(e) if isinstance(p, ir.Var))


def _strides(buffers: Iterable[ir.Buffer]) -> Iterator[ir.Var]:
    """The run-time numbers that say where an element lies: in all axes but the first."""
    return sizes_in(d for b in buffers for d in b.shape[1:])
