"""Products by tiles: each tile gives the product, and each element once; and which one is taken."""

import itertools

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import products, tiles
from codegen.cuda.kernels import Shape
from codegen.cuda.tiles import MEMORY, MULTIPROCESSORS, Tile, best
from tests.cuda import stepper
from tests.cuda.replay import noting
from tests.cuda.stepper import backwards, forwards, stepped

SMALL = (
    *tiles.SIMULATOR,
    Tile(1, 1, 1, 1, 1, 1),
    Tile(2, 4, 4, 2, 4, 4),  # slices of one thread
    Tile(8, 8, 2, 4, 4, 2),  # its results leave in two strips,
    Tile(16, 16, 4, 4, 8, 4),  # in four
)
SIDES = list(itertools.product([False, True], repeat=2))


def name(tile):
    return f"{tile.rows}x{tile.columns}x{tile.inner}"


def made(tile, rows, columns, terms, ta=False, tb=False, dtype="float32", order=forwards):
    """A product by a tile, the same in float64, and how far the two may be apart.

    Roundings of K terms add up like √K steps in either direction.
    """
    draw = np.random.default_rng(0)
    a = draw.standard_normal((terms, rows) if ta else (rows, terms)).astype(dtype)
    b = draw.standard_normal((columns, terms) if tb else (terms, columns)).astype(dtype)
    x, w = gd.tensor("x", ("m", a.shape[1]), dtype), gd.Variable(b, dtype=dtype)
    with noting() as found:
        left, right = (gd.transpose(x) if ta else x), (gd.transpose(w) if tb else w)
        gd.function([x], left @ right, target="python")(a)
    (replay,) = found
    left_over = stepped(replay, Shape(tile.threads, (tile,)), 3, order, order)
    (ours,) = (value for b, value in left_over.items() if b.role == "output")
    left, right = (s.astype(float).T if t else s.astype(float) for s, t in ((a, ta), (b, tb)))
    bound = np.sqrt(terms) * np.finfo(dtype).eps * (np.abs(left) @ np.abs(right)).max()
    return ours, left @ right, bound


@pytest.mark.parametrize(("ta", "tb"), SIDES)
@pytest.mark.parametrize("tile", SMALL, ids=name)
def test_a_product_with_ragged_edges(tile, ta, tb):
    """More than a tile, a slab and the blocks of a launch; and less than a tile."""
    for rows, columns, terms in (
        (2 * tile.rows + 1, tile.columns + 3, 2 * tile.inner + 1),
        (3, 2, 1),
    ):
        for dtype in ("float32", "float64"):
            ours, exact, bound = made(tile, rows, columns, terms, ta, tb, dtype)
            other, _, _ = made(tile, rows, columns, terms, ta, tb, dtype, backwards)
            np.testing.assert_allclose(ours, exact, rtol=0, atol=bound)
            np.testing.assert_array_equal(ours, other)


@pytest.mark.parametrize("tile", tiles.GPU, ids=name)
def test_a_product_by_a_tile_for_a_gpu(tile):
    ours, exact, bound = made(tile, tile.rows - 3, tile.columns - 1, tile.inner + 1)
    np.testing.assert_allclose(ours, exact, rtol=0, atol=bound)


@pytest.mark.parametrize("tile", SMALL, ids=name)
def test_each_element_is_handed_over_once(tile, monkeypatch):
    seen, calls, store = [], [], products._store

    def noted(printer, item):
        def lines(value, depth):
            calls.append(value)
            return [*store(printer, item)(value, depth), "    " * depth + "cuda.seen(row, column)"]

        return lines

    monkeypatch.setattr(products, "_store", noted)
    monkeypatch.setattr(stepper.Cuda, "seen", lambda self, *at: seen.append(at), raising=False)
    rows, columns = tile.rows + 1, tile.columns + 2
    made(tile, rows, columns, 3)
    assert sorted(seen) == list(itertools.product(range(rows), range(columns)))
    assert len(calls) == 1


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("tile", [*tiles.GPU, *SMALL], ids=name)
def test_threads_fetch_each_element_of_a_slab_once(tile, across):
    for length in (tile.rows, tile.columns):
        side = products.Side("a", None, across, length, 0, "", "")
        share = products._share(side, tile)
        found = []
        for lane, i in itertools.product(range(tile.threads), range(share.count)):
            line, term = (eval(text, {"lane": lane}) for text in (share.line, share.term))
            found.append((line + i * share.lines, term + i * share.terms))
        assert sorted(found) == list(itertools.product(range(length), range(tile.inner)))


@pytest.mark.parametrize("tile", [*tiles.GPU, *SMALL], ids=name)
def test_a_tile_can_be_cut_so(tile):
    assert tile.threads & (tile.threads - 1) == 0  # products take their number from a mask
    assert tile.inner % tile.slices == 0
    assert tile.rows % tile.strip == 0 and tile.strip % tile.high == 0
    assert tile.slices * tile.strip * tile.columns <= tile.room <= MEMORY // 4


# ------------------------------------------------------------------ the choice


def blocks(tile, rows, columns):
    return -(-rows // tile.rows) * -(-columns // tile.columns)


@pytest.mark.parametrize(
    ("rows", "columns", "terms"),
    [(128, 128, 784), (784, 128, 128), (128, 512, 784), (784, 512, 128), (512, 512, 128)],
)
def test_a_result_of_middle_size_fills_most_of_a_gpu(rows, columns, terms):
    tile = best(tiles.GPU, rows, columns, terms, "float32")
    assert blocks(tile, rows, columns) >= 0.7 * MULTIPROCESSORS


@pytest.mark.parametrize(
    ("rows", "columns", "terms"), [(128, 10, 512), (784, 10, 128), (64, 1, 64)]
)
def test_terms_of_few_columns_are_dealt_out(rows, columns, terms):
    tile = best(tiles.GPU, rows, columns, terms, "float32")
    assert tile.slices >= 16
    assert -(-terms // tile.inner) * tile.inner // tile.slices <= 16  # terms in a row, of a thread


def test_large_results_are_cut_into_large_tiles():
    assert best(tiles.GPU, 4096, 4096, 1024, "float32").rows == 128


def test_the_simulator_runs_with_slices_and_without():
    for terms, tile in ((3, tiles.SIMULATOR[0]), (9, tiles.SIMULATOR[1])):
        assert best(tiles.SIMULATOR, 5, 6, terms, "float32") is tile


def test_float64_has_a_tile_that_finds_room():
    for size in (16, 128, 1024, 4096):
        tile = best(tiles.GPU, size, size, size, "float64")
        assert tile.suits("float64") and tile.room * 8 <= MEMORY
