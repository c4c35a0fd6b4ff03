"""Which loops of a kernel are free, where it is cut, and where the threads of a block wait."""

from codegen import ir
from codegen.cuda.blocks import WAIT, Block
from codegen.cuda.nests import nests, pieces
from codegen.cuda.printer import CudaPrinter
from codegen.passes.free import sums_of

N = ir.Var("n", "int64")
A, B, C = (ir.Var(name, "int64") for name in "ijk")
EIGHT = ir.integer(8)
X, OUT = (ir.Buffer(name, (N, EIGHT), "float32") for name in ("x", "out"))
ROW, COLUMN = ir.Buffer("row", (EIGHT,), "float32"), ir.Buffer("column", (N,), "float32")
S = ir.Var("s", "float32")


def loop(var, extent, *body):
    return ir.Loop(var, extent, body)


def free(*body):
    """The variables of the free loops of each nest."""
    found = nests(ir.Kernel(body), {})
    return [[f.var.name for f in nest.free] for nest in found]


def add(a, b):
    return ir.Apply("add", (a, b), "float32")


def test_elements_are_all_free():
    copy = ir.Store(OUT, (A, B), ir.Load(X, (A, B)))
    assert free(loop(A, N, loop(B, EIGHT, copy))) == [["i", "j"]]


def test_a_sum_over_rows_leaves_the_columns_free():
    total = ir.Store(ROW, (B,), ir.Load(X, (A, B)), "add")
    assert free(loop(A, N, loop(B, EIGHT, total))) == [["j"]]


def test_such_a_sum_is_added_up_in_a_register():
    total = ir.Store(ROW, (B,), ir.Load(X, (A, B)), "add")
    (nest,) = nests(ir.Kernel((loop(A, N, loop(B, EIGHT, total)),)), {})
    let, inner, store = nest.body
    assert isinstance(let, ir.Let) and sums_of(inner, {}) == {let.var: "add"}
    assert store == ir.Store(ROW, (B,), let.var, "add")


def test_what_a_turn_reads_of_another_is_not_free():
    after = ir.Store(OUT, (A, B), ir.Load(OUT, (A, C)))
    assert free(loop(A, N, loop(B, EIGHT, ir.Let(C, ir.plus(B, ir.ONE)), after))) == [["i"]]


def test_an_index_that_comes_from_data_is_not_free():
    where = ir.Buffer("where", (N,), "int64")
    scatter = ir.Store(ROW, (ir.Load(where, (A,)),), ir.Load(COLUMN, (A,)), "add")
    assert free(loop(A, N, scatter)) == [[]]
    (nest,) = nests(ir.Kernel((loop(A, N, scatter),)), {})
    assert isinstance(nest.body[0], ir.Loop) and sums_of(nest.body[0], {}) is None


def test_members_of_a_pack_and_the_whole_are_one_memory():
    whole, part = (ir.Buffer(name, (EIGHT,), "float32") for name in ("whole", "part"))
    store = ir.Store(whole, (A,), ir.Load(part, (A,)))
    assert free(loop(A, EIGHT, store)) == [["i"]]
    assert [n.free for n in nests(ir.Kernel((loop(A, EIGHT, store),)), {part: whole})] == [()]


def test_a_view_and_its_memory_are_one_memory():
    flat = ir.Buffer("flat", (ir.times(N, EIGHT),), "float32", view_of=OUT)
    store = ir.Store(flat, (A,), ir.Load(OUT, (A, ir.ZERO)))
    assert free(loop(A, N, store)) == [[]]


def test_a_number_that_can_be_worked_out_again_is_no_bond():
    a = ir.Let(S, ir.Load(ROW, (ir.ZERO,)))
    first = loop(A, N, ir.Store(COLUMN, (A,), S))
    second = loop(B, N, ir.Store(OUT, (B, ir.ZERO), S))
    assert pieces((a, first, second), {}) == [(a, first), (a, second)]


def test_a_number_is_not_worked_out_again_from_what_has_changed():
    a = ir.Let(S, ir.Load(COLUMN, (ir.ZERO,)))
    first = loop(A, N, ir.Store(COLUMN, (A,), S))
    second = loop(B, N, ir.Store(OUT, (B, ir.ZERO), S))
    assert pieces((a, first, second), {}) == [(a, first, second)]
    assert free(a, first) == [[]]  # every thread must have read it before one writes


def test_a_sum_stays_with_what_reads_it():
    body = (
        ir.Let(S, ir.Const(0.0, "float32")),
        loop(A, N, ir.Update(S, "add", ir.Load(COLUMN, (A,)))),
        ir.Store(ROW, (ir.ZERO,), S),
    )
    assert pieces(body, {}) == [body]


def block(*body):
    return Block(CudaPrinter(), {}, 4).body(body, 0)


def test_threads_wait_before_they_read_what_others_wrote():
    first = loop(A, N, ir.Store(COLUMN, (A,), ir.Const(1.0, "float32")))
    second = loop(B, N, ir.Store(OUT, (B, ir.ZERO), ir.Load(COLUMN, (B,))))
    assert block(first, second).count(WAIT) == 1


def test_threads_do_not_wait_for_what_nobody_wrote():
    first = loop(A, N, ir.Store(OUT, (A, ir.ZERO), ir.Load(COLUMN, (A,))))
    second = loop(B, N, ir.Store(OUT, (B, ir.ONE), ir.Load(COLUMN, (B,))))
    third = ir.Let(S, ir.Load(COLUMN, (ir.ZERO,)))
    assert WAIT not in block(first, third)
    assert block(first, second).count(WAIT) == 1  # the same memory, written twice


def test_threads_wait_before_one_overwrites_what_others_read():
    read = ir.Let(S, ir.Load(ROW, (ir.ZERO,)))
    written = ir.Store(ROW, (ir.ZERO,), add(S, S))
    first, *rest = block(read, written)
    assert first == "s = row[uint64(0)]"
    assert rest == [WAIT, "if lane == 0:", "    row[uint64(0)] = s + s"]


def test_threads_wait_in_each_turn_of_what_they_do_together():
    scatter = ir.Store(ROW, (ir.Load(ir.Buffer("at", (N,), "int64"), (A,)),), S, "add")
    lines = block(loop(A, N, scatter))
    assert lines[:2] == ["for i in range(n):", f"    {WAIT}"]


def test_a_sum_that_is_read_on_its_way_is_not_dealt_out():
    running = loop(A, N, ir.Update(S, "add", ir.Load(COLUMN, (A,))), ir.Store(OUT, (A, ir.ZERO), S))
    assert sums_of(running, {}) is None


def test_sums_over_several_axes_are_dealt_out_as_one_loop():
    """Threads that are neighbours then read neighbours."""
    total = loop(A, N, loop(B, EIGHT, ir.Update(S, "add", ir.Load(X, (A, B)))))
    lines = block(ir.Let(S, ir.Const(0.0, "float32")), total)
    assert sum("while" in line for line in lines) == 1
    assert not any("for" in line for line in lines)
