# %% [markdown]
# # Overfitting
#
# A network that is too small cannot learn the data; one that is too large learns them by heart, noise
# and all, and does worse on data it has not seen.

# %%
import numpy as np
from pictures import show

import graphdl as gd


def wave(rows, seed):
    """Noisy points on a sine curve."""
    draw = np.random.default_rng(seed)
    x = draw.uniform(-3, 3, (rows, 1))
    return x, np.sin(2 * x) + 0.3 * draw.normal(size=(rows, 1))


train, test = wave(24, 0), wave(200, 1)
study = gd.studies.capacity(train, test, widths=(1, 8, 128), epochs=1500, seed=1)
print(study)
show(study, "capacity")

# %% [markdown]
# ## Regularisation I: penalties and dropout
#
# A penalty makes large weights cost something; it is a term of the loss, seen in the gradient.

# %%
W = gd.Variable(np.array([[1.0, -2.0]]), name="W")
penalty = gd.regularizers.L2(0.1)(W)
print("an L2 penalty:", penalty, "  its gradient:", gd.grad(penalty, W))

# %% [markdown]
# Dropout sets half of the activations to 0 at random, and doubles the others so that their mean stays.
# At inference nothing is dropped.

# %%
gd.set_seed(0)
dropout = gd.layers.Dropout(0.5)
ones = np.ones((2, 8), dtype="float32")
print("training: ", np.asarray(dropout(ones, training=True)).tolist()[0])
print("inference:", np.asarray(dropout(ones)).tolist()[0])

# %% [markdown]
# ## Regularisation II: early stopping
#
# Stop where the loss on data that training has not seen is lowest, and keep those weights.

# %%
study = gd.studies.regularisation(train, test, epochs=1500, patience=150, seed=1)
print(study)
show(study, "regularisation")

# %% [markdown]
# In a program of one's own, that is a callback:
# `model.fit(…, callbacks=[gd.callbacks.EarlyStopping(patience=150, restore_best_weights=True)])`.
