"""Elementary functions in float32 that leave a loop vectorised: without branches and calls.

Each reduces its argument and evaluates a polynomial: of its degree, the one with the least greatest
relative error (found by Remez's exchange), unless another source is named. Special values,
subnormals and signs of zero are NumPy's. The errors, in units in the last place (ULP), are those
over all 2³² arguments (cos: each 509th) where products and sums are fused, rounded up.
"""

from __future__ import annotations

import numpy as np
from numpy import float32, float64, int32, int64

from codegen.snippets import scalar_functions

exact = scalar_functions.record  # in a generated module: compiled without re-association


@exact
def exp32(a):
    """eᵃ within 1.03 ULP, subnormals included: 2ᵏ·eʳ with |r| ≤ log(2)/2 and a polynomial for eʳ.

    Coefficients: Cephes (S. Moshier), single precision.
    """
    x = float32(89) if a > float32(89) else (float32(-104) if a < float32(-104) else a)
    k = np.rint(x * float32(1.4426950408889634))
    r = x - k * float32(0.693359375)
    r = r - k * float32(-2.12194440e-4)
    # Estrin's order: a chain of five operations, not of eight
    rr = r * r
    p = float32(1.9875691500e-4) * r + float32(1.3981999507e-3)
    p = p * rr + (float32(8.3334519073e-3) * r + float32(4.1665795894e-2))
    p = p * rr + (float32(1.6666665459e-1) * r + float32(5.0000001201e-1))
    p = p * rr + r + float32(1)
    n = float32(k + float32(12582912.0)).view(int32) - int32(0x4B400000)
    h = n >> int32(1)
    s1 = int32((h + int32(127)) << int32(23)).view(float32)
    s2 = int32((n - h + int32(127)) << int32(23)).view(float32)
    return p * s1 * s2


@exact
def expm132(a):
    """eᵃ − 1 within 1.1 ULP: 2·(h·(eʳ − 1) + (h − ½)), h = 2ᵏ⁻¹ and |r| ≤ log(2)/2.

    h·r + (h − ½) is kept as a sum of two numbers, and r with what its rounding lost.
    """
    x = float32(89) if a > float32(89) else (float32(-20) if a < float32(-20) else a)
    k = np.rint(x * float32(1.4426950408889634))
    r0 = x - k * float32(0.693359375)
    r = r0 - k * float32(-2.12194440e-4)
    lost = (r0 - r) - k * float32(-2.12194440e-4)
    p = float32(1.9914321e-4)
    p = p * r + float32(1.3941112e-3)
    p = p * r + float32(8.333273e-3)
    p = p * r + float32(4.1666355e-2)
    p = p * r + float32(1.6666667e-1)
    p = p * r + float32(0.5)
    n = float32(k + float32(12582912.0)).view(int32) - int32(0x4B400000)
    h = int32((n + int32(126)) << int32(23)).view(float32)
    high = h * r + (h - float32(0.5))
    low = ((h - float32(0.5)) - high) + h * r
    y = float32(2) * (high + (h * (p * (r * r) + lost) + low))
    return a if abs(a) < float32(1e-8) else y


@exact
def log1p_reduced32(f, k):
    """k·log 2 + log(1 + f) for √½ ≤ 1 + f < √2. Coefficients: Cephes, single precision."""
    z = f * f
    p = float32(7.0376836292e-2)
    p = p * f + float32(-1.1514610310e-1)
    p = p * f + float32(1.1676998740e-1)
    p = p * f + float32(-1.2420140846e-1)
    p = p * f + float32(1.4249322787e-1)
    p = p * f + float32(-1.6668057665e-1)
    p = p * f + float32(2.0000714765e-1)
    p = p * f + float32(-2.4999993993e-1)
    p = p * f + float32(3.3333331174e-1)
    y = f * z * p
    y = y + k * float32(-2.12194440e-4)
    y = y - float32(0.5) * z
    return (f + y) + k * float32(0.693359375)


@exact
def log32(a):
    """log a within 1 ULP: a = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2."""
    tiny = a < float32(1.17549435e-38)
    scale = float32(8388608.0) if tiny else float32(1)
    bits = float32(a * scale).view(int32)
    e = int32((bits - int32(0x3F3504F3)) >> int32(23))
    m = int32(bits - (e << int32(23))).view(float32)
    k = float32(e) - (float32(23) if tiny else float32(0))
    y = log1p_reduced32(m - float32(1), k)
    y = a if (a == float32(np.inf)) | (a != a) else y
    y = float32(-np.inf) if a == float32(0) else y
    return float32(np.nan) if a < float32(0) else y


