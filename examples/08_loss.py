# %% [markdown]
# # How wrong is a network?
#
# The loss L(f(x; W), y) measures one prediction against what was true; the empirical loss J is the
# mean over the data. It is also called objective, cost, or empirical risk.

# %%
import numpy as np

import graphdl as gd
import graphdl.tf as tf

gd.set_floatx("float64")
print(f"ŷ = 0.1, and y = 1: loss {gd.losses.binary_crossentropy([1.0], [0.1]):.6f} = −log 0.1")

# %% [markdown]
# J is a function of the weights alone: the data are given.

# %%
x, y = gd.tensor("x", ("n", 2)), gd.tensor("y", ("n", 1))
W = gd.Variable(np.zeros((2, 1)), name="W")
J = gd.mean(gd.losses.binary_crossentropy(y, gd.sigmoid(x @ W).named("ŷ"))).named("J")
print(J)
print("its variables:", [v.name for v in gd.Graph([x, y], [J]).variables])

# %% [markdown]
# ## Binary cross-entropy
#
# J = −1/n · Σ [ y·log ŷ + (1 − y)·log(1 − ŷ) ]. The brackets matter: both terms are under the sum.

# %%
predicted, actual = np.array([0.1, 0.8, 0.6]), np.array([1.0, 0.0, 1.0])
by_hand = -np.mean(actual * np.log(predicted) + (1 - actual) * np.log(1 - predicted))
loss = gd.losses.BinaryCrossentropy()(actual[:, None], predicted[:, None])
print(f"three students: {loss:.6f}, by the formula {by_hand:.6f}")

# %% [markdown]
# The logarithm of a sigmoid overflows as written, but not here: at z = −1000 the loss is 1000.

# %%
from_logits = gd.losses.BinaryCrossentropy(from_logits=True)
print("at z = −1000, y = 1:", float(from_logits([[1.0]], [[-1000.0]])))

# %% [markdown]
# ## A softmax needs two units
#
# Softmax over a single unit is always 1. Its loss is 0 whatever the weights are, and nothing can be
# learnt from it, so it is refused.

# %%
try:
    tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(actual[:, None], predicted[:, None]))
except gd.errors.ShapeError as error:
    print("refused:", error)

# %% [markdown]
# ## Mean squared error
#
# For numbers instead of classes: final grades predicted and real.

# %%
grades, real = np.array([30.0, 80.0, 85.0]), np.array([90.0, 20.0, 95.0])
print(f"mean squared error: {tf.reduce_mean(tf.square(tf.subtract(real, grades))):.2f}")
print(f"by its name:        {gd.losses.mean_squared_error(real, grades):.2f}")
p = gd.tensor("ŷ", (3,))
slope = gd.grad(gd.losses.mean_squared_error(real, p), p)
print("its slope, 2·(ŷ − y)/n:", gd.interpret([slope], {p: grades})[0])
