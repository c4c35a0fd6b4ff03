"""Small programs, written by hand, in which a careless pass would read a value too old or too new."""

import itertools

import numpy as np
import pytest

from codegen import ir
from codegen.executable import Executable
from codegen.passes import PASSES, optimise
from codegen.verify import verify


def var(name):
    return ir.Var(name, "int64")


def buffer(name, *shape, role="temp", view_of=None):
    return ir.Buffer(name, tuple(map(ir.integer, shape)), "float64", role, view_of)


def at(index):
    return tuple(ir.integer(i) if isinstance(i, int) else i for i in index)


def load(b, *index):
    return ir.Load(b, at(index))


def store(b, *index, value, op=None):
    return ir.Store(b, at(index), value, op)


def loop(i, extent, *body):
    return ir.Loop(i, ir.integer(extent), body)


def add(a, b):
    return ir.Apply("add", (a, b), "float64")


X, Y = buffer("x", 4, role="input"), buffer("y", 4, role="output")
T, U = buffer("t", 4), buffer("u", 4)
I, J, K, L = map(var, "ijkl")  # noqa: E741
S = ir.Var("s", "float64")
ZERO = ir.Const(0.0, "float64")


def kernel(*body):
    return ir.Kernel(body)


def rewritten():
    """t[0] changes under another index."""
    body = store(T, I, value=add(load(X, I), load(X, 0))), store(T, 0, value=load(X, 2))
    return [kernel(loop(I, 4, *body, store(Y, I, value=load(T, I))))]


def rewritten_by_a_loop():
    """t[0] changes within a loop between its store and its load."""
    summed = loop(I, 4, store(T, 0, value=load(X, I), op="add"))
    first = store(T, 0, value=add(load(X, 0), load(X, 1)))
    return [kernel(first, summed, loop(J, 4, store(Y, J, value=load(T, 0))))]


def kept_accumulator():
    """t holds the sum as it was before x[i] was added."""
    body = store(T, I, value=S), ir.Update(S, "add", load(X, I)), store(Y, I, value=load(T, I))
    return [kernel(ir.Let(S, ZERO), loop(I, 4, *body))]


def accumulator_after_a_loop():
    """t holds the sum as it was before a loop."""
    whole = loop(I, 4, ir.Update(S, "add", load(X, I)))
    last = loop(J, 4, store(Y, J, value=add(S, load(T, 0))))
    return [kernel(ir.Let(S, load(X, 3)), store(T, 0, value=S), whole, last)]


def other_shape():
    """w[0, 2] is t[1, 0], which is written an iteration later."""
    t = buffer("t2", 4, 2)
    w = buffer("w", 2, 4, view_of=t)
    return [
        kernel(loop(I, 4, loop(J, 2, store(t, I, J, value=ZERO)), store(Y, I, value=ZERO))),
        kernel(loop(K, 2, store(t, K, 0, value=load(X, K)))),
        kernel(loop(L, 2, store(Y, L, value=load(w, L, 2)))),
    ]


def reversed_read():
    """y[i] needs t[3 - i], which the other loop makes in another iteration."""
    back = ir.Apply("sub", (ir.integer(3), J), "int64")
    return [
        kernel(loop(I, 4, store(T, I, value=add(load(X, I), load(X, I))))),
        kernel(loop(J, 4, store(Y, J, value=load(T, back)))),
    ]


def overwritten_between():
    """u is made of the old t; t is made anew between that and the last reader of u."""
    return [
        kernel(loop(I, 4, store(T, I, value=load(X, I)))),
        kernel(loop(J, 4, store(U, J, value=add(load(T, J), load(T, 0))))),
        kernel(loop(K, 4, store(T, K, value=add(load(X, K), load(X, 3))))),
        kernel(loop(L, 4, store(Y, L, value=add(load(U, L), load(T, 3))))),
    ]


def varying_scalar():
    """What a loop reads is changed by the loop."""
    step = loop(I, 4, store(Y, I, value=load(T, 0)), store(T, 0, value=load(X, I), op="add"))
    return [kernel(store(T, 0, value=ZERO)), kernel(step)]


def gathered():
    """The index of a load is a scalar of the loop's body."""
    k = var("k")
    last = ir.Let(k, ir.Apply("sub", (ir.integer(3), I), "int64"))
    return [kernel(loop(I, 4, last, store(Y, I, value=load(X, k))))]


def running_sum():
    """y[i] is the sum so far, not what was added last."""
    grown = loop(I, 4, store(T, 0, value=load(X, I), op="add"), store(Y, I, value=load(T, 0)))
    return [kernel(store(T, 0, value=ZERO)), kernel(grown)]


def doubled(k, factor=None, extent=2):
    """a = a + a, or a + a scalar: the same for each variable."""
    a, i = VARIABLES[k], var(f"i{k}")
    other = load(a, i) if factor is None else load(factor)
    return kernel(loop(i, extent, store(a, i, value=add(load(a, i), other))))


VARIABLES = [buffer(f"v{k}", 2, role="variable") for k in range(3)]


