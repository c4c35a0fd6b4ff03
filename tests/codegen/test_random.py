"""Known answers, one meaning in all worlds, and sane statistics of the random streams."""

import itertools
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from scipy import stats

from codegen import random

ROOT = Path(__file__).parents[2]
FAST_MATH = {"reassoc", "contract", "arcp", "nsz", "afn"}
DRAWS = {
    "uniform32": (random.uniform, np.float32),
    "uniform64": (random.uniform, np.float64),
    "normal32": (random.normal, np.float32),
    "normal64": (random.normal, np.float64),
}
KEYS = [(0, 0, 0), (7, 3, 1), (2**63 - 1, 2**31 - 1, 2**63 - 1)]  # seed, stream, step


def load(jit):
    """The pasted text as a module of its own, with the names that a generated module supplies."""
    names = ("float32", "float64", "uint64")
    namespace = {"math": math, "jit": jit} | {name: getattr(np, name) for name in names}
    exec("\n\n".join(random.SOURCE.values()), namespace)
    return SimpleNamespace(**{name: namespace[name] for name in random.SOURCE})


@pytest.fixture(scope="module", params=["plain", "strict", "fast"])
def world(request):
    if request.param == "plain":
        return load(lambda function: function)
    fastmath = FAST_MATH if request.param == "fast" else False
    return load(numba.njit(error_model="numpy", fastmath=fastmath, forceinline=True))


@pytest.fixture(scope="module")
def compiled():
    return load(numba.njit(error_model="numpy", fastmath=FAST_MATH, forceinline=True))


def filler(world, name):
    """A loop over elements around one scalar function, compiled if that is."""
    draw = getattr(world, name)

    def fill(out, elements, seed, stream, step):
        for at in range(len(elements)):
            out[at] = draw(seed, stream, step, elements[at])

    compile_it = numba.njit(error_model="numpy", fastmath=FAST_MATH)
    return compile_it(fill) if hasattr(draw, "py_func") else fill


# The known answers of the generator's authors: counter, key, output.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def words(text):
    return tuple(int(word, 16) for word in text.split())


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_known_answers_of_the_reference(counter, key, output):
    assert random.philox4x32(words(counter), words(key)) == words(output)


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_known_answers_of_the_pasted_text(world, counter, key, output):
    arguments = [np.uint64(word) for word in words(counter) + words(key)]
    assert world.philox(*arguments) == words(output)


def test_philox_over_arrays_is_philox_of_each_element():
    first = np.array([0, 1, 2**32 - 1], np.uint32)
    together = random.philox4x32((first, 5, 6, 7), (8, 9))
    for at, word in enumerate(first):
        alone = random.philox4x32((word, 5, 6, 7), (8, 9))
        assert [w[at] for w in together] == list(alone)
        assert all(w.dtype == np.uint32 for w in together)


@pytest.mark.parametrize("name", DRAWS)
def test_pasted_draws_equal_the_reference_bit_for_bit(world, name):
    reference, dtype = DRAWS[name]
    fill, elements = filler(world, name), np.arange(203)
    for key in KEYS:
        out = np.empty(203, dtype)
        fill(out, elements, *key)
        np.testing.assert_array_equal(out, reference(*key, 203, dtype))


@pytest.mark.parametrize("name", DRAWS)
def test_vectorised_loops_over_many_elements_equal_the_reference(compiled, name):
    reference, dtype = DRAWS[name]
    out = np.empty(100_000, dtype)
    filler(compiled, name)(out, np.arange(out.size), 11, 2, 5)
    np.testing.assert_array_equal(out, reference(11, 2, 5, out.size, dtype))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 1000])
def test_shuffle_is_the_reference_permutation(world, n):
    for key in KEYS:
        order = np.full(n, -1)
        world.shuffle(order, *key)
        expected = random.permutation(*key, n)
        np.testing.assert_array_equal(order, expected)
        assert expected.dtype == np.int64 and sorted(expected.tolist()) == list(range(n))


@pytest.mark.parametrize("name", DRAWS)
def test_elements_are_the_same_in_any_order_of_evaluation(compiled, name):
    _, dtype = DRAWS[name]
    fill, n = filler(compiled, name), 1000
    in_order = np.empty(n, dtype)
    fill(in_order, np.arange(n), 4, 1, 9)
    for elements in (np.arange(n)[::-1].copy(), random.permutation(0, 0, 0, n), np.arange(501, n)):
        out = np.empty(len(elements), dtype)
        fill(out, elements, 4, 1, 9)
        np.testing.assert_array_equal(out, in_order[elements])


@pytest.mark.parametrize("draw", [random.uniform, random.normal])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_longer_draw_begins_with_the_shorter_one(draw, dtype):
    longer = draw(1, 2, 3, 100, dtype)
    assert longer.dtype == dtype and longer.shape == (100,)
    for size in range(10):
        np.testing.assert_array_equal(draw(1, 2, 3, size, dtype), longer[:size])


def test_every_word_of_seed_stream_and_step_matters():
    values = [0, 1, 2**31, 2**32 - 1]
    wide = [*values, 2**32, 2**62]
    keys = list(itertools.product(wide, values, wide))
    draws = {random.uniform(*key, 1, np.float64).item() for key in keys}
    assert len(draws) == len(keys)


