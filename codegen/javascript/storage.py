"""The arrays of a program, and the lines with which `run` finds or makes each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from codegen import ir
from codegen.javascript.printer import Printer, count

KINDS = {
    "float32": "Float64Array", "float64": "Float64Array", "int32": "Int32Array",
    "int64": "Float64Array", "bool": "Uint8Array",
}  # fmt: skip


class Storage:
    """All buffers in order of first use; `packs` those that hold others, `locals` plain variables."""

    def __init__(self, program: ir.Program, registers: bool, single: bool) -> None:
        self.rows = program.batches.rows if program.batches else None
        found = dict.fromkeys(program.arguments)
        for item in program.items:
            found |= dict.fromkeys((*ir.reads(item), *ir.writes(item)))
        found |= dict.fromkeys(b.root for b in found)
        self.packs = {p.whole: p.members for p in program.packs if p.whole in found}
        self.member_of = {m: whole for whole, members in self.packs.items() for m in members}
        self.buffers = tuple(found)
        self.locals = set(self._locals(program)) if registers else set()
        self._kinds = {**KINDS, "float32": "Float32Array"} if single else KINDS

    def _locals(self, program: ir.Program) -> Iterator[ir.Buffer]:
        """Temps of one element that only kernels and guards touch, each by its own name."""
        in_memory = {b.view_of for b in self.buffers} | set(self.packs) | set(self.member_of)
        for item in program.items:
            if not isinstance(item, (ir.Kernel, ir.Guard)):
                in_memory |= {*ir.reads(item), *ir.writes(item)}
        for b in self.buffers:
            one = all(d == ir.ONE for d in b.shape)
            if one and b.role == "temp" and b.view_of is None and b not in in_memory:
                yield b

    # -------------------------------------------------- what others see

    @property
    def parameters(self) -> list[ir.Buffer]:
        """What the caller gives or gets: arguments, and the order of the examples."""
        return [b for b in self._roots() if b.role != "temp"]

    @property
    def temps(self) -> list[ir.Buffer]:
        """What can be looked at afterwards."""
        return [b for b in self._roots() if b.role == "temp" and b not in self.locals]

    def _roots(self) -> Iterator[ir.Buffer]:
        return (b for b in self.buffers if b.view_of is None and b not in self.packs)

    # -------------------------------------------------- lines

    def declarations(self, printer: Printer, a_batch: bool) -> list[str]:
        """What is found or made once a run, or once a batch: arrays as long as the batch has rows."""
        mine = [b for b in self.buffers if self._once_a_batch(b) == a_batch]
        wholes = [b for b in mine if b in self.packs]
        rest = [b for b in mine if b.view_of is None and b not in (*wholes, *self.locals)]
        views = [b for b in mine if b.view_of is not None]
        single = [b.name for b in mine if b in self.locals]
        return [
            *(self._whole(printer, b) for b in wholes),
            *(self._array(printer, b) for b in rest),
            *(f"const {b.name} = {b.root.name}; // {shape(printer, b)}" for b in views),
            *([f"let {', '.join(single)};"] if single else []),
        ]

    def _once_a_batch(self, b: ir.Buffer) -> bool:
        parts = (p for d in b.root.shape for p in ir.subexpressions(d))
        return self.rows is not None and (b in self.locals or self.rows in parts)

    def _array(self, printer: Printer, b: ir.Buffer) -> str:
        length = printer.expr(count(b.shape))
        if b in self.member_of and b.role == "temp":
            start = 0
            for other in self.packs[self.member_of[b]]:
                if other is b:
                    break
                start += _number(count(other.shape))
            part = f"{self.member_of[b].name}.subarray({start}, {start + _number(count(b.shape))})"
            return f"const {b.name} = (arrays.{b.name} = {part}); // {shape(printer, b)}"
        if b.role in ("temp", "output"):
            made = self._room(printer, b)
        else:
            printer.functions.add("held")
            made = f'held(arrays, "{b.name}", {length})'
        return f"const {b.name} = {made}; // {shape(printer, b)}"

    def _room(self, printer: Printer, b: ir.Buffer) -> str:
        printer.functions.add("room")
        return f'room(arrays, "{b.name}", {self._kinds[b.dtype]}, {printer.expr(count(b.shape))})'

    def _whole(self, printer: Printer, b: ir.Buffer) -> str:
        """Memory for several buffers; those that hold values are moved into it."""
        if b.role == "temp":
            return f"const {b.name} = {self._room(printer, b)};"
        printer.functions.add("joined")
        parts = ", ".join(f"{m.name}: {_number(count(m.shape))}" for m in self.packs[b])
        return (
            f'const {b.name} = joined(arrays, "{b.name}", {self._kinds[b.dtype]}, {{ {parts} }});'
        )


def shape(printer: Printer, b: ir.Buffer) -> str:
    return f"[{', '.join(map(printer.expr, b.shape))}]"


def names_in(extents: Iterable[ir.Expr]) -> list[str]:
    """The sizes that extents are made of."""
    parts = (p for d in extents for p in ir.subexpressions(d))
    return list(dict.fromkeys(p.name for p in parts if isinstance(p, ir.Var)))


def _number(e: ir.Expr) -> int:
    assert isinstance(e, ir.Const)
    return int(e.value)