@exact
def log1p32(a):
    """log(1 + a) within 1.5 ULP: 1 + a = 2ᵏ·(1 + f); f has back what the rounding of 1 + a lost."""
    u = float32(1) + a
    bits = float32(u).view(int32)
    e = int32((bits - int32(0x3F3504F3)) >> int32(23))
    m = int32(bits - (e << int32(23))).view(float32)
    shrink = int32(int32(0x3F800000) - (e << int32(23))).view(float32)
    lost = (a - (u - float32(1))) * shrink if a < float32(1e9) else float32(0)
    y = log1p_reduced32((m - float32(1)) + lost, float32(e))
    y = a if (a == float32(np.inf)) | (a != a) | (a == float32(0)) else y
    y = float32(-np.inf) if a == float32(-1) else y
    return float32(np.nan) if a < float32(-1) else y


@exact
def tanh32(a):
    """tanh a within 1.5 ULP: a + a³·P(a²) below 0.625, 1 − 2/(e^2|a| + 1) from there on."""
    x, z = abs(a), a * a
    p = float32(-5.7167625e-3)
    p = p * z + float32(2.0650435e-2)
    p = p * z + float32(-5.374349e-2)
    p = p * z + float32(1.3331492e-1)
    p = p * z + float32(-3.3333284e-1)
    y = float32(1) - float32(2) / (exp32(x + x) + float32(1))
    y = x + x * (z * p) if x < float32(0.625) else y
    y = -y if a < float32(0) else y
    return a if z == float32(0) else y


@exact
def erf32(a):
    """2/√π ∫₀ᵃ e^(-t²) dt within 1.5 ULP: a + a·P(a²) below 0.93, 1 − e^Q(|a|) from there on."""
    z = a * a
    p = float32(8.316463e-5)
    p = p * z + float32(-8.1299455e-4)
    p = p * z + float32(5.1999018e-3)
    p = p * z + float32(-2.685894e-2)
    p = p * z + float32(1.12836875e-1)
    p = p * z + float32(-3.7612632e-1)
    p = p * z + float32(1.2837917e-1)
    x = float32(3.95) if abs(a) > float32(3.95) else abs(a)
    q = float32(1.9535841e-4)
    q = q * x + float32(-3.0375351e-3)
    q = q * x + float32(2.220425e-2)
    q = q * x + float32(-1.0388452e-1)
    q = q * x + float32(-6.3723594e-1)
    q = q * x + float32(-1.1276437)
    q = q * x + float32(-2.0341174e-4)
    y = float32(1) - exp32(q)
    y = -y if a < float32(0) else y
    return a + a * p if x < float32(0.93) else y


@exact
def quarter_turns(a):
    """a·2/π modulo 4 of a float32: a whole number, and a rest in float64 of at most about ½.

    2/π is cut into pieces of 29 bits: products of a with them are exact, and so is what they leave
    modulo 4. Of the seven pieces that float32 needs, four count at any one size.
    """
    x, size = float64(a), abs(float64(a))
    s, m, b = size < 2.0**54, size < 2.0**83, size < 2.0**112
    p1, p2, p3 = 1.4681663246252086e-09, 2.2760100671971816e-18, 5.8812147387730434e-27
    p4, p5, p6 = 1.0346868700836215e-35, 3.783256351091319e-45, 3.720474878517739e-53
    t0 = x * (0.636619770899415 if s else (p1 if m else (p2 if b else p3)))
    t1 = x * (p1 if s else (p2 if m else (p3 if b else p4)))
    t2 = x * (p2 if s else (p3 if m else (p4 if b else p5)))
    t3 = x * (p3 if s else (p4 if m else (p5 if b else p6)))
    t0 = t0 - 4.0 * np.rint(0.25 * t0)
    t1 = t1 - 4.0 * np.rint(0.25 * t1)
    q = np.rint(t0 + t1 + t2)
    return q, ((t0 - q) + t1) + t2 + t3


@exact
def sine(q, rest):
    """sin((q + rest)·π/2) in float64, to the accuracy of float32; |q| < 2⁵¹."""
    r = rest * 1.5707963267948966
    z = r * r
    s = 2.718307439689979e-06
    s = s * z - 0.00019839334505147683
    s = s * z + 0.008333329385392413
    s = s * z - 0.16666666641630865
    c = -2.71800909371268e-07
    c = c * z + 2.4799041080591434e-05
    c = c * z - 0.0013888881080008676
    c = c * z + 0.04166666656212675
    c = c * z - 0.49999999999545536
    n = float64(q + 6755399441055744.0).view(int64)
    y = r + r * (z * s) if n & 1 == 0 else 1.0 + z * c
    return y if n & 2 == 0 else -y


@exact
def sin32(a):
    """sin a within 0.51 ULP, however large a is."""
    q, rest = quarter_turns(a)
    return a if a == float32(0) else float32(sine(q, rest))


@exact
def cos32(a):
    """cos a = sin(a + π/2) within 0.51 ULP, however large a is."""
    q, rest = quarter_turns(a)
    return float32(sine(q + 1.0, rest))
