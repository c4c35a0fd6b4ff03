"""The program: buffers, loop nests with scalar bodies, matrix products, repeats.

Semantics, the contract between passes:

* A `Program` is a list of items, run in order. Two items may be exchanged or joined when no buffer or
  scalar that one writes is touched by the other. Buffers never overlap unless one is a view of the
  other (`Buffer.view_of`: the same elements in row order under another shape), or a part of a `Pack`.
* A name is given once in a program, be it a buffer's or a scalar's. A scalar has a value from its `Let`
  to the end of the block that holds it. Sizes, numbers, `seed` and `step`, and with batches `start` and
  `total`, have one everywhere. a1, e1, f1 and names with _ are left to passes.
* Inputs, constants and variables hold values when the program starts; all other memory is written
  before it is read, each output at least once. Inputs and constants are never written.
* A `Loop` runs its body for 0 ≤ var < extent, in order. Extents are whole numbers ≥ 0 known when the
  program starts: constants or expressions of its `sizes`.
* Indices are whole numbers within the shape; nothing checks them at run time. An index that comes from
  data is clamped by whoever builds the program.
* Floating point follows IEEE 754, NaN and infinities included: a/0 is inf, comparisons with NaN are
  false. Sums may be re-associated within one loop, products and sums contracted, the sign of zero is
  free; nothing may assume that values are finite.
* An accumulator is a scalar or buffer element updated by `op`. Sums of float32 elements accumulate in
  float64 and are rounded once; the sum inside a matrix product accumulates in the dtype of the product.
* A `Guard` ends the program, before any later item, when an element it looks at is not finite.
* A program of a team (`shares` is not None) is run by all its threads at once. Each does its part of
  what is split, all do what has no part (it writes registers only), one does what is `Alone`. Between
  two barriers no thread touches what another writes. A barrier stands at the start of a step and after
  a guard, on which all leave together.
* `Repeat` runs its items once for each row of its table; a slot stands for the row's buffer. Those of
  one column lie in one array, and all variables of a dtype that tables name lie in one pack or in none.
  Where rows differ in an extent it is one of the repeat's own `sizes`, a number for each row.

`codegen.verify` holds a program to this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

# ------------------------------------------------------------------ scalars


@dataclass(frozen=True, slots=True)
class Const:
    """A number written into the program."""

    value: float | int | bool
    dtype: str


@dataclass(frozen=True, slots=True)
class Var:
    """A scalar by name: a loop variable, a size, an argument, an accumulator."""

    name: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Load:
    """An element of a buffer."""

    buffer: Buffer
    index: tuple[Expr, ...]

    @property
    def dtype(self) -> str:
        return self.buffer.dtype


@dataclass(frozen=True, slots=True)
class Apply:
    """A scalar function of the vocabulary (`codegen.scalars`) applied to scalars."""

    fn: str
    args: tuple[Expr, ...]
    dtype: str


Expr = Const | Var | Load | Apply
ZERO, ONE = Const(0, "int64"), Const(1, "int64")


def integer(value: int) -> Const:
    return Const(value, "int64")


def plus(a: Expr, b: Expr) -> Expr:
    """a + b of whole numbers, folded."""
    if isinstance(a, Const) and isinstance(b, Const):
        return integer(a.value + b.value)
    return b if a == ZERO else a if b == ZERO else Apply("add", (a, b), "int64")


def times(a: Expr, b: Expr) -> Expr:
    """a · b of whole numbers, folded."""
    if isinstance(a, Const) and isinstance(b, Const):
        return integer(a.value * b.value)
    if ZERO in (a, b):
        return ZERO
    return b if a == ONE else a if b == ONE else Apply("mul", (a, b), "int64")


def minus(a: Expr, b: Expr) -> Expr:
    """a - b of whole numbers, folded."""
    if isinstance(a, Const) and isinstance(b, Const):
        return integer(a.value - b.value)
    return a if b == ZERO else Apply("sub", (a, b), "int64")


# ------------------------------------------------------------------ storage


@dataclass(frozen=True, eq=False, slots=True)
class Buffer:
    """An array in row order. Role: input, constant, variable, output or temp."""

    name: str
    shape: tuple[Expr, ...]
    dtype: str
    role: str = "temp"
    view_of: Buffer | None = None
    note: str = ""  # the user's word for it: only ever shown

    @property
    def root(self) -> Buffer:
        return self if self.view_of is None else self.view_of.root

    @property
    def is_scalar(self) -> bool:
        return not self.shape

    def __repr__(self) -> str:
        return f"<{self.role} {self.name}>"


# ------------------------------------------------------------------ statements


@dataclass(frozen=True, slots=True)
class Let:
    """A scalar is given a value (the start of an accumulator included)."""

    var: Var
    expr: Expr
    of: str = field(default="", compare=False)  # the buffer whose element it is: only ever shown


@dataclass(frozen=True, slots=True)
class Update:
    """var = op(var, expr); op "set" just replaces it."""

    var: Var
    op: str
    expr: Expr


@dataclass(frozen=True, slots=True)
class Store:
    """buffer[index] = expr, or op(buffer[index], expr)."""

    buffer: Buffer
    index: tuple[Expr, ...]
    expr: Expr
    op: str | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """The body for start ≤ var < extent; only a program of a team starts elsewhere than at 0."""

    var: Var
    extent: Expr
    body: tuple[Stmt, ...]
    start: Expr = ZERO


Stmt = Let | Update | Store | Loop


@dataclass(frozen=True)
class Share:
    """One thread's part of 0 ≤ i < extent: whole blocks of `grain`, the last one with what is left."""

    extent: Const | Var
    grain: int

    @property
    def first(self) -> Var:
        return Var(f"{self._name}_first", "int64")

    @property
    def last(self) -> Var:
        return Var(f"{self._name}_last", "int64")

    @property
    def _name(self) -> str:
        size = self.extent.name if isinstance(self.extent, Var) else f"of_{self.extent.value}"
        return f"{size}_by_{self.grain}"


