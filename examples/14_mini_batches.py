# %% [markdown]
# # Mini-batches
#
# The gradient of J runs over all data, for a single step. A few examples give an estimate of it, for
# a fraction of the work.

# %%
from pictures import show

import graphdl as gd

gd.set_seed(4)
(x, y), _ = gd.datasets.moons(n=1000)
model = gd.Sequential(
    [gd.layers.Input(shape=(2,)), gd.layers.Dense(16, "tanh"), gd.layers.Dense(1, "sigmoid")]
)
model.compile(gd.optimizers.SGD(0.1), "binary_crossentropy")

# %% [markdown]
# What one gradient costs, as a formula in n, the number of examples:

# %%
cost = gd.studies.gradient_flops(model, x, y)
print("operations of one gradient:", cost.formula)
for rows in (len(x), 32, 1):
    print(f"of {rows:3} examples: {cost.at(n=rows):,}")

# %% [markdown]
# What it is worth: one example points in the right direction on average, with much noise. The noise
# falls with the root of the batch size, so sd·√B stays the same.

# %%
noise = gd.studies.gradient_noise(model, x, y)
print(noise)
show(noise, "gradient_noise")

# %% [markdown]
# Larger batches also use the machine better. How much, is measured here on this machine:

# %%
throughput = gd.studies.throughput(model, x, y, seconds=0.05)
print(throughput)
show(throughput, "throughput")

# %% [markdown]
# One compiled program serves every batch size, and the ragged last batch too.

# %%
for size in (1, 32, 1000):
    gd.set_seed(5)
    weights = model.get_weights()
    loss = model.fit(x, y, batch_size=size, epochs=1, verbose=0).history["loss"][0]
    model.set_weights(weights)
    print(f"one epoch in batches of {size:4}: {-(-len(x) // size):4} steps, mean loss {loss:.4f}")
