"""Counter-based random numbers: one definition for the interpreter and all targets.

A draw is a pure function of (seed, stream, step, element): any thread computes any element at any
time, in any order, on any target, and a resumed run goes on with the same numbers. The generator
is Philox4x32-10 of J. Salmon, M. Moraes, R. Dror and D. Shaw, "Parallel Random Numbers: As Easy
as 1, 2, 3" (SC 2011): a keyed bijection of 128-bit counters whose outputs, for counters as
regular as 0, 1, 2, pass the usual test batteries.

    key       seed, low and high word                        seed, step in [0, 2**63)
    counter   block, stream, step (low and high word)        block, stream in [0, 2**32)

Distinct (seed, stream, step, block) are distinct (key, counter) pairs, so two uses of randomness
share no counter if they have different streams. A block is four 32-bit words, dealt out as

    uniform float32   element e: word e % 4 of block e // 4
    uniform float64   element e: words 0, 1 (e even) or 2, 3 (e odd) of block e // 2
    normal            element e: all words of block e
    permutation       index i: word i % 4 of block i // 4

The functions marked `@jit` are the definition, and `SOURCE` holds their text, which emitters paste
into generated modules. A module supplies the names math, float32, float64, uint64 and jit; jit
should force inlining (`numba.njit(error_model="numpy", forceinline=True)`), because only an inlined
Philox lets the compiler vectorise the loop around it, which is a factor of ten.

All integers are uint64 holding 32-bit values, so that no product or sum overflows and the same
text gives the same bits in plain Python, compiled, and (where it has no branch) on NumPy arrays.
Every literal that meets them is cast: compiled code widens uint64 with int64 to a signed or
floating type. Apart from log, sqrt, cos and the products around them, floating-point operations
here are exact, so that compiler flags cannot change a bit. Uniforms and permutations are
therefore the same on every machine; normals are so as far as its log and cos are.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy import float32, float64, uint64
from numpy.typing import ArrayLike, DTypeLike, NDArray

from codegen.snippets import Snippets

_snippets = Snippets()
SOURCE = _snippets.text  # name -> text; each function comes after those it calls
source = _snippets.source
jit = _snippets.record  # in a generated module, `jit` is its compiler


# The scalar definition


@jit
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10: counter (c0 … c3) under key (k0, k1); uint64 in and out, all below 2**32.

    A round multiplies two words by odd constants into 64-bit products, crosses over their low
    and high halves, and masks the high ones with the other words and the key. The key moves on
    by a Weyl sequence (golden ratio, √3 − 1).
    """
    half, low = uint64(32), uint64(0xFFFFFFFF)
    for _ in range(10):
        p0 = uint64(0xD2511F53) * c0
        p1 = uint64(0xCD9E8D57) * c2
        c0, c1 = (p1 >> half) ^ c1 ^ k0, p1 & low
        c2, c3 = (p0 >> half) ^ c3 ^ k1, p0 & low
        k0 = (k0 + uint64(0x9E3779B9)) & low
        k1 = (k1 + uint64(0xBB67AE85)) & low
    return c0, c1, c2, c3


@jit
def block(seed, stream, step, index):
    """Four random words, as uint64 below 2**32: block `index` of a stream at a step."""
    half, low = uint64(32), uint64(0xFFFFFFFF)
    seed, step = uint64(seed), uint64(step)
    index, stream = uint64(index) & low, uint64(stream) & low
    return philox(index, stream, step & low, step >> half, seed & low, seed >> half)


@jit
def unit32(word):
    """k · 2⁻²⁴ in [0, 1), k the top 24 bits of a word: exact in float32."""
    return float32(word >> uint64(8)) * float32(2.0**-24)


@jit
def unit64(high, low):
    """k · 2⁻⁵³ in [0, 1), k the top 53 bits of two words: exact in float64."""
    return float64(((high << uint64(32)) | low) >> uint64(11)) * 2.0**-53


@jit
def open64(high, low):
    """(k + ½) · 2⁻⁵² in (0, 1), k the top 52 bits of two words: exact, and its log is finite."""
    return (float64(((high << uint64(32)) | low) >> uint64(12)) + 0.5) * 2.0**-52


@jit
def uniform32(seed, stream, step, element):
    """Draw number `element`, uniform on the multiples of 2⁻²⁴ in [0, 1), as float32."""
    w0, w1, w2, w3 = block(seed, stream, step, element >> 2)
    even = w0 if element & 2 == 0 else w2  # selections, not branches: the loop still vectorises
    odd = w1 if element & 2 == 0 else w3
    return unit32(even if element & 1 == 0 else odd)


@jit
def uniform64(seed, stream, step, element):
    """Draw number `element`, uniform on the multiples of 2⁻⁵³ in [0, 1), as float64."""
    w0, w1, w2, w3 = block(seed, stream, step, element >> 1)
    high = w0 if element & 1 == 0 else w2
    low = w1 if element & 1 == 0 else w3
    return unit64(high, low)


