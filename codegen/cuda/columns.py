"""Sums side by side: when the threads of a block are a table of columns and of parts of each.

A warp of 32 threads reads fastest where they read neighbours. A sum down each column of a matrix is
therefore taken for 32 columns at once, each row by a warp. In a block that has few sums to make, each
by one thread, most threads would have nothing to do; as a table all of them work.
"""

from __future__ import annotations

from codegen import ir
from codegen.cuda.nests import Nest
from codegen.cuda.work import turns_of
from codegen.javascript.printer import count
from codegen.passes.free import Cells, sums_of

WARP = 32
SHORT = 32  # turns of a sum that one thread may as well take alone


def side_of_grid(nest: Nest, lanes: int, cells: Cells) -> int:
    """How many columns each block of a launch takes; 0: threads are no table."""
    loops = _sums(nest, cells)
    long = loops and max(map(turns_of, loops)) >= SHORT
    return _side(nest, lanes) if long and _go_down(nest, loops) else 0


def side_in_block(nest: Nest, lanes: int, cells: Cells) -> int:
    """The same for a single block, which has all turns to take: where it is done sooner."""
    side, loops = _side(nest, lanes), _sums(nest, cells)
    if not side or not loops:
        return 0
    work, each = turns_of(count(f.extent for f in nest.free)), sum(map(turns_of, loops))
    parts = lanes // side
    trees = 2 * len(loops) * parts.bit_length()
    by_columns = -(-work // side) * (-(-each // parts) + trees)
    return side if by_columns < -(-work // lanes) * each else 0


def _side(nest: Nest, lanes: int) -> int:
    """A power of two, at most a warp, that leaves at least two threads for a column."""
    work = turns_of(count(f.extent for f in nest.free))
    side = min(WARP, lanes // 2, 1 << (work - 1).bit_length())
    return side if side > 1 else 0


def _sums(nest: Nest, cells: Cells) -> list[ir.Loop]:
    """The loops of a nest, if all that they do is to add up scalars."""
    loops = [s for s in nest.body if isinstance(s, ir.Loop)]
    only = all(not ir.stores(s.body) and sums_of(s, cells) for s in loops)
    return loops if only else []


def _go_down(nest: Nest, loops: list[ir.Loop]) -> bool:
    """Do neighbouring turns of the free loops read neighbouring elements?"""
    moving = [e for s in loops for e in ir.loads(s.body) if s.var in e.index]
    return bool(moving) and all(e.index[-1] == nest.free[-1].var for e in moving)
