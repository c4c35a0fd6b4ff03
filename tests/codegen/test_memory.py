"""Temps share memory only while neither needs it."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphdl as gd
from codegen import ir, memory
from codegen.executable import Binding, Executable
from codegen.passes import optimise
from graphdl.training.data import Data
from tests.codegen.programs import runner_of, step_program
from tests.training.nets import LABEL, SUM, X, compiled

# ------------------------------------------------------------------ plans

touches = st.lists(
    st.tuples(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3)), min_size=1, max_size=20
)
lengths = st.lists(st.integers(0, 300), min_size=10, max_size=10)


def sums(touches, lengths):
    """A program whose items each write one temp and read others."""
    temps = [ir.Buffer(f"t{k}", (ir.integer(n),), "float32") for k, n in enumerate(lengths)]

    def item(out, ins):
        reads = tuple(ir.Load(temps[k], (ir.ZERO,)) for k in ins)
        total = ir.Apply("sum", (ir.Const(0.0, "float32"), *reads), "float32")
        return ir.Kernel((ir.Store(temps[out], (ir.ZERO,), total),))

    return temps, ir.Program(tuple(item(*t) for t in touches), (), (), ())


@given(touches, lengths)
def test_buffers_alive_together_never_overlap(touches, lengths):
    temps, program = sums(touches, lengths)
    plan = memory.plan(program, {}, frozenset())
    alive: dict[ir.Buffer, range] = {}
    for k, (out, ins) in enumerate(touches):
        for b in {temps[out], *(temps[i] for i in ins)}:
            alive[b] = range(alive.get(b, range(k, k)).start, k + 1)
    assert set(plan.offsets) == set(alive)
    places = {b: range(plan.offsets[b], plan.offsets[b] + memory.nbytes(b, {})) for b in alive}
    for a in alive:
        assert plan.offsets[a] % memory.ALIGN == 0
        assert places[a].stop <= plan.size <= plan.unshared
        for b in alive:
            if a is not b and meet(alive[a], alive[b]):
                assert not meet(places[a], places[b])
    busiest = max(sum(len(places[b]) for b in alive if k in alive[b]) for k in range(len(touches)))
    assert busiest <= plan.size


def meet(a: range, b: range) -> bool:
    return max(a.start, b.start) < min(a.stop, b.stop)


@pytest.mark.parametrize("depth", [2, 8])
def test_a_training_step_reuses_memory(depth):
    program = optimise(step_program(depth))
    plan = memory.plan(program, {"n": 512}, frozenset(program.arguments))
    assert plan.size < 0.75 * plan.unshared


# ------------------------------------------------------------------ poison


def written_out(program: ir.Program) -> ir.Program:
    """The program with each row of each repeat as items of its own."""
    items: list[ir.Item] = []
    for item in program.items:
        if isinstance(item, ir.Repeat):
            rows = [dict(zip(item.slots, row, strict=True)) for row in item.table]
            items += [ir.swap_buffers(i, row) for row in rows for i in item.items]
        else:
            items.append(item)
    return program.with_items(items)


def alive_before(program: ir.Program) -> list[set[ir.Buffer]]:
    """For each item, the temps that were written and are still to be read."""
    members = {p.whole: p.members for p in program.packs}

    def memory_of(buffers):
        return {m for b in buffers for m in members.get(b.root, (b.root,)) if m.role == "temp"}

    written = [memory_of(ir.writes(i)) for i in program.items]
    read = [memory_of(ir.reads(i)) for i in program.items]
    return [set().union(*written[:k]) & set().union(*read[k:]) for k in range(len(program.items))]


def spoil(binding: Binding, keep: set[ir.Buffer]) -> None:
    """Fill the arena with NaN but for the buffers to keep."""
    saved = {b: binding.arrays[b].copy() for b in keep}
    binding.arena[...] = 0xFF
    for b, value in saved.items():
        binding.arrays[b][...] = value


def alone(program: ir.Program, item: ir.Item) -> Executable:
    """One item, with every temp in memory."""
    return Executable(program.with_items([item]), jit=False, name="item", registers=False)


@pytest.mark.parametrize("case", [(1, "sgd"), (4, "adam", 0.01), (5, "momentum")], ids=str)
def test_nothing_is_read_from_memory_that_was_given_up(case):
    """The same bits, whatever lies in the arena outside the temps that are alive."""
    _, runner = runner_of(*case)
    session = runner.open(Data((X[:32],), LABEL[:32]), 16)
    variables = [v for v, _ in runner.compiled.lowered.variables]
    start = [v.value for v in variables]
    session.run(0, 2, 0, 0)
    expected = [v.value for v in variables]
    for v, value in zip(variables, start, strict=True):
        v.assign(value)

    program, binding = written_out(runner.compiled.executable.program), session.binding
    numbers = {
        v.name: x for v, x in zip(program.scalars, runner.compiled.lowered.scalars, strict=True)
    }
    items = list(
        zip(map(partial(alone, program), program.items), alive_before(program), strict=True)
    )
    for step in range(2):
        numbers |= {"first": step, "last": step + 1, "batch": 16, "total": 32, "seed": 0, "time": 0}
        for executable, keep in items:
            spoil(binding, keep)
            part = Binding(
                binding.arrays,
                [None] * len(executable.emitted.buffers),
                binding.plan,
                binding.arena,
            )
            for b in executable.emitted.buffers:
                executable.place(part, b, binding.arrays[b])
            executable.run(part, [numbers[p.name] for p in executable.emitted.parameters])
    for v, value in zip(variables, expected, strict=True):
        np.testing.assert_array_equal(v.storage, value, err_msg=v.name)


# ------------------------------------------------------------------ rows that are not the first axis


class Mixed(gd.layers.Layer):
    """Rows as columns, rows twice, rows flattened: memory that depends on the batch in each way."""

    def call(self, inputs):
        columns = gd.cumsum(gd.transpose(inputs) * 2.0, axis=0)  # (features, n)
        twice = gd.tanh(gd.concat([inputs, -inputs], axis=0))  # (2n, features)
        both = gd.reshape(gd.cumsum(twice, axis=1), (2, -1, inputs.shape[1]))
        line = gd.cumsum(gd.reshape(gd.exp(-inputs), (-1,)) * 0.0, axis=0)
        flat = gd.reshape(line, (-1, inputs.shape[1]))
        return gd.transpose(columns) + both[0] - both[1] + flat


def mixed():
    gd.set_seed(0)
    first = gd.layers.Input(shape=(3,))
    model = gd.Sequential([first, gd.layers.Dense(3), Mixed(), gd.layers.Dense(1)])
    return compiled(model, "mse", "adam")


def test_such_programs_are_noticed():
    model = mixed()
    model.predict(X)
    model.fit(X, SUM, verbose=0)
    assert all(r.exact for r in model._runners.values())
    assert not runner_of(2)[1].exact


@pytest.mark.parametrize("batch", [1, 3, 7, 40])
def test_any_batch_and_the_ragged_last_one(batch):
    """10 rows in batches of 3 and 7 leave 1 and 3."""
    model, x, y = mixed(), X[:10], SUM[:10]
    np.testing.assert_allclose(model.predict(x, batch), model.predict(x), rtol=1e-6, atol=1e-6)
    single = mixed()
    model.fit(x, y, batch, verbose=0, shuffle=False)
    for first in range(0, 10, batch):
        single.train_on_batch(x[first : first + batch], y[first : first + batch])
    for ours, theirs in zip(model.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