@jit
def normal64(seed, stream, step, element):
    """Draw number `element` from N(0, 1): √(−2 ln u) · cos 2πv (Box and Muller), |·| < 8.6."""
    w0, w1, w2, w3 = block(seed, stream, step, element)
    radius = math.sqrt(-2.0 * math.log(open64(w0, w1)))
    return float64(radius * math.cos(2.0 * math.pi * unit64(w2, w3)))


@jit
def normal32(seed, stream, step, element):
    """The draw of `normal64`, rounded once to float32."""
    return float32(normal64(seed, stream, step, element))


@jit
def below(word, bound):
    """⌊word · bound / 2³²⌋, an integer in [0, bound): the high word of a 64-bit product."""
    return (word * uint64(bound)) >> uint64(32)


@jit
def shuffle(order, seed, stream, step):
    """Fill `order` (int64, length n < 2**31) with a random permutation of 0 … n − 1.

    The inside-out Fisher–Yates shuffle: i takes the place of some j ≤ i, whose entry moves to
    place i. An index j comes up with a probability within 2⁻³² of 1/(i + 1): a relative bias
    below n · 2⁻³², 0.03 % for a million.
    """
    n = len(order)
    for b in range(n >> 2):  # apart from what follows, for vectors: order[i] holds the j of i
        w0, w1, w2, w3 = block(seed, stream, step, b)
        i = b << 2
        order[i], order[i + 1] = below(w0, i + 1), below(w1, i + 2)
        order[i + 2], order[i + 3] = below(w2, i + 3), below(w3, i + 4)
    w0, w1, w2, w3 = block(seed, stream, step, n >> 2)
    for i in range(n & ~3, n):
        order[i] = below(w0, i + 1)
        w0, w1 = w1, w2
    for i in range(n):
        j = order[i]
        order[i] = order[j]
        order[j] = i


# The NumPy reference: the same functions over arrays of blocks


def philox4x32(
    counter: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike], key: tuple[ArrayLike, ArrayLike]
) -> tuple[NDArray[np.uint32], ...]:
    """Philox4x32-10 of uint32 words, which broadcast: four words in, four words out."""
    words = [np.asarray(word, np.uint32).astype(np.uint64) for word in (*counter, *key)]
    return tuple(np.asarray(word, np.uint32) for word in philox(*words))


def uniform(seed: int, stream: int, step: int, size: int, dtype: DTypeLike) -> NDArray:
    """`size` draws, uniform in [0, 1), 24 random bits each in float32 and 53 in float64.

    Raises ValueError for arguments out of range and TypeError for any other dtype.
    """
    if _float_dtype(dtype) == float32:
        return unit32(_words(seed, stream, step, size, 1))[:, 0]
    return unit64(*_words(seed, stream, step, size, 2).T)


def normal(seed: int, stream: int, step: int, size: int, dtype: DTypeLike) -> NDArray:
    """`size` draws from N(0, 1), computed in float64, rounded once to `dtype`, always finite.

    Raises ValueError for arguments out of range and TypeError for any other dtype.
    """
    dtype = _float_dtype(dtype)
    w0, w1, w2, w3 = _words(seed, stream, step, size, 4).T
    radius = np.sqrt(-2.0 * _c_library(math.log, open64(w0, w1)))
    draws = radius * _c_library(math.cos, 2.0 * math.pi * unit64(w2, w3))
    return draws.astype(dtype, copy=False)


def permutation(seed: int, stream: int, step: int, n: int) -> NDArray[np.int64]:
    """The permutation of 0 … n − 1 with which `shuffle` fills an array; n < 2**31."""
    words = _words(seed, stream, step, n, 1)[:, 0]
    order = list(range(n))  # a list: its items are reached faster than an array's
    for i, j in enumerate(below(words, np.arange(1, n + 1)).tolist()):
        order[i] = order[j]
        order[j] = i
    return np.array(order, np.int64)


def _words(seed: int, stream: int, step: int, size: int, each: int) -> NDArray[np.uint64]:
    """Random words of shape (size, each): row e belongs to element e."""
    _check("seed", seed, 63)
    _check("stream", stream, 32)
    _check("step", step, 63)
    _check("size", size, 31)
    blocks = np.arange(-(-size * each // 4))
    return np.stack(block(seed, stream, step, blocks), axis=1).reshape(-1, each)[:size]


def _check(name: str, value: int, bits: int) -> None:
    if not isinstance(value, int | np.integer) or not 0 <= value < 2**bits:
        raise ValueError(f"{name} must be an integer of at least 0, below 2**{bits}, got {value!r}")


def _float_dtype(dtype: DTypeLike) -> np.dtype:
    if np.dtype(dtype) not in (float32, float64):
        raise TypeError(
            f"random numbers are drawn in float32 or float64, got {np.dtype(dtype)}: "
            "draw in one of these and cast the result"
        )
    return np.dtype(dtype)


def _c_library(function: Callable[[float], float], values: NDArray) -> NDArray:
    """Elementwise by the C library, as compiled code does it; NumPy's log may round otherwise."""
    return np.fromiter(map(function, values.tolist()), float64, values.size)
