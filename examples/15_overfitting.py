# %% [markdown]
# # Overfitting
#
# A network that is too small cannot learn the data; one that is too large learns them by heart, noise
# and all, and does worse on data it has not seen.

# %%
import numpy as np
from pictures import show

import graphdl as gd

train, test = gd.datasets.moons(n=500, noise=0.25, test_size=0.9)  # learn from 50 of 500
study = gd.studies.capacity(train, test, widths=(1, 4, 64), epochs=1000, seed=1)
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
# Stop where the loss on data that training has not seen is lowest, and keep those weights. Left
# alone, the wide network ends far above its best.

# %%
study = gd.studies.regularisation(train, test, width=64, epochs=1000, patience=100, seed=1)
print(study)
show(study, "regularisation")

# %% [markdown]
# In a program of one's own, that is a callback:
# `model.fit(…, callbacks=[gd.callbacks.EarlyStopping(patience=100, restore_best_weights=True)])`.
