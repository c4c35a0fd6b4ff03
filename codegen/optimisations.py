"""What is done for speed, memory or compile time alone: by name, each with a switch.

`GRAPHDL_OFF=fuse,hoist` leaves these out for a whole process, `with without("fuse")` for whatever is
compiled and run meanwhile; a model that is compiled already stays as it is. Results are the same bits,
or differ as said here: as far as sums go that are added up in another order, or functions that are
rounded otherwise. Machine code is found by the text of its program, and by the names that change
something else than that text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Optimisation(NamedTuple):
    """What it is, and how results differ without it (not at all where nothing is said)."""

    what: str
    differs: str = ""


ORDER = "sums are added up in another order"

KNOWN = {
    # the graph
    "algebra": Optimisation("x·1 → x, (Aᵀ)ᵀ → A, Σ of views: fewer operations", ORDER),
    # its items
    "views": Optimisation("moved elements are read where they lie: no copy of a transpose", ORDER),
    "truths": Optimisation("comparisons are made where they are used, not kept in memory"),
    "thin": Optimisation("products with one row or column are loops", ORDER),
    # passes, in their order
    "flatten": Optimisation("exponentials of short rows in one run"),
    "interchange": Optimisation("on a GPU, free loops stand outermost", ORDER),
    "accumulate": Optimisation("on a GPU, sums over loops are added up in registers"),
    "fuse": Optimisation("one nest for what runs over the same elements"),
    "delay": Optimisation("cheap derivatives are worked out in the loop that reads them"),
    "contract": Optimisation("values pass from statement to statement in registers"),
    "pack": Optimisation("one flat loop for the same work on many buffers"),
    "hoist": Optimisation("what does not change in a loop is read before it"),
    "repeat": Optimisation("equal segments are one body over a table of buffers"),
    "resize": Optimisation("segments of other sizes share a body, too"),
    "epilogues": Optimisation("on a GPU, products hand their elements on in registers"),
    "teams": Optimisation(
        "large steps are split between threads", "two programs may be rounded apart"
    ),
    # text
    "registers": Optimisation("one-element temps are local variables"),
    "tiles": Optimisation("products are tiles held in registers, not calls of BLAS", ORDER),
    "functions": Optimisation("exp, log, tanh, … have bodies that vectorise", "by 1 or 2 ULP each"),
    "copies": Optimisation("a row is copied as memory"),
    "rolled": Optimisation("loops of 16 turns and more are vectorised, not unrolled before", ORDER),
    "straight": Optimisation("Numba runs few passes and counts no references"),
    # memory and calls
    "inplace": Optimisation("a temp is made in the memory of one that is then done"),
    "reuse": Optimisation("temps take the places of those that are done"),
    "places": Optimisation("where the arrays of a call lie is kept for the next one"),
    "direct": Optimisation("a prepared function hands addresses to machine code"),
    "chunks": Optimisation("many steps in one call of compiled code"),
    "epochs": Optimisation("many short epochs in one call, where no callback looks at each"),
    "shuffle": Optimisation("large orders are shuffled by compiled code"),
    "branches": Optimisation("launches on a GPU wait for those they meet in memory, not for all"),
    "prefetch": Optimisation("a thread reads the next chunk of data while this one trains"),
}

NEEDS = {"resize": "repeat", "epochs": "shuffle"}  # what goes without the other, too


def named(names: Iterable[str]) -> frozenset[str]:
    """The names, all of them known; ValueError on one that is not."""
    found = frozenset(name.strip() for name in names) - {""}
    if strange := sorted(found - KNOWN.keys()):
        raise ValueError(f"no optimisation is called {strange[0]!r}; there are {', '.join(KNOWN)}")
    return found


def _from_environment() -> frozenset[str]:
    try:
        return named(os.environ.get("GRAPHDL_OFF", "").split(","))
    except ValueError as error:
        raise ValueError(f"GRAPHDL_OFF: {error}") from None


_OFF = _from_environment()
_off: ContextVar[frozenset[str]] = ContextVar("off", default=_OFF)


def on(name: str) -> bool:
    """Is an optimisation to be made?"""
    return _off.get().isdisjoint((name, NEEDS.get(name)))


@contextmanager
def without(*names: str) -> Iterator[None]:
    """What is compiled and run in this context goes without these."""
    before = _off.set(_off.get() | named(names))
    try:
        yield
    finally:
        _off.reset(before)
