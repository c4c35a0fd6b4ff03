"""Elementary functions in float64 that leave a loop vectorised: the ways of `codegen.single`.

The errors are the greatest over seven million arguments of all sizes and more (600,000 for erf),
against arithmetic of 64 bits and more, rounded up.
"""

from __future__ import annotations

import numpy as np
from numpy import float64, int64

from codegen.snippets import scalar_functions

exact = scalar_functions.record  # in a generated module: compiled without re-association


@exact
def exp_rest64(r):
    """(eʳ − 1 − r)/r² for |r| ≤ log(2)/2"""
    p = 2.0924556842540044e-09
    p = p * r + 2.5109147933816536e-08
    p = p * r + 2.7557242383182153e-07
    p = p * r + 2.7557243910120116e-06
    p = p * r + 2.480158736100893e-05
    p = p * r + 0.00019841269886402635
    p = p * r + 0.0013888888888866603
    p = p * r + 0.00833333333332153
    p = p * r + 0.0416666666666667
    p = p * r + 0.16666666666666677
    return p * r + 0.5


@exact
def exp64(a):
    """eᵃ within 1.02 ULP, subnormals included: 2ᵏ·eʳ with |r| ≤ log(2)/2."""
    x = 710.0 if a > 710.0 else (-746.0 if a < -746.0 else a)
    k = np.rint(x * 1.4426950408889634)
    r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    p = 1.0 + (r + r * r * exp_rest64(r))
    n = float64(k + 6755399441055744.0).view(int64) - 0x4338000000000000
    h = n >> 1
    s1 = int64((h + 1023) << 52).view(float64)
    s2 = int64((n - h + 1023) << 52).view(float64)
    return p * s1 * s2


@exact
def expm164(a):
    """eᵃ − 1 within 1.2 ULP: 2·(h·(eʳ − 1) + (h − ½)), h = 2ᵏ⁻¹ and |r| ≤ log(2)/2.

    h·r + (h − ½) is kept as a sum of two numbers, and r with what its rounding lost.
    """
    x = 710.0 if a > 710.0 else (-40.0 if a < -40.0 else a)
    k = np.rint(x * 1.4426950408889634)
    r0 = x - k * 0.6931471803691238
    r = r0 - k * 1.9082149292705877e-10
    lost = (r0 - r) - k * 1.9082149292705877e-10
    n = float64(k + 6755399441055744.0).view(int64) - 0x4338000000000000
    h = int64((n + 1022) << 52).view(float64)
    high = h * r + (h - 0.5)
    low = ((h - 0.5) - high) + h * r
    y = 2.0 * (high + (h * (r * r * exp_rest64(r) + lost) + low))
    return a if abs(a) < 1e-17 else y


@exact
def log1p_reduced64(f, k):
    """k·log 2 + log(1 + f) for √½ ≤ 1 + f < √2.

    With s = f/(2 + f), log(1 + f) = 2·artanh s = f − f²/2 + s·(f²/2 + s²·P(s²)).
    """
    s = f / (2.0 + f)
    z = s * s
    p = 0.1479735637455993
    p = p * z + 0.15313921370623026
    p = p * z + 0.18183568905362937
    p = p * z + 0.22222198494513104
    p = p * z + 0.28571428743060273
    p = p * z + 0.39999999999412067
    p = p * z + 0.6666666666666735
    half = 0.5 * f * f
    small = s * (half + z * p) + k * 1.9082149292705877e-10
    return k * 0.6931471803691238 - ((half - small) - f)


@exact
def log64(a):
    """log a within 1 ULP: a = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2."""
    tiny = a < 2.2250738585072014e-308
    bits = float64(a * (18014398509481984.0 if tiny else 1.0)).view(int64)
    e = (bits - 0x3FE6A09E667F3BCD) >> 52
    m = int64(bits - (e << 52)).view(float64)
    k = int64(e + 0x4338000000000000).view(float64) - 6755399441055744.0
    y = log1p_reduced64(m - 1.0, k - (54.0 if tiny else 0.0))
    y = a if (a == np.inf) | (a != a) else y
    y = -np.inf if a == 0.0 else y
    return np.nan if a < 0.0 else y


@exact
def log1p64(a):
    """log(1 + a) within 1.5 ULP: 1 + a = 2ᵏ·(1 + f); f has back what the rounding of 1 + a lost."""
    u = 1.0 + a
    bits = float64(u).view(int64)
    e = (bits - 0x3FE6A09E667F3BCD) >> 52
    m = int64(bits - (e << 52)).view(float64)
    k = int64(e + 0x4338000000000000).view(float64) - 6755399441055744.0
    shrink = int64(0x3FF0000000000000 - (e << 52)).view(float64)
    lost = (a - (u - 1.0)) * shrink if a < 1e18 else 0.0
    y = log1p_reduced64((m - 1.0) + lost, k)
    y = a if (a == np.inf) | (a != a) | (a == 0.0) else y
    y = -np.inf if a == -1.0 else y
    return np.nan if a < -1.0 else y


@exact
def tanh64(a):
    """tanh a within 1.5 ULP: a + a³·P(a²) below 0.625, 1 − 2/(e^2|a| + 1) from there on."""
    x, z = abs(a), a * a
    p = -1.6104967207990288e-05
    p = p * z + 7.721392951083657e-05
    p = p * z - 0.0002286286421557389
    p = p * z + 0.0005863502165349498
    p = p * z - 0.00145496978525384
    p = p * z + 0.0035919914363653823
    p = p * z - 0.008863221302625358
    p = p * z + 0.021869487600695296
    p = p * z - 0.05396825393242683
    p = p * z + 0.13333333333264796
    p = p * z - 0.33333333333332876
    y = 1.0 - 2.0 / (exp64(x + x) + 1.0)
    y = x + x * (z * p) if x < 0.625 else y
    y = -y if a < 0.0 else y
    return a if z == 0.0 else y


@exact
def erf64(a):
    """2/√π ∫₀ᵃ e^(-t²) dt within 1.5 ULP: a + a·P(a²) below 1, 1 − e^Q(|a|) from there on."""
    z = a * a
    p = -7.779109536406085e-10
    p = p * z + 1.3710802012778954e-08
    p = p * z - 1.6206276240023495e-07
    p = p * z + 1.6447127238882299e-06
    p = p * z - 1.4924712004825395e-05
    p = p * z + 0.00012055293564755278
    p = p * z - 0.0008548325929041063
    p = p * z + 0.0052239776061160995
    p = p * z - 0.02686617064311167
    p = p * z + 0.1128379167094419
    p = p * z - 0.3761263890318352
    p = p * z + 0.12837916709551256
    x = 5.95 if abs(a) > 5.95 else abs(a)
    q = -5.10934854321776e-12
    q = q * x + 2.115272127096705e-10
    q = q * x - 4.061130246679975e-09
    q = q * x + 4.783307426811558e-08
    q = q * x - 3.841162264812029e-07
    q = q * x + 2.1963797846882865e-06
    q = q * x - 8.925487171802242e-06
    q = q * x + 2.3673739681242833e-05
    q = q * x - 2.2465715712537022e-05
    q = q * x - 0.00013057097433111125
    q = q * x + 0.000763448173451893
    q = q * x - 0.0019068809098189358
    q = q * x + 0.00040178578438487513
    q = q * x + 0.01899672255616971
    q = q * x - 0.10270698739046796
    q = q * x - 0.6366422998874399
    q = q * x - 1.1283743960823536
    q = q * x - 4.699815601661984e-07
    y = 1.0 - exp64(q)
    y = -y if a < 0.0 else y
    return a + a * p if x < 1.0 else y
