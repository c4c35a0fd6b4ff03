"""Matrix products of generated modules: the library, and plain loops where they are faster.

A product with one row, or with one element to add up, is what a batch of one example makes of the
products of a layer. The library's call costs more than such a product itself.
"""

from __future__ import annotations

import numpy as np

from codegen.snippets import Snippets

_snippets = Snippets()
function = _snippets.record
source = _snippets.source


@function
def product(a, b, out):
    """out = a·b"""
    if a.shape[0] == 1:
        for j in range(b.shape[1]):
            out[0, j] = a[0, 0] * b[0, j]
        for k in range(1, b.shape[0]):
            for j in range(b.shape[1]):
                out[0, j] += a[0, k] * b[k, j]
    else:
        np.dot(a, b, out)


@function
def product_ta(a, b, out):
    """out = aᵀ·b"""
    if a.shape[0] == 1:
        for i in range(a.shape[1]):
            for j in range(b.shape[1]):
                out[i, j] = a[0, i] * b[0, j]
    else:
        np.dot(a.T, b, out)


@function
def product_tb(a, b, out):
    """out = a·bᵀ"""
    if a.shape[0] == 1:
        for j in range(b.shape[0]):
            total = a[0, 0] * b[j, 0]
            for k in range(1, b.shape[1]):
                total += a[0, k] * b[j, k]
            out[0, j] = total
    else:
        np.dot(a, b.T, out)


def call(ta: bool, tb: bool) -> str | None:
    """The name of the function for a pair of transpositions, if there is one."""
    return {
        (False, False): "product",
        (True, False): "product_ta",
        (False, True): "product_tb",
    }.get((ta, tb))
