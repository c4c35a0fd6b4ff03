"""How the threads of a block stand: several turns of free loops at once, several threads for each.

A warp of 32 threads reads fastest where they read neighbours. A sum down each column of a matrix is
taken for 32 columns side by side, a row of them by a warp; what runs along rows is done for some rows
at once, each by threads that are neighbours. In a block that has few turns to take, and each by one
thread, most threads would have nothing to do; as a table all of them work.
"""

from __future__ import annotations

from dataclasses import dataclass

from codegen import ir
from codegen.cuda.nests import Nest
from codegen.cuda.work import turns_of
from codegen.javascript.printer import count
from codegen.passes.free import Cells, sums_of

WARP = 32
LONG = 32  # turns of a loop that are worth more than one thread
FAR = 4  # what it costs when neighbours read elements that are no neighbours; an estimate


@dataclass(frozen=True)
class Table:
    """So many turns at once, `each` threads for one of them: neighbours, or `turns` apart."""

    turns: int
    each: int
    apart: bool = False

    @property
    def own(self) -> str:
        """Which of the turns is the thread's."""
        return f"lane % {self.turns}" if self.apart else f"lane // {self.each}"

    @property
    def part(self) -> str:
        """Which of its threads this one is."""
        return f"lane // {self.turns}" if self.apart else f"lane % {self.each}"


def of_grid(nest: Nest, lanes: int, cells: Cells) -> Table | None:
    """For each block of a launch; None where a thread takes a turn alone."""
    loops = _shared(nest, cells)
    if not loops or max(map(turns_of, loops)) < LONG:
        return None
    return _columns(nest, loops, lanes) or _rows(loops, lanes)


def in_block(nest: Nest, lanes: int, cells: Cells) -> Table | None:
    """The same for a single block, which has all turns to take: where it is done sooner."""
    loops = _shared(nest, cells)
    if not loops or lanes == 1:
        return None
    work = turns_of(count(f.extent for f in nest.free))
    alone = -(-work // lanes) * sum(map(turns_of, loops)) * (FAR if _run_along(loops) else 1)
    made = [t for t in (_columns(nest, loops, lanes), _rows(loops, lanes)) if t]
    best = min(made, key=lambda t: _time(t, work, loops))
    return best if _time(best, work, loops) < alone else None


def _time(table: Table, work: int, loops: list[ir.Loop]) -> int:
    """Turns of inner loops that a thread takes, and its share in trees, two moments a level."""
    turns = sum(-(-turns_of(s) // table.each) for s in loops)
    trees = 2 * table.each.bit_length() * sum(bool(_sums(s)) for s in loops)
    return -(-work // table.turns) * (turns + trees)


def _shared(nest: Nest, cells: Cells) -> list[ir.Loop]:
    """The loops in a turn, if all of them can be dealt out."""
    loops = [s for s in nest.body if isinstance(s, ir.Loop)]
    return loops if all(sums_of(s, cells) is not None for s in loops) else []


def _sums(loop: ir.Loop) -> list[ir.Stmt]:
    return [s for s in ir.statements(loop.body) if isinstance(s, ir.Update)]


def _columns(nest: Nest, loops: list[ir.Loop], lanes: int) -> Table | None:
    """Columns side by side, at most a warp of them, where loops add up what lies below each other."""
    moving = [e for s in loops for e in ir.loads(s.body) if s.var in e.index]
    down = moving and all(e.index[-1] == nest.free[-1].var for e in moving)
    work = turns_of(count(f.extent for f in nest.free))
    side = min(WARP, lanes // 2, 1 << (work - 1).bit_length())
    only_sums = all(_sums(s) and not ir.stores(s.body) for s in loops)
    return Table(side, lanes // side, True) if down and only_sums and side > 1 else None


def _rows(loops: list[ir.Loop], lanes: int) -> Table:
    """Some rows, each by neighbours: a warp, or more where there are four turns for each of more."""
    each, most = min(WARP, -(-lanes // 2)), max(map(turns_of, loops))
    while 2 * each <= lanes and 8 * each <= most:
        each *= 2
    return Table(lanes // each, each)


def _run_along(loops: list[ir.Loop]) -> bool:
    """Do threads that take a turn each read elements that are no neighbours?"""
    return any(s.var == e.index[-1] for s in loops for e in ir.loads(s.body) if e.index)
