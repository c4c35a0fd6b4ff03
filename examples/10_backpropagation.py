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
# Is it true? Change w1 a little and look at the loss. Or let every factor be computed again by
# methods that know no rule of derivatives.

# %%
loss = gd.function([x, y], J)
h, before = 1e-6, loss(*values.values())
w1.assign(np.array([0.5 + h]))
print(f"a step of {h:g} changes J by {(loss(*values.values()) - before) / h:.6f} times as much")
w1.assign(np.array([0.5]))

print(gd.derive(J, w1).check(values))

# %% [markdown]
# A weight of a whole network. In matrix form the gradient needs one cotangent δ for each layer, and
# with the forward pass below it, it could be typed into NumPy as it stands.

# %%
gd.set_seed(0)
model = gd.Sequential(
    [gd.layers.Input(shape=(2,)), gd.layers.Dense(3, "tanh"), gd.layers.Dense(1, "sigmoid")]
)
model.compile("sgd", "binary_crossentropy")
kernel = model.derive("dense/kernel")
print(kernel.text("matrix"))

# %% [markdown]
# Element by element, for one weight alone; and the lines of the generated program that compute it.

# %%
print(model.derive("dense/kernel", unit=(0, 2)).text("index"))
print()
print(kernel.text("code"))

# %% [markdown]
# Every weight is computed from what later layers have computed already. What does that save?

# %%
print(kernel.cost().at(n=32))

# %% [markdown]
# Now you. A formula is right if it is equal, however it is written; of a wrong one the first wrong
# factor is named.

# %%
for answer in ("x.T @ ((ŷ - y)/n @ W2.T * (1 - h1^2))", "x.T @ ((ŷ - y)/n @ W2.T)"):
    print(gd.grade(kernel, answer))
    print()

print(gd.worksheet(model, seed=1))
