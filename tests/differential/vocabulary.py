"""The whole vocabulary of the random graphs, by name."""

from tests.differential.shapes import MOVES, PRODUCTS
from tests.differential.values import ELEMENTWISE, REDUCTIONS

RULES = {r.name: r for r in [*ELEMENTWISE, *REDUCTIONS, *MOVES, *PRODUCTS]}
