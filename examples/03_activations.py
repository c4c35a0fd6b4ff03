# %% [markdown]
# # Activation functions
#
# The non-linear part of a perceptron. What training needs of it is its slope, and a good function
# gives the slope from its own value: the sigmoid's is g′ = g·(1 − g).

# %%
import sympy
from pictures import show

import graphdl as gd

for name in ("sigmoid", "tanh", "relu"):
    curve = gd.studies.activation(name)
    print(curve)
    show(curve, f"activation_{name}")

# %%
g = gd.sigmoid(-6.0)
print(f"g(0) = {gd.sigmoid(0.0):g}; g(−6) = {g:.6f}, g′(−6) = g·(1 − g) = {g * (1 - g):.6f}")
print(f"tanh(0.5) = {gd.tanh(0.5):.6f} = 2·σ(2·0.5) − 1 = {2 * gd.sigmoid(1.0) - 1:.6f}")

# %% [markdown]
# ## Any formula is an operation
#
# Write it once, as SymPy writes it. Its derivative and its machine code follow, and it stays finite
# where the formula as written would not: exp(1000) overflows.

# %%
swish = gd.elementwise("swish", lambda z: z / (1 + sympy.exp(-z)))

z = gd.tensor("z", shape=("n",))
print("swish(1.0) =", round(float(swish(1.0)), 6))
print("the formula of its derivative, found op by op:")
print(gd.derive(gd.sum(swish(z)).named("J"), z))
print("swish(−1000) =", float(swish(-1000.0)))

# %% [markdown]
# A layer takes it like any other: `gd.layers.Dense(32, activation=swish)`. The next lesson trains
# with one.
