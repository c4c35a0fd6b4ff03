# %% [markdown]
# # Backpropagation
#
# How does a small change of one weight change the loss? The chain rule answers, factor by factor,
# from the result back. Two units in a row: ŷ = σ(w2·σ(w1·x)).

# %%
import numpy as np

import graphdl as gd

gd.set_floatx("float64")
x = gd.tensor("x", shape=(1,))
y = gd.tensor("y", shape=(1,))
w1 = gd.Variable(np.array([0.5]), name="w1")
w2 = gd.Variable(np.array([-1.0]), name="w2")

z1 = (w1 * x).named("z1")
p = gd.sigmoid(w2 * gd.sigmoid(z1)).named("ŷ")
J = gd.losses.binary_crossentropy(y, p).named("J")

# %% [markdown]
# First for w2, close to the loss, then for w1, further away. The factor ∂J/∂ŷ is the same in both:
# what a later layer has computed is used again by every earlier one.

# %%
values = {x: np.array([1.0]), y: np.array([1.0])}
for weight in (w2, w1):
    derivation = gd.derive(J, weight)
    print(derivation)
    print("\nin numbers, at x = 1 and y = 1:")
    print(derivation.evaluate(values))
    print()

# %% [markdown]
# Is it true? Change w1 a little and look at the loss.

# %%
loss = gd.function([x, y], J)
h, before = 1e-6, loss(*values.values())
w1.assign(np.array([0.5 + h]))
print(f"a step of {h:g} changes J by {(loss(*values.values()) - before) / h:.6f} times as much")

# %% [markdown]
# The same for a weight of a whole network, in matrix form.

# %%
model = gd.Sequential(
    [gd.layers.Input(shape=(2,)), gd.layers.Dense(3, "tanh"), gd.layers.Dense(1, "sigmoid")]
)
model.compile("sgd", "binary_crossentropy")
print(model.derive("dense/kernel"))