# ------------------------------------------------------------------ items


@dataclass(frozen=True, eq=False)
class Kernel:
    """Loop nests with scalar bodies."""

    body: tuple[Stmt, ...]
    note: str = ""

    @cached_property
    def reads(self) -> tuple[Buffer, ...]:
        found = [e.buffer for e in loads(self.body)]
        found += [s.buffer for s in stores(self.body) if s.op]
        return tuple(dict.fromkeys(found))

    @cached_property
    def writes(self) -> tuple[Buffer, ...]:
        return tuple(dict.fromkeys(s.buffer for s in stores(self.body)))


@dataclass(frozen=True, eq=False)
class MatMul:
    """out = a·b of matrices; `ta`, `tb` read an operand transposed."""

    a: Buffer
    b: Buffer
    out: Buffer
    ta: bool = False
    tb: bool = False
    note: str = ""
    part: tuple[str, Share] | None = None  # this thread's "rows" or "columns" of out


@dataclass(frozen=True, eq=False)
class Fused:
    """A product, and what is done with each element of its result while that is in a register.

    `body` finds the element in `value`, at (`row`, `column`). kept: is the result stored besides?
    """

    product: MatMul
    body: tuple[Stmt, ...]
    row: Var
    column: Var
    value: Var
    kept: bool
    note: str = ""


@dataclass(frozen=True, eq=False)
class ArgSort:
    """out[r, :] = the order that sorts the row a[r, :], stable."""

    a: Buffer
    out: Buffer
    note: str = ""


@dataclass(frozen=True, eq=False)
class Guard:
    """End the program here when an element of the buffers is not finite."""

    buffers: tuple[Buffer, ...]
    note: str = ""
    shares: tuple[Share | None, ...] = ()  # this thread's part of the first axis of each


@dataclass(frozen=True, eq=False)
class Alone:
    """What one thread of a team does while the others go on to the next barrier."""

    items: tuple[Kernel | MatMul | ArgSort, ...]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Barrier:
    """No thread of a team goes on before all have come here."""

    note: str = ""


