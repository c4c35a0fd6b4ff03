"""Loop fusion: loops over the same extent that touch the same memory become one loop.

Two loops may be joined when, for every buffer that one of them writes and the other touches, both
reach it only at the element of the loop variable itself: then iteration i of the second needs nothing
but iteration i of the first. Bodies are joined by the same rule, so whole nests grow together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from codegen import ir
from codegen.optimisations import on
from codegen.passes.access import Footprint, Footprints, Index, Resource, meetings
from codegen.passes.chain import Chain, chain_of
from codegen.passes.delay import better_late
from codegen.passes.free import is_free, sums_of

T = TypeVar("T")
Users = dict[Resource, dict[Footprint, ir.Kernel]]


def fuse(program: ir.Program) -> ir.Program:
    """Every kernel joined to an earlier one where that is legal and they share memory.

    Those that are `better_late` wait for the kernel that reads them.
    """
    return _joined(program, Fuser())


def fuse_parallel(program: ir.Program) -> ir.Program:
    """The same for iterations that run at once."""
    return _joined(program, ParallelFuser())


def _joined(program: ir.Program, fuser: Fuser) -> ir.Program:
    late = better_late(program) if on("delay") else set()
    for at, item in enumerate(program.items):
        fuser.add(item, at in late)
    fuser.settle()
    return program.with_items(fuser.items)


class Fuser:
    """The items so far, their footprints, and which kernels use which arrays."""

    def __init__(self) -> None:
        self.known = Footprints()
        self.items: list[ir.Item] = []
        self.prints: list[Footprint] = []
        self.users: Users = {}  # since the last guard: nothing moves across it
        self.chain: Chain | None = None  # what the last item is, or is to become

    def add(self, item: ir.Item, late: bool) -> None:
        """The item comes after all others so far, joined to one of them where that is legal.

        A kernel which continues the last one element by element can have no nearer partner: a whole
        chain of them is joined at once, when something else comes.
        """
        chain = chain_of(item)
        if chain is not None and self.chain is not None and self.chain.takes(chain):
            self.chain.extend(chain)
            return
        self.settle()
        if isinstance(item, ir.Kernel) and self.into_earlier(item, late):
            self.chain = chain_of(self.items[-1])
            return
        self.append(item)
        self.chain = chain

    def settle(self) -> None:
        """The last item becomes the whole of its chain."""
        if self.chain is not None and self.chain.grown:
            self._replace(len(self.items) - 1, [], self.chain.kernel())
        self.chain = None

    def append(self, item: ir.Item) -> None:
        self.items.append(item)
        self.prints.append(self.known.item(item))
        if isinstance(item, ir.Guard):
            self.users.clear()
        elif isinstance(item, ir.Kernel):
            self._use(item, self.prints[-1])

    def _use(self, kernel: ir.Kernel, its: Footprint) -> None:
        for array in its.arrays:
            self.users.setdefault(array, {})[its] = kernel

    # -------------------------------------------------- items

    def into_earlier(self, kernel: ir.Kernel, late: bool = False) -> bool:
        """Join the kernel to the nearest earlier one that takes it; `late`: none before a product."""
        mine = self.known.item(kernel)
        if not _loops(kernel.body):
            return self._after_scalars(kernel, mine)
        for at, ahead in meetings(self.prints, mine, self._partners(kernel, mine)):
            other = self.items[at]
            if late and any(isinstance(i, ir.MatMul) for i in self.items[at + 1 :]):
                return False
            joined = self._join(other.body, kernel.body)  # type: ignore[union-attr]
            if joined is not None:
                self._replace(at, ahead, ir.Kernel(joined, _notes(other, kernel)))
                self._join_earlier(at + len(ahead))
                return True
        return False

    def _join_earlier(self, at: int) -> None:
        """An update that has grown joins an earlier kernel with which its parts shared no memory.

        μ·v and η·g have nothing in common until their difference has joined one of them. The other
        would be kept meanwhile, in memory as large as the weights. No kernel passes a product.
        """
        kernel, mine = self.items[at], self.prints[at]
        assert isinstance(kernel, ir.Kernel)
        if not any(b.role == "variable" for b in ir.writes(kernel)):
            return
        partners = self._partners(kernel, mine) - {mine}
        for before, ahead in meetings(self.prints[:at], mine, partners):
            other = self.items[before]
            if any(isinstance(i, ir.MatMul) for i in self.items[before + 1 : at]):
                return
            joined = self._join(other.body, kernel.body)  # type: ignore[union-attr]
            if joined is not None:
                for array in mine.arrays:
                    del self.users[array][mine]
                del self.items[at], self.prints[at]
                self._replace(before, ahead, ir.Kernel(joined, _notes(other, kernel)))
                return

    def _after_scalars(self, kernel: ir.Kernel, mine: Footprint) -> bool:
        """Append a kernel without loops to the last item it depends on, if that has none either."""
        for at in range(len(self.items) - 1, -1, -1):
            other = self.items[at]
            if isinstance(other, ir.Guard):
                return False
            if mine.conflicts(self.prints[at]):
                if isinstance(other, ir.Kernel) and not _loops(other.body):
                    joined = ir.Kernel(other.body + kernel.body, _notes(other, kernel))
                    self._replace(at, [], joined)
                    return True
                return False
        return False

    def _partners(self, kernel: ir.Kernel, mine: Footprint) -> set[Footprint]:
        """Kernels with a loop that could take one of this kernel's."""
        found = {p: k for array in mine.arrays for p, k in self.users.get(array, {}).items()}
        own = _loops(kernel.body)
        return {
            p for p, k in found.items() if any(self._fit(a, b) for a in _loops(k.body) for b in own)
        }

    def _replace(self, at: int, ahead: list[int], joined: ir.Kernel) -> None:
        """items[at] becomes the joined kernel, after those that moved ahead of it."""
        old, new = self.prints[at], self.known.item(joined)
        for array in old.arrays:
            del self.users[array][old]
        self._use(joined, new)
        self.items[at:] = _moved(self.items, at, ahead, joined)
        self.prints[at:] = _moved(self.prints, at, ahead, new)

    # -------------------------------------------------- bodies

    def _join(
        self, first: tuple[ir.Stmt, ...], second: tuple[ir.Stmt, ...]
    ) -> tuple[ir.Stmt, ...] | None:
        """Both bodies as one, or None when no loop of the second found a partner."""
        body = list(first)
        fused = [self._place(body, s) for s in second]
        return tuple(body) if any(fused) else None

    def _place(self, block: list[ir.Stmt], s: ir.Stmt) -> bool:
        """Join a loop to the nearest one of the block that takes it, else append it."""
        if isinstance(s, ir.Loop):
            partners = {
                self.known.of(other)
                for other in block
                if isinstance(other, ir.Loop) and self._fit(other, s)
            }
            prints = [self.known.of(other) for other in block] if partners else []
            for at, ahead in meetings(prints, self.known.of(s), partners):
                fused = self._fused(block[at], s)  # type: ignore[arg-type]
                if fused is not None:
                    block[at:] = _moved(block, at, ahead, fused)
                    return True
        block.append(s)
        return False

    def _fused(self, a: ir.Loop, b: ir.Loop) -> ir.Loop | None:
        """Both loops as one, then the loops within; None where they are better apart."""
        block: list[ir.Stmt] = []
        for s in (*a.body, *ir.rename(b.body, {b.var: a.var})):
            self._place(block, s)
        return ir.Loop(a.var, a.extent, tuple(block))

    def _alike(self, a: ir.Loop, b: ir.Loop) -> bool:
        """Is what the loops do for each turn of one kind?"""
        return bool(_loops(a.body)) == bool(_loops(b.body))

    def _fit(self, a: ir.Loop, b: ir.Loop) -> bool:
        """Do the loops share memory, and do their iterations match one to one?"""
        if a.extent != b.extent or not self._alike(a, b):
            return False
        first, second = self.known.of(a), self.known.of(b)
        if first.arrays.isdisjoint(second.arrays):
            return False
        shared = (first.written & second.touched) | (second.written & first.touched)
        return all(
            _same_iteration(first.accesses[r], a.var, second.accesses[r], b.var) for r in shared
        )