# The ends of the ranges, reached by words that no test would meet by chance


def test_the_largest_words_stay_below_one_and_the_smallest_normal_radius_is_finite(world):
    zero, ones = np.uint64(0), np.uint64(2**32 - 1)
    assert world.unit32(zero) == 0 and world.unit32(ones) == np.float32(1) - np.float32(2.0**-24)
    assert world.unit64(zero, zero) == 0 and world.unit64(ones, ones) == 1 - 2.0**-53
    assert world.open64(zero, zero) == 2.0**-53 and world.open64(ones, ones) == 1 - 2.0**-53
    assert world.below(ones, 2**31) == 2**31 - 1 and world.below(ones, 1) == 0


# Statistics, with fixed seeds: each bound holds for these draws or it does not


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_has_the_moments_and_the_evenness_of_its_distribution(dtype):
    draws = random.uniform(1, 2, 3, 200_000, dtype).astype(np.float64)
    assert draws.min() >= 0 and draws.max() < 1
    assert abs(draws.mean() - 1 / 2) < 4 * math.sqrt(1 / 12 / draws.size)
    assert abs(draws.var() - 1 / 12) < 4 * math.sqrt(1 / 180 / draws.size)
    counts = np.bincount((draws * 1000).astype(int), minlength=1000)
    assert 1e-3 < stats.chisquare(counts).pvalue < 1 - 1e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_has_the_moments_and_the_shape_of_its_distribution(dtype):
    draws = random.normal(1, 2, 3, 200_000, dtype).astype(np.float64)
    assert np.isfinite(draws).all()
    assert abs(draws.mean()) < 4 / math.sqrt(draws.size)
    assert abs(draws.var() - 1) < 4 * math.sqrt(2 / draws.size)
    assert stats.kstest(draws, "norm").pvalue > 1e-3


def test_normal_float32_is_normal_float64_rounded_once():
    exact = random.normal(1, 2, 3, 1000, np.float64)
    rounded = random.normal(1, 2, 3, 1000, np.float32)
    np.testing.assert_array_equal(rounded, exact.astype(np.float32))


def test_all_permutations_of_five_are_equally_frequent(compiled):
    counts = dict.fromkeys(itertools.permutations(range(5)), 0)
    order = np.empty(5, np.int64)
    for step in range(12_000):
        compiled.shuffle(order, 2024, 0, step)
        counts[tuple(order.tolist())] += 1
    assert 1e-3 < stats.chisquare(list(counts.values())).pvalue < 1 - 1e-3


@pytest.mark.parametrize("other", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (2**32, 0, 0), (0, 0, 2**32)])
@pytest.mark.parametrize("draw", [random.uniform, random.normal])
def test_neighbouring_seeds_streams_and_steps_are_uncorrelated(draw, other):
    n = 50_000
    a, b = draw(0, 0, 0, n, np.float64), draw(*other, n, np.float64)
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / math.sqrt(n)


def test_elements_of_one_stream_are_uncorrelated_at_short_distances():
    n = 50_000
    draws = random.uniform(5, 0, 0, n + 8, np.float32)
    for distance in range(1, 9):
        correlation = np.corrcoef(draws[:n], draws[distance : n + distance])[0, 1]
        assert abs(correlation) < 4 / math.sqrt(n)


# The text to paste


@pytest.mark.parametrize("name", random.SOURCE)
def test_source_of_a_name_is_complete_and_each_function_comes_once(name):
    text = random.source(name, name)
    namespace = {"jit": lambda function: function, "math": math}
    namespace |= {"float32": np.float32, "float64": np.float64, "uint64": np.uint64}
    supplied = set(namespace)
    exec(text, namespace)
    defined = set(namespace) - supplied - {"__builtins__"}
    assert name in defined and text.count("@jit") == len(defined)
    for function in defined:
        used = set(namespace[function].__code__.co_names) - set(dir(math))
        assert used <= defined | supplied | {"len", "min", "range"}


def test_source_leaves_out_what_is_not_called():
    assert "def shuffle" not in random.source("uniform32")
    assert random.source("shuffle").count("def ") == 4  # philox, block, below, shuffle


def test_import_is_light():
    heavy = "{'numba', 'scipy', 'sympy', 'rich', 'graphdl'}"
    check = f"import sys, codegen.random; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0, 0, 1), "seed must be an integer of at least 0, below 2[*][*]63, got -1"),
        ((2**63, 0, 0, 1), "seed must"),
        ((0.5, 0, 0, 1), "seed must be an integer .* got 0.5"),
        ((0, 2**32, 0, 1), "stream must"),
        ((0, 0, -1, 1), "step must"),
        ((0, 0, 0, -1), "size must"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        random.uniform(*arguments, np.float32)
    with pytest.raises(ValueError, match=message):
        random.normal(*arguments, np.float32)
    with pytest.raises(ValueError, match=message):
        random.permutation(*arguments)


@pytest.mark.parametrize("draw", [random.uniform, random.normal])
def test_other_dtypes_are_refused(draw):
    with pytest.raises(TypeError, match="drawn in float32 or float64, got int64"):
        draw(0, 0, 0, 1, np.int64)
