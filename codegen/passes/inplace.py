"""Arrays that are made in the memory of one that is then done.

    for i in range(n):  # t20 = where(h1 > 0, z4, 0), and nobody reads h1 any more
        for j in range(16):
            h1[i, j] = z4 if h1[i, j] > 0 else 0

The two have one address and say so: were they two arrays whose memory happens to be the same, a
compiler would find that they overlap and make no vectors of the loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codegen import ir, memory
from codegen.optimisations import on

Body = tuple[ir.Stmt, ...]
Nest = tuple[tuple[ir.Var, ...], Body]  # the variables of loops, and what stands in them alone


def in_place(program: ir.Program) -> dict[ir.Buffer, ir.Buffer]:
    """Temp -> the temp in whose memory it is made, in the order in which they are made.

    Not in a program for a team, where one thread may still read what another one makes.
    """
    if program.shares is not None or not on("inplace"):
        return {}
    spans, fixed = memory.lifetimes(program), _fixed(program)
    found: dict[ir.Buffer, ir.Buffer] = {}
    for at, item in enumerate(_moments(program)):
        if not isinstance(item, ir.Kernel):
            continue
        made = [b for b in item.writes if b not in fixed and spans.get(b, (-1,))[0] == at]
        done = [b for b in item.reads if b not in fixed and _ends(spans.get(b), at)]
        nests = tuple(_nests(item.body, ()))
        for b in made:
            for a in done:
                if (a.shape, a.dtype) == (b.shape, b.dtype) and _may_replace(a, b, nests):
                    found[b] = a
                    done.remove(a)
                    break
    return found


def _ends(span: tuple[int, int] | None, at: int) -> bool:
    """Is a temp that was made before last touched here?"""
    return span is not None and span[0] < at == span[1]


def _moments(program: ir.Program) -> Iterator[ir.Item]:
    """The items by the moments of `memory.lifetimes`: each row of a repeat is one."""
    for item in program.items:
        yield from (item,) * (len(item.table) if isinstance(item, ir.Repeat) else 1)


def _fixed(program: ir.Program) -> set[ir.Buffer]:
    """What must lie by itself: registers, and what is known by other names, too."""
    touched = {b for i in program.items for b in (*ir.reads(i), *ir.writes(i))}
    single = {b for b in touched if all(d == ir.ONE for d in b.shape)}
    viewed = {b.root for b in touched if b.view_of is not None}
    packed = {b for p in program.packs for b in (p.whole, *p.members)}
    return single | viewed | packed | set(program.arguments)


def _nests(body: Body, around: tuple[ir.Var, ...]) -> Iterator[Nest]:
    """All statements but loops, by the loops in which they stand."""
    yield around, tuple(s for s in body if not isinstance(s, ir.Loop))
    for s in body:
        if isinstance(s, ir.Loop):
            yield from _nests(s.body, (*around, s.var))


def _may_replace(a: ir.Buffer, b: ir.Buffer, nests: Sequence[Nest]) -> bool:
    """Are both touched in one nest alone, at its own element, and `a` before `b` is stored?"""
    at = [nest for nest in nests if _touches(nest[1], a) or _touches(nest[1], b)]
    if len(at) != 1:
        return False
    (element, body), stored = at[0], False
    for s in body:
        read = [e for e in ir.loads((s,)) if e.buffer in (a, b)]
        if any(e.index != element or (stored and e.buffer is a) for e in read):
            return False
        if isinstance(s, ir.Store) and s.buffer in (a, b):
            if s.buffer is a or s.index != element or s.op is not None:
                return False
            stored = True
    return stored


def _touches(body: Body, b: ir.Buffer) -> bool:
    return any(e.buffer is b for e in ir.loads(body)) or any(s.buffer is b for s in ir.stores(body))