class ParallelFuser(Fuser):
    """Joins loops whose turns are to run at once.

    What is free stays free. Within a turn of free loops, one may become a loop that adds up scalars.
    """

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def _alike(self, a: ir.Loop, b: ir.Loop) -> bool:
        return True

    def _fused(self, a: ir.Loop, b: ir.Loop) -> ir.Loop | None:
        self._depth += 1
        both = super()._fused(a, b)
        self._depth -= 1
        assert both is not None
        less, more = sorted((_freedom(a), _freedom(b)))
        least = less if self._depth else min(more, max(1, less))
        return both if _freedom(both) >= least else None


def _freedom(loop: ir.Loop) -> float:
    """How many loops, from this one inwards, are free; half a one counts if turns add up scalars."""
    if not is_free(loop, loop, {}):
        return 0.5 if sums_of(loop, {}) is not None else 0
    alone = len(loop.body) == 1 and isinstance(loop.body[0], ir.Loop)
    return 1 + (_freedom(loop.body[0]) if alone else 0)  # type: ignore[arg-type]


def _same_iteration(a: list[Index], i: ir.Var, b: list[Index], j: ir.Var) -> bool:
    """Is a resource reached by both only at their loop variables, on one and the same axis?"""
    axes: set[int] | None = None
    for var, indices in ((i, a), (j, b)):
        for index in indices:
            here = set() if index is None else set(_axes_at(index, var))
            axes = here if axes is None else axes & here
            if not axes:
                return False
    return bool(axes)


def _axes_at(index: tuple[ir.Expr, ...], var: ir.Var) -> list[int]:
    """The axes on which an index is just the variable."""
    return [axis for axis, e in enumerate(index) if isinstance(e, ir.Var) and e.name == var.name]


def _moved(things: Sequence[T], at: int, ahead: list[int], joined: T) -> list[T]:
    """What stands from `at` on once things[at] is `joined` and those ahead moved in front of it."""
    rest = (things[k] for k in range(at + 1, len(things)) if k not in ahead)
    return [*(things[k] for k in reversed(ahead)), joined, *rest]


def _loops(body: tuple[ir.Stmt, ...]) -> list[ir.Loop]:
    return [s for s in body if isinstance(s, ir.Loop)]


def _notes(*items: ir.Item) -> str:
    return "\n".join(i.note for i in items if i.note)
