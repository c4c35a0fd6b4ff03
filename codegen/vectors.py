"""Vector registers as LLVM text: functions, loops, and registers loaded, shuffled and stored.

What is written with it leaves nothing for an optimiser to find; LLVM splits registers that the
processor does not have.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

INT, LANE, BIT, VOID = ir.IntType(64), ir.IntType(32), ir.IntType(1), ir.VoidType()


@dataclass(frozen=True)
class Machine:
    """What the shape of a kernel depends on."""

    register: int  # bytes of the widest vector register
    registers: int  # how many there are


class Writer:
    """Writes the functions of one float type into a module."""

    def __init__(self, module: ir.Module, bits: int, machine: Machine) -> None:
        self.module, self.machine, self.bytes = module, machine, bits // 8
        self.element = ir.FloatType() if bits == 32 else ir.DoubleType()
        self.lanes = machine.register // self.bytes
        self.vector = ir.VectorType(self.element, self.lanes)
        self.builder = ir.IRBuilder()

    # -------------------------------------------------- functions and loops

    @contextlib.contextmanager
    def function(self, name: str, *kinds: Any, local: bool = True) -> Iterator[Any]:
        """A function of nothing but its effects; other functions may be written meanwhile."""
        made = ir.Function(self.module, ir.FunctionType(VOID, kinds), name)
        made.linkage = "internal" if local else "external"
        for argument in made.args:
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
        outer, self.builder = self.builder, ir.IRBuilder(made.append_basic_block("entry"))
        yield made
        self.builder.ret_void()
        self.builder = outer

    @contextlib.contextmanager
    def loop(
        self, start: Any, stop: Any, step: Any = 1, carry: Sequence[Any] = ()
    ) -> Iterator[Any]:
        """for i in range(start, stop, step), as (i, carried values).

        The body replaces elements of the list of carried values; afterwards it holds their last ones.
        """
        b, step = self.builder, INT(step) if isinstance(step, int) else step
        before, head, body, done = (
            b.block,
            *(b.append_basic_block(n) for n in ("head", "body", "end")),
        )
        b.branch(head)
        b.position_at_end(head)
        i, held = b.phi(INT), [b.phi(value.type) for value in carry]
        for phi, value in zip((i, *held), (start, *carry), strict=True):
            phi.add_incoming(value, before)
        b.cbranch(b.icmp_signed("<", i, stop), body, done)
        b.position_at_end(body)
        values = list(held)
        yield i, values
        for phi, value in zip((i, *held), (b.add(i, step), *values), strict=True):
            phi.add_incoming(value, b.block)
        b.branch(head)
        b.position_at_end(done)
        values[:] = held

    def either(self, condition: Any) -> Any:
        """Two contexts: where the condition holds, and where it does not."""
        return self.builder.if_else(condition)

    def when(self, condition: Any) -> Any:
        """A context of what is done where the condition holds."""
        return self.builder.if_then(condition)

    def room(self, count: int) -> Any:
        """Memory on the stack for so many elements."""
        memory = self.builder.alloca(ir.ArrayType(self.element, count))
        memory.align = 64
        return self.builder.bitcast(memory, self.element.as_pointer())

    def least(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    # -------------------------------------------------- arithmetic of addresses

    def at(self, base: Any, *offsets: Any) -> Any:
        """The address so many elements further."""
        return self.builder.gep(base, [functools.reduce(self.builder.add, offsets)])

    def whole(self, count: Any, step: int) -> Any:
        """The largest multiple of the step (a power of two) that is not above `count`."""
        return self.builder.and_(count, INT(-step))

    # -------------------------------------------------- registers

    def spread(self, value: Any, kind: Any = None) -> Any:
        """One number in all lanes."""
        kind = kind or self.vector
        one = self.builder.insert_element(ir.Constant(kind, ir.Undefined), value, LANE(0))
        return self.shuffle(one, ir.Constant(kind, ir.Undefined), [0] * self.lanes)

    def shuffle(self, low: Any, high: Any, order: list[int]) -> Any:
        kind = ir.VectorType(LANE, self.lanes)
        return self.builder.shuffle_vector(low, high, ir.Constant(kind, order))

    def first(self, count: Any) -> Any:
        """The mask of the first lanes."""
        kind = ir.VectorType(LANE, self.lanes)
        bound = self.spread(self.builder.trunc(count, LANE), kind)
        return self.builder.icmp_signed("<", ir.Constant(kind, list(range(self.lanes))), bound)

    def scalar(self, pointer: Any) -> Any:
        value = self.builder.load(pointer)
        value.align = self.bytes
        return value

    def part(self, value: Any, start: int, count: int) -> Any:
        """Neighbouring lanes as a shorter register."""
        order = ir.Constant(ir.VectorType(LANE, count), list(range(start, start + count)))
        return self.builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), order)

    def load(self, pointer: Any, mask: Any = None, lanes: int | None = None) -> Any:
        kind = ir.VectorType(self.element, lanes or self.lanes)
        pointer = self.builder.bitcast(pointer, kind.as_pointer())
        if mask is not None:
            zero = ir.Constant(self.vector, None)
            return self.builder.call(self._masked("load"), [pointer, LANE(self.bytes), mask, zero])
        value = self.builder.load(pointer)
        value.align = self.bytes
        return value

    def store(self, value: Any, pointer: Any, mask: Any = None) -> None:
        pointer = self.builder.bitcast(pointer, value.type.as_pointer())
        if mask is not None:
            self.builder.call(self._masked("store"), [value, pointer, LANE(self.bytes), mask])
        else:
            self.builder.store(value, pointer).align = self.bytes

    def total(self, value: Any) -> Any:
        """The sum of all lanes, halves onto halves."""
        half = self.lanes // 2
        while half:
            order = [(k + half) % self.lanes for k in range(self.lanes)]
            value = self.builder.fadd(value, self.shuffle(value, value, order))
            half //= 2
        return self.builder.extract_element(value, LANE(0))

    def _masked(self, what: str) -> Any:
        pointer, bits = self.vector.as_pointer(), ir.VectorType(ir.IntType(1), self.lanes)
        kind = {
            "load": ir.FunctionType(self.vector, [pointer, LANE, bits, self.vector]),
            "store": ir.FunctionType(VOID, [self.vector, pointer, LANE, bits]),
        }[what]
        name = f"llvm.masked.{what}.v{self.lanes}f{8 * self.bytes}.p0"
        return self.module.globals.get(name) or ir.Function(self.module, kind, name)

    def transposed(self, square: list[Any]) -> list[Any]:
        """As many registers as lanes, rows and columns exchanged: halves, then quarters, …"""
        square, distance = list(square), self.lanes // 2
        while distance:
            low = [k - distance + self.lanes if k & distance else k for k in range(self.lanes)]
            high = [k + self.lanes if k & distance else k + distance for k in range(self.lanes)]
            for i in (i for i in range(self.lanes) if not i & distance):
                a, b = square[i], square[i + distance]
                square[i], square[i + distance] = self.shuffle(a, b, low), self.shuffle(a, b, high)
            distance //= 2
        return square