def out():
    """y shows the variables."""
    shown = [store(Y, k, value=load(a, 1)) for k, a in enumerate(VARIABLES)]
    return kernel(*shown, store(Y, 3, value=ZERO))


def own_scalars():
    """Each variable grows by a scalar of its own."""
    scalars = [buffer(f"s{k}") for k in range(3)]
    made = [kernel(store(s, value=load(X, k))) for k, s in enumerate(scalars)]
    return [*made, *(doubled(k, scalars[k]) for k in range(3)), out()]


def parts_only():
    """Only the first element of each variable grows."""
    return [*(doubled(k, extent=1) for k in range(3)), out()]


def read_between():
    """The first variable is read, and made 0, before the others change."""
    g, h = var("g"), var("h")
    seen = kernel(loop(h, 2, store(U, h, value=load(VARIABLES[0], h))))
    clear = kernel(loop(g, 2, store(VARIABLES[0], g, value=ZERO)))
    kept = kernel(store(Y, 0, value=load(U, 1)))
    return [doubled(0), seen, clear, doubled(1), doubled(2), out(), kept]


def guarded():
    """The second variable does not change: the guard stops before it, the first one does."""
    nothing = loop(J, 4, store(Y, J, value=ZERO))
    bad = store(T, 0, value=ir.Const(float("inf"), "float64"))
    stop = ir.Guard((T,))
    rest = loop(L, 3, store(T, ir.plus(L, ir.ONE), value=ZERO))
    return [kernel(nothing, bad, rest), doubled(0), stop, doubled(1)]


def scalars_of_segments():
    """Each segment has a scalar of its own, which is read at the end."""
    s = [buffer(f"s{k}", 1) for k in range(3)]
    t = [buffer(f"t{k}", 4) for k in range(3)]
    items = []
    for k in range(3):
        i = var(f"i{k}")
        items += [
            kernel(loop(i, 4, store(t[k], i, value=add(load(X, i), load(X, 1))))),
            kernel(store(s[k], 0, value=load(t[k], 2))),
        ]
    total = add(load(s[0], 0), add(load(s[1], 0), load(s[2], 0)))
    return [*items, kernel(loop(J, 4, store(Y, J, value=total)))]


def crossed_segments():
    """The first segment reads what it has written, the others read what the first one has."""
    t, d = ([buffer(f"{name}{k}", 4) for k in range(3)] for name in "td")
    start = [loop(var(f"i{k}"), 4, store(t[k], var(f"i{k}"), value=load(X, k))) for k in range(3)]
    items = [kernel(*start)]
    for k in range(3):
        i, j = var(f"h{k}"), var(f"j{k}")
        items += [
            kernel(loop(i, 4, store(t[k], i, value=load(X, i), op="add"))),
            kernel(loop(j, 4, store(d[k], j, value=add(load(t[0], j), load(X, j))))),
        ]
    total = add(load(d[0], L), add(load(d[1], L), load(d[2], L)))
    return [*items, kernel(loop(L, 4, store(Y, L, value=total)))]


PROGRAMS = [
    rewritten, rewritten_by_a_loop, kept_accumulator, accumulator_after_a_loop, other_shape,
    reversed_read, overwritten_between, varying_scalar, gathered, running_sum, own_scalars,
    parts_only, read_between, guarded, scalars_of_segments,
    crossed_segments,
]  # fmt: skip


def results(program, passes):
    """y and the variables after an un-jitted run."""
    program = optimise(program, passes)
    executable = Executable(program, jit=False, name="hazard")
    binding = executable.binding({})
    runs = [p.members for p in program.packs if p.whole.role == "variable"]
    order = list(dict.fromkeys([*itertools.chain(*runs), *VARIABLES]))
    base, arrays = np.zeros(2 * len(order)), {X: np.array([1.0, 2.0, 4.0, 8.0]), Y: np.zeros(4)}
    arrays |= {a: base[2 * k : 2 * k + 2] for k, a in enumerate(order)}
    for k, a in enumerate(VARIABLES):
        arrays[a][:] = (k + 1, 10 * k + 3)
    for p in program.packs:
        if p.whole.role == "variable":
            first = order.index(p.members[0])
            arrays[p.whole] = base[2 * first : 2 * (first + len(p.members))]
    for b, array in arrays.items():
        executable.place(binding, b, array)
    executable.views(binding, {})
    executable.tables(binding)
    executable.run(binding, [0] * len(executable.emitted.parameters))
    return [arrays[b] for b in (Y, *VARIABLES)]


@pytest.mark.parametrize("passes", [*((p,) for p in PASSES), tuple(PASSES)], ids="+".join)
@pytest.mark.parametrize("make", PROGRAMS, ids=lambda make: make.__name__)
def test_no_pass_reads_too_early_or_too_late(make, passes):
    program = ir.Program(tuple(make()), (), (), (X, Y, *VARIABLES))
    verify(program)
    for ours, plain in zip(results(program, passes), results(program, ()), strict=True):
        np.testing.assert_array_equal(ours, plain)
