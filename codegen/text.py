"""A program as text: what people read and tests compare.

Importing this module gives `Program` its text: `print(step.program)` shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from codegen import ir
from codegen.scalars import INFIX

STEP = "    "


def text(program: ir.Program) -> str:
    """The program: its numbers and buffers, then its items in order. The same in every process."""
    lines = [*_numbers(program), *_buffers(program), *map(_pack, program.packs)]
    for number, item in enumerate(program.items, 1):
        lines += ["", *_item(item, f"{number}.")]
    return "\n".join(lines)


def _numbers(program: ir.Program) -> Iterator[str]:
    if program.batches:
        rows = ", ".join(f"{part.name} of {full.name}" for full, part in program.batches.inputs)
        yield f"batches of {program.batches.rows.name} rows: {rows}"
    if program.sizes:
        yield f"sizes {', '.join(v.name for v in program.sizes)}"
    if program.scalars:
        yield f"numbers {', '.join(f'{v.name}: {v.dtype}' for v in program.scalars)}"


def _buffers(program: ir.Program) -> list[str]:
    """Arguments in their order, then what the items touch in order of first use."""
    found = dict.fromkeys(program.arguments)
    for item in program.items:
        found |= dict.fromkeys((*ir.reads(item), *ir.writes(item)))
    wholes = {p.whole for p in program.packs}
    return [buffer(b) for b in found if b not in wholes]


def buffer(b: ir.Buffer) -> str:
    """`temp z1: float32[n, 16]`"""
    memory = f", the memory of {b.view_of.name}" if b.view_of else ""
    return f"{b.role} {b.name}: {b.dtype}[{', '.join(map(expression, b.shape))}]{memory}"


def _pack(pack: ir.Pack) -> str:
    return f"{buffer(pack.whole)} = {' | '.join(b.name for b in pack.members)}"


# ------------------------------------------------------------------ items


def title(item: ir.Item) -> str:
    """An item in a word and the first line of its note."""
    note = item.note.splitlines()[0] if item.note else ""
    return f"{type(item).__name__.lower()} {note}".rstrip()


def _item(item: ir.Item, number: str) -> list[str]:
    notes = item.note.splitlines()
    head = f"{number} {type(item).__name__.lower()}"
    lines = [f"{head}  # {notes[0]}" if notes else head]
    lines += [f"{' ' * len(head)}  # {note}" for note in notes[1:]]
    return lines + [STEP + line for line in _content(item, number)]


def _content(item: ir.Item, number: str) -> list[str]:
    if isinstance(item, ir.Kernel):
        return block(item.body)
    if isinstance(item, ir.MatMul):
        a, b = item.a.name + "ᵀ" * item.ta, item.b.name + "ᵀ" * item.tb
        part = f", this thread's {item.part[0]}" if item.part else ""
        return [f"{item.out.name} = {a} @ {b}{part}"]
    if isinstance(item, ir.ArgSort):
        return [f"{item.out.name} = argsort({item.a.name})"]
    if isinstance(item, ir.Guard):
        return [f"finite: {_names(item.buffers)}"]
    if isinstance(item, ir.Barrier):
        return []
    lines = []
    if isinstance(item, ir.Repeat):
        lines.append(f"{_names((*item.slots, *item.sizes))} =")
        for row, turn in zip(item.table, item.turns, strict=True):
            lines.append("  " + ", ".join([*(b.name for b in row), *map(str, turn.values())]))
    for k, inner in enumerate(item.items, 1):
        lines += _item(inner, f"{number}{k}.")
    return lines


def _names(buffers: Iterable[ir.Buffer | ir.Var]) -> str:
    return ", ".join(b.name for b in buffers)


# ------------------------------------------------------------------ statements


def block(body: Iterable[ir.Stmt]) -> list[str]:
    """Statements, the bodies of loops indented."""
    lines: list[str] = []
    for s in body:
        lines.append(statement(s))
        if isinstance(s, ir.Loop):
            lines += [STEP + line for line in block(s.body)]
    return lines


def statement(s: ir.Stmt) -> str:
    """One statement; of a loop, its head."""
    if isinstance(s, ir.Loop):
        start = "" if s.start == ir.ZERO else f"{expression(s.start)} ≤ "
        return f"for {start}{s.var.name} < {expression(s.extent)}:"
    if isinstance(s, ir.Let):
        return f"{s.var.name}: {s.var.dtype} = {expression(s.expr)}"
    target = s.var.name if isinstance(s, ir.Update) else _element(s.buffer, s.index)
    if s.op in (None, "set"):
        return f"{target} = {expression(s.expr)}"
    if s.op in INFIX:
        return f"{target} {INFIX[s.op]}= {expression(s.expr)}"
    return f"{target} = {s.op}({target}, {expression(s.expr)})"


def expression(e: ir.Expr) -> str:
    """A scalar expression."""
    if isinstance(e, ir.Const):
        return str(e.value)
    if isinstance(e, ir.Var):
        return e.name
    if isinstance(e, ir.Load):
        return _element(e.buffer, e.index)
    if e.fn in INFIX:
        return f" {INFIX[e.fn]} ".join(map(_operand, e.args))
    return f"{e.dtype if e.fn == 'cast' else e.fn}({', '.join(map(expression, e.args))})"


def _operand(e: ir.Expr) -> str:
    infix = isinstance(e, ir.Apply) and e.fn in INFIX
    return f"({expression(e)})" if infix else expression(e)


def _element(b: ir.Buffer, index: tuple[ir.Expr, ...]) -> str:
    return f"{b.name}[{', '.join(map(expression, index))}]"


def install() -> None:
    """Let a program show itself as its text."""
    ir.Program.__str__ = text  # type: ignore[method-assign]


install()
