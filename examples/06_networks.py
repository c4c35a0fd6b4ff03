# %% [markdown]
# # From one hidden layer to deep networks
#
# The outputs of one layer are the inputs of the next.

# %%
import numpy as np

import graphdl as gd

# %% [markdown]
# ## One hidden layer
#
# The sizes stay symbols: any batch, m inputs, n hidden units, 2 outputs.

# %%
x = gd.tensor("x", ("batch", "m"))
W1, b1 = gd.tensor("W1", ("m", "n")), gd.tensor("b1", ("n",))
W2, b2 = gd.tensor("W2", ("n", 2)), gd.tensor("b2", (2,))

z = (x @ W1 + b1).named("z")
y = gd.sigmoid(gd.sigmoid(z) @ W2 + b2).named("ŷ")
print(z)
print(y, "  of shape", y.shape)

model = gd.Sequential([gd.layers.Dense(5), gd.layers.Dense(2)])
outputs = model(np.ones((1, 3), dtype="float32"))  # the first input tells m
print(f"m = 3, n = 5: {model.count_params()} weights = m·n + n + 2n + 2")

# %% [markdown]
# Those two layers have no activation, as it happens; `lint` proves what that means.

# %%
print(model.lint())

# %% [markdown]
# ## Deep networks
#
# The same line again and again: zₖ = g(zₖ₋₁)·Wₖ + bₖ. It is printed as it is said, so that a deep
# network is as easy to read as a shallow one.

# %%
signal = gd.tensor("x", ("batch", "n0"))
for k in range(1, 5):
    W = gd.tensor(f"W{k}", (f"n{k - 1}", f"n{k}"))
    b = gd.tensor(f"b{k}", (f"n{k}",))
    layer = (signal @ W + b).named(f"z{k}")
    print(layer)
    signal = gd.relu(layer)

# %%
hidden = [gd.layers.Dense(n, activation="relu") for n in (32, 16, 8)]
deep = gd.Sequential([gd.layers.Input(shape=(8,)), *hidden, gd.layers.Dense(2)])
deep.summary()
print(deep.lint())