@dataclass(frozen=True, eq=False)
class Repeat:
    """The items once a row: slot k stands for the buffer table[row][k].

    At run time a slot is the part of its arena (one array that holds all buffers of the column) that
    starts at offsets[row, k]; the numbers of the sizes stand after the offsets of the slots.
    """

    items: tuple[Item, ...]
    slots: tuple[Buffer, ...]
    table: tuple[tuple[Buffer, ...], ...]
    arenas: tuple[Buffer, ...]  # of each slot
    offsets: Buffer
    note: str = ""
    sizes: tuple[Var, ...] = ()  # whole numbers that differ from row to row …
    extents: tuple[tuple[int, ...], ...] = ()  # … and those of each row, where there are any

    @property
    def turns(self) -> tuple[dict[str, int], ...]:
        """For each row, what the repeat's own sizes are."""
        names = [v.name for v in self.sizes]
        numbers = self.extents if self.sizes else ((),) * len(self.table)
        return tuple(dict(zip(names, row, strict=True)) for row in numbers)


Item = Kernel | MatMul | Fused | ArgSort | Guard | Repeat | Alone | Barrier


@dataclass(frozen=True, eq=False)
class Pack:
    """Buffers that lie one after the other in memory and can be run over as one."""

    whole: Buffer
    members: tuple[Buffer, ...]


@dataclass(frozen=True, eq=False)
class Batches:
    """The program runs once a batch: rows [start, start + rows) of the data through `order`."""

    rows: Var
    inputs: tuple[tuple[Buffer, Buffer], ...]  # (all the data, this batch's rows)


@dataclass(frozen=True, eq=False)
class Program:
    """Everything that is run, and the buffers it is run on."""

    items: tuple[Item, ...]
    sizes: tuple[Var, ...]  # run-time whole numbers
    scalars: tuple[Var, ...]  # run-time numbers that are not structure
    arguments: tuple[Buffer, ...]  # inputs, constants, variables, outputs: in order
    packs: tuple[Pack, ...] = ()
    batches: Batches | None = None
    notes: tuple[str, ...] = field(default=())
    shares: tuple[Share, ...] | None = None  # of a team of threads (`codegen.passes.parallel`)

    def with_items(self, items: Iterable[Item], **changes: object) -> Program:
        return replace(self, items=tuple(items), **changes)  # type: ignore[arg-type]


# ------------------------------------------------------------------ walks


def subexpressions(expr: Expr) -> Sequence[Expr]:
    """The expression and all its parts, outside in."""
    if isinstance(expr, (Const, Var)):
        return (expr,)
    found: list[Expr] = [expr]
    for part in expr.args if isinstance(expr, Apply) else expr.index:
        found += subexpressions(part)
    return found


def statements(body: Iterable[Stmt]) -> list[Stmt]:
    """All statements, loops before their bodies."""
    found: list[Stmt] = []
    for s in body:
        found.append(s)
        if isinstance(s, Loop):
            found += statements(s.body)
    return found


def own_expressions(s: Stmt) -> tuple[Expr, ...]:
    """The expressions of a statement itself, without those of a loop's body."""
    if isinstance(s, Loop):
        return (s.extent,) if s.start == ZERO else (s.start, s.extent)
    return (s.expr, *s.index) if isinstance(s, Store) else (s.expr,)


def loads(body: Iterable[Stmt]) -> list[Load]:
    """Every element read by the statements."""
    return [
        part
        for s in statements(body)
        for expr in own_expressions(s)
        for part in subexpressions(expr)
        if isinstance(part, Load)
    ]


def stores(body: Iterable[Stmt]) -> list[Store]:
    return [s for s in statements(body) if isinstance(s, Store)]


def reads(item: Item) -> tuple[Buffer, ...]:
    """The buffers an item reads, each once, in order."""
    if isinstance(item, Kernel):
        return item.reads
    if isinstance(item, MatMul):
        return (item.a, item.b)
    if isinstance(item, Fused):
        return tuple(dict.fromkeys((item.product.a, item.product.b, *Kernel(item.body).reads)))
    if isinstance(item, ArgSort):
        return (item.a,)
    if isinstance(item, Guard):
        return item.buffers
    if isinstance(item, (Alone, Barrier)):
        return _inside(item, reads)
    return _through_table(item, reads)


