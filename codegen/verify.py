"""The written spec of a `Program`: `verify` raises where one breaks it.

Read `Spec.program` from the top. Passes are held to it in tests; programs that users run are not
checked, because a lowering that is right stays right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from codegen import ir
from codegen.scalars import TYPES, fits
from codegen.text import expression, statement, title

DTYPES = ("float32", "float64", "int32", "int64", "bool")
GIVEN = ("input", "constant", "variable")  # these hold values when the program starts
WRITABLE = ("variable", "output", "temp", "slot")
DRIVER = ("seed", "step")  # whole numbers that every program may read …
BATCH_DRIVER = ("start", "total")  # … and those of a program that runs once a batch

Scope = dict[str, str]  # name of a scalar -> its dtype
Rows = Mapping[ir.Buffer, ir.Buffer]  # slot -> the buffer that it stands for


class InvalidProgram(ValueError):
    """A program that breaks the spec; the message names item and statement."""


def verify(program: ir.Program) -> None:
    """Raise InvalidProgram unless the program keeps to the spec."""
    Spec(program).program()


class Spec:
    """One check of one program: what was named and written so far."""

    def __init__(self, program: ir.Program) -> None:
        self.p = program
        self.named: dict[str, object] = {}  # every name belongs to one thing
        self.sizes = {v.name for v in program.sizes} | {"total"}
        self.globals: Scope = {v.name: v.dtype for v in (*program.sizes, *program.scalars)}
        driver = DRIVER + BATCH_DRIVER if program.batches else DRIVER
        self.globals |= dict.fromkeys(driver, "int64")
        self.wholes = {p.whole: p.members for p in program.packs}
        self.packed_in = {m: p.whole for p in program.packs for m in p.members}
        self.written: set[ir.Buffer] = set()
        self.where = "program"

    def program(self) -> None:
        """Arguments, packs, items in order, outputs."""
        for name in self.globals:
            self.name(name, name)
        for b in self.p.arguments:
            self.require(b.role in (*GIVEN, "output"), f"the argument {b.name} is a {b.role}")
            self.require(b.view_of is None, f"the argument {b.name} is a view")
            self.buffer(b)
        for pack in self.p.packs:
            self.pack(pack)
        for number, item in enumerate(self.p.items, 1):
            self.where = f"item {number} ({title(item)})"
            self.item(item)
        self.where = "program"
        for b in self.p.arguments:
            self.require(b.role != "output" or self.is_written(b), f"{b.name} is never written")

    def require(self, fulfilled: bool, otherwise: str) -> None:
        if not fulfilled:
            raise InvalidProgram(f"{self.where}: {otherwise}")

    def name(self, name: str, thing: object) -> None:
        """A name is given once in a program: passes move statements without looking for clashes."""
        self.require(name.isidentifier(), f"{name!r} is no name")
        owner = self.named.setdefault(name, thing)
        self.require(owner is thing, f"the name {name} is given twice")

    # -------------------------------------------------- storage

    def buffer(self, b: ir.Buffer) -> None:
        """A buffer as it is declared: name, dtype, extents, the memory that a view shares."""
        self.name(b.name, b)
        self.require(b.dtype in DTYPES, f"{b.name} holds {b.dtype}")
        for d in b.shape:
            self.extent(d, f"an axis of {b.name}")
        if b.role in (*GIVEN, "output") and b not in self.wholes:
            known = b.root in self.p.arguments or self.is_order(b)
            self.require(known, f"the {b.role} {b.name} is not among the arguments")
        if b.view_of is not None:
            self.require(b.dtype == b.view_of.dtype, f"the view {b.name} has another dtype")
            have, want = count(b.shape), count(b.view_of.shape)
            same = None in (have, want) or have == want
            self.require(same, f"the view {b.name} has {have} elements, its memory has {want}")

    def is_order(self, b: ir.Buffer) -> bool:
        """The order in which a batch takes its rows, which the driver hands over."""
        return self.p.batches is not None and b.name == "order" and b.role == "input"

    def extent(self, e: ir.Expr, what: str) -> None:
        """A whole number that is known when the program starts."""
        self.require(e.dtype == "int64", f"{what} is {expression(e)}, a {e.dtype}")
        for part in ir.subexpressions(e):
            arithmetic = isinstance(part, ir.Apply) and part.fn in ("add", "sub", "mul")
            size = isinstance(part, ir.Var) and part.name in self.sizes
            known = isinstance(part, ir.Const) or arithmetic or size
            self.require(known, f"{what} is {expression(e)}, which is no expression of the sizes")

    def pack(self, pack: ir.Pack) -> None:
        """The members cover the whole, each lies in one place only."""
        whole, members = pack.whole, pack.members
        self.buffer(whole)
        self.require(len(whole.shape) == 1, f"the pack {whole.name} has not one axis")
        self.require(len(set(members)) == len(members), f"{whole.name} holds a buffer twice")
        for m in members:
            self.buffer(m)
            self.require(self.packed_in[m] is whole, f"{m.name} lies in two packs")
            self.require(m.view_of is None, f"{m.name} in {whole.name} is a view")
            alike = (m.dtype, m.role) == (whole.dtype, whole.role)
            self.require(alike, f"{m.name} in {whole.name} is a {m.role} of {m.dtype}")
        parts = [count(m.shape) for m in members]
        self.require(None not in parts, f"a member of {whole.name} has no fixed size")
        total, room = sum(p or 0 for p in parts), count(whole.shape)
        self.require(total == room, f"{whole.name} has {room} elements, its members {total}")

    # -------------------------------------------------- what is written when

    def is_written(self, b: ir.Buffer) -> bool:
        """Has the memory a value: given, written, or all its parts are."""
        root = b.root
        if root.role in GIVEN or root in self.written or self.packed_in.get(root) in self.written:
            return True
        return root in self.wholes and all(m in self.written for m in self.wholes[root])

    def reads(self, b: ir.Buffer, rows: Rows) -> None:
        b = rows.get(b.root, b)
        self.require(self.is_written(b), f"{b.name} is read before it is written")

    def writes(self, b: ir.Buffer, rows: Rows) -> None:
        b = rows.get(b.root, b)
        self.require(b.role in WRITABLE, f"the {b.role} {b.name} is written")
        self.written.add(b.root)

    def flow(self, item: ir.Item, rows: Rows) -> None:
        """Everything that is read was written before; inputs and constants stay as they are."""
        if not isinstance(item, ir.Kernel):
            for b in ir.reads(item):
                self.reads(b, rows)
            for b in ir.writes(item):
                self.writes(b, rows)
            return
        for s in ir.statements(item.body):
            for e in ir.own_expressions(s):
                for part in ir.subexpressions(e):
                    if isinstance(part, ir.Load):
                        self.reads(part.buffer, rows)
            if isinstance(s, ir.Store):
                if s.op:
                    self.reads(s.buffer, rows)
                self.writes(s.buffer, rows)

    # -------------------------------------------------- items

    def item(self, item: ir.Item) -> None:
        if isinstance(item, ir.Repeat):
            self.repeat(item)
        else:
            self.form(item)
            self.flow(item, {})

    def form(self, item: ir.Item) -> None:
        """Names, ranks, shapes and dtypes."""
        if isinstance(item, ir.Kernel):
            self.block(item.body, dict(self.globals), {})
            return
        for b in (*ir.reads(item), *ir.writes(item)):
            self.buffer(b)
        if isinstance(item, ir.MatMul):
            self.product(item)
        elif isinstance(item, ir.ArgSort):
            same = item.a.shape == item.out.shape and item.a.shape != ()
            self.require(same, f"{item.out.name} has not the shape of {item.a.name}")
            self.require(item.out.dtype == "int64", f"{item.out.name} is {item.out.dtype}")
        elif isinstance(item, ir.Guard):
            for b in item.buffers:
                self.require(b.dtype.startswith("float"), f"{b.name} is {b.dtype}: always finite")
        else:
            self.require(False, "a repeat inside a repeat")

    def product(self, item: ir.MatMul) -> None:
        """(m, k) times (k, n) is (m, n), in one floating dtype, into other memory."""
        a, b, out = item.a, item.b, item.out
        self.require(all(len(x.shape) == 2 for x in (a, b, out)), "a product takes matrices")
        self.require(a.dtype == b.dtype == out.dtype, "a product has one dtype")
        self.require(out.dtype.startswith("float"), f"a product of {out.dtype}")
        left = a.shape[::-1] if item.ta else a.shape
        right = b.shape[::-1] if item.tb else b.shape
        fits = left[1] == right[0] and out.shape == (left[0], right[1])
        shapes = [f"({', '.join(map(expression, s))})" for s in (left, right, out.shape)]
        self.require(fits, f"{shapes[0]} times {shapes[1]} is not {shapes[2]}")
        self.require(out.root not in (a.root, b.root), f"{out.name} is an operand of its product")

    def repeat(self, item: ir.Repeat) -> None:
        """Each row has, for each slot, a buffer of the slot's shape and dtype in the slot's arena."""
        rows, columns = len(item.table), len(item.slots)
        self.require(len(item.arenas) == columns, f"{columns} slots, {len(item.arenas)} arenas")
        right = (ir.integer(rows), ir.integer(columns + len(item.sizes))) == item.offsets.shape
        self.require(right, f"{item.offsets.name} has not one row for each row of the table")
        self.own_sizes(item)
        for row, turn in zip(item.table, item.turns, strict=True):
            self.require(len(row) == columns, f"{columns} slots, a row of {len(row)} buffers")
            for slot, arena, b in zip(item.slots, item.arenas, row, strict=True):
                self.row(slot, arena, b, item.table[0][item.slots.index(slot)], turn)
        for inner in item.items:
            self.form(inner)
        for v in item.sizes:
            self.sizes.remove(v.name)
            del self.globals[v.name]
        for row in item.table:
            for inner in item.items:
                self.flow(inner, dict(zip(item.slots, row, strict=True)))

    def own_sizes(self, item: ir.Repeat) -> None:
        """One number a row for each, known to the items of the repeat and to nobody else."""
        for v in item.sizes:
            self.name(v.name, v)
            self.require(v.dtype == "int64", f"the size {v.name} is {v.dtype}")
        self.sizes |= {v.name for v in item.sizes}
        self.globals |= dict.fromkeys((v.name for v in item.sizes), "int64")
        count, numbers = len(item.sizes), item.extents
        right = len(numbers) == (len(item.table) if count else 0)
        right = right and all(len(row) == count and min(row) >= 0 for row in numbers)
        self.require(right, f"not every row has numbers for {count} sizes")

    def row(
        self, slot: ir.Buffer, arena: ir.Buffer, b: ir.Buffer, first: ir.Buffer,
        turn: Mapping[str, int],
    ) -> None:  # fmt: skip
        self.buffer(b)
        self.require(slot.role == "slot", f"{slot.name} is a {slot.role}, not a slot")
        own = {
            v: ir.integer(turn[v.name])
            for v in slot.shape
            if isinstance(v, ir.Var) and v.name in turn
        }
        shape = tuple(own.get(d, d) for d in slot.shape)  # type: ignore[arg-type]
        same = (b.shape, b.dtype) == (shape, slot.dtype) and arena.dtype == slot.dtype
        self.require(same, f"{b.name} does not fit the slot {slot.name}")
        self.require(b.role in ("temp", "variable"), f"the {b.role} {b.name} is in a table")
        self.require(b.role == first.role, f"{b.name} and {first.name} lie in different arenas")
        self.require(b.view_of is None, f"the view {b.name} is in a table")
        self.require(count(b.shape) != 1, f"{b.name}, in a table, may be a register")

    # -------------------------------------------------- statements

    def block(self, body: Iterable[ir.Stmt], scope: Scope, extents: Mapping[str, ir.Expr]) -> None:
        """Statements in order; what a block names is unknown outside it."""
        item = self.where
        for s in body:
            self.where = f"{item}: {statement(s)}"
            for e in ir.own_expressions(s):
                self.expression(e, scope, extents)
            if isinstance(s, ir.Loop):
                self.extent(s.extent, "the extent")
                self.declare(s.var, "int64", dict(scope))
                inner = {**scope, s.var.name: "int64"}
                self.where = item
                self.block(s.body, inner, {**extents, s.var.name: s.extent})
            elif isinstance(s, ir.Let):
                self.declare(s.var, s.expr.dtype, scope)
            elif isinstance(s, ir.Update):
                self.require(s.var.name in scope, f"{s.var.name} is updated before it has a value")
                own = s.var.name not in self.globals and s.var.name not in extents
                self.require(own, f"{s.var.name} is no accumulator")
                self.expression(s.var, scope, extents)
                self.combine(s.op, s.var.dtype, s.expr)
            else:
                self.element(s.buffer, s.index, extents)
                self.combine(s.op or "set", s.buffer.dtype, s.expr)
        self.where = item

    def declare(self, var: ir.Var, dtype: str, scope: Scope) -> None:
        self.require(var.dtype == dtype, f"{var.name} is {var.dtype}, its value {dtype}")
        self.name(var.name, object())
        scope[var.name] = dtype

    def combine(self, op: str, dtype: str, expr: ir.Expr) -> None:
        """old = op(old, expr)"""
        self.require(expr.dtype == dtype, f"a {expr.dtype} is kept as {dtype}")
        if op != "set":
            self.apply(op, (dtype, dtype), dtype)

    # -------------------------------------------------- expressions

    def expression(self, e: ir.Expr, scope: Scope, extents: Mapping[str, ir.Expr]) -> None:
        for part in ir.subexpressions(e):
            if isinstance(part, ir.Var):
                self.require(part.name in scope, f"{part.name} has no value here")
                known = scope[part.name]
                self.require(part.dtype == known, f"{part.name} is {known}, not {part.dtype}")
            elif isinstance(part, ir.Load):
                self.element(part.buffer, part.index, extents)
            elif isinstance(part, ir.Apply):
                self.apply(part.fn, tuple(a.dtype for a in part.args), part.dtype)
            else:
                self.require(part.dtype in DTYPES, f"{part.value} is {part.dtype}")

    def apply(self, fn: str, arguments: tuple[str, ...], result: str) -> None:
        self.require(fn in TYPES, f"{fn} is not in the vocabulary")
        right = fits(fn, arguments, result)
        self.require(right, f"{fn} of {', '.join(arguments)} is no {result}")

    def element(
        self, b: ir.Buffer, index: tuple[ir.Expr, ...], extents: Mapping[str, ir.Expr]
    ) -> None:
        """One whole number for each axis, within it as far as that is plain to see."""
        self.buffer(b)
        self.require(len(index) == len(b.shape), f"{b.name} has {len(b.shape)} axes")
        for i, d in zip(index, b.shape, strict=True):
            self.require(i.dtype == "int64", f"{expression(i)} indexes {b.name} as {i.dtype}")
            self.require(within(i, d, extents), f"{expression(i)} leaves an axis of {b.name}")


def within(i: ir.Expr, d: ir.Expr, extents: Mapping[str, ir.Expr]) -> bool:
    """Is 0 ≤ i < d, as far as both are plain numbers or the range of a loop?"""
    if not isinstance(d, ir.Const):
        return True
    if isinstance(i, ir.Const):
        return 0 <= i.value < d.value
    extent = extents.get(i.name) if isinstance(i, ir.Var) else None
    return not isinstance(extent, ir.Const) or extent.value <= d.value


def count(shape: tuple[ir.Expr, ...]) -> int | None:
    """How many elements, where that is fixed."""
    if all(isinstance(d, ir.Const) for d in shape):
        return math.prod(int(d.value) for d in shape)  # type: ignore[union-attr]
    return None
