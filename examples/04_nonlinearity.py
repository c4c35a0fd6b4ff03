# %% [markdown]
# # Why non-linear
#
# Green points inside a disc, red ones around it. Can a network tell them apart?

# %%
import numpy as np
import sympy
from pictures import show

import graphdl as gd

random = np.random.default_rng(0)
points = random.uniform(-1, 1, (600, 2))
inside = (np.sum(points**2, axis=1) < 0.6).astype(int)
swish = gd.elementwise("swish", lambda z: z / (1 + sympy.exp(-z)))  # from the lesson before


def trained(activation):
    gd.set_seed(1)
    model = gd.Sequential(
        [
            gd.layers.Input(shape=(2,)),
            gd.layers.Dense(16, activation),
            gd.layers.Dense(16, activation),
            gd.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(gd.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(points, inside, epochs=100, verbose=0).history
    return model, history["accuracy"][-1]


# %% [markdown]
# Without an activation the decision is a line, however many layers there are. The best a line can do
# here is to call everything by the more frequent colour.

# %%
linear, right = trained(None)
frequent = max(inside.mean(), 1 - inside.mean())
print(f"linear: {right:.3f} right; the more frequent colour: {frequent:.3f}")
show(gd.studies.decision(linear, (points, inside)), "linear_network")

# %% [markdown]
# The proof: stacked linear layers are one linear layer. `model.lint()` says so before any training.

# %%
print(gd.studies.collapse(linear))
print(linear.lint())

# %% [markdown]
# With a curved function between the layers, the same network bends its decision round the disc.

# %%
curved, right = trained(swish)
print(f"swish: {right:.4f} right")
show(gd.studies.decision(curved, (points, inside)), "nonlinear_network")