def writes(item: Item) -> tuple[Buffer, ...]:
    """The buffers an item writes, each once, in order."""
    if isinstance(item, Kernel):
        return item.writes
    if isinstance(item, (MatMul, ArgSort)):
        return (item.out,)
    if isinstance(item, Fused):
        kept = (item.product.out,) if item.kept else ()
        return tuple(dict.fromkeys((*kept, *Kernel(item.body).writes)))
    if isinstance(item, Guard):
        return ()
    if isinstance(item, (Alone, Barrier)):
        return _inside(item, writes)
    return _through_table(item, writes)


def _inside(
    item: Alone | Barrier, touched: Callable[[Item], tuple[Buffer, ...]]
) -> tuple[Buffer, ...]:
    items = item.items if isinstance(item, Alone) else ()
    return tuple(dict.fromkeys(b for i in items for b in touched(i)))


def _through_table(
    item: Repeat, touched: Callable[[Item], tuple[Buffer, ...]]
) -> tuple[Buffer, ...]:
    inside = dict.fromkeys(b for i in item.items for b in touched(i))
    columns = [k for k, slot in enumerate(item.slots) if slot in inside]
    fixed = [b for b in inside if b not in item.slots]
    return tuple(dict.fromkeys(fixed + [row[k] for row in item.table for k in columns]))


# ------------------------------------------------------------------ substitution


def map_expr(expr: Expr, f: Callable[[Expr], Expr | None]) -> Expr:
    """Replace parts, outside in: `f` returns the replacement or None to look further inside."""
    found = f(expr)
    if found is not None:
        return found
    if isinstance(expr, Apply):
        return Apply(expr.fn, tuple(map_expr(a, f) for a in expr.args), expr.dtype)
    if isinstance(expr, Load):
        return Load(expr.buffer, tuple(map_expr(a, f) for a in expr.index))
    return expr


def map_stmt(s: Stmt, f: Callable[[Expr], Expr | None], buffers: dict[Buffer, Buffer]) -> Stmt:
    """A statement with expressions mapped and the buffers it stores to replaced."""
    if isinstance(s, Loop):
        var = f(s.var)
        body = tuple(map_stmt(t, f, buffers) for t in s.body)
        var = var if isinstance(var, Var) else s.var
        return Loop(var, map_expr(s.extent, f), body, map_expr(s.start, f))
    if isinstance(s, Store):
        index = tuple(map_expr(i, f) for i in s.index)
        return Store(buffers.get(s.buffer, s.buffer), index, map_expr(s.expr, f), s.op)
    var = f(s.var)
    return replace(s, var=var if isinstance(var, Var) else s.var, expr=map_expr(s.expr, f))


def rename(body: Iterable[Stmt], names: dict[Var, Var]) -> tuple[Stmt, ...]:
    """Scalars under other names."""
    f = lambda e: names.get(e) if isinstance(e, Var) else None  # noqa: E731
    return tuple(map_stmt(s, f, {}) for s in body)


def swap_buffers(item: Item, new: dict[Buffer, Buffer]) -> Item:
    """The item on other buffers."""
    if isinstance(item, Kernel):

        def f(e: Expr) -> Expr | None:
            if isinstance(e, Load) and e.buffer in new:
                return Load(new[e.buffer], tuple(map_expr(i, f) for i in e.index))
            return None

        return replace(item, body=tuple(map_stmt(s, f, new) for s in item.body))
    if isinstance(item, MatMul):
        return replace(
            item,
            a=new.get(item.a, item.a),
            b=new.get(item.b, item.b),
            out=new.get(item.out, item.out),
        )
    if isinstance(item, ArgSort):
        return replace(item, a=new.get(item.a, item.a), out=new.get(item.out, item.out))
    if isinstance(item, Guard):
        return replace(item, buffers=tuple(new.get(b, b) for b in item.buffers))
    table = tuple(tuple(new.get(b, b) for b in row) for row in item.table)
    return replace(item, items=tuple(swap_buffers(i, new) for i in item.items), table=table)
