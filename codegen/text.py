"""A program as text (short form until the full one lands)."""

from codegen import ir


def text(program: ir.Program) -> str:
    return "\n".join(item.note for item in program.items)
