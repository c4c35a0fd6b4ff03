# %% [markdown]
# # Adaptive learning rates
#
# Idea 2: let the rate follow the landscape. Each optimizer is a few equations, and what is printed is
# what is compiled.

# %%
from pictures import show

import graphdl as gd

names = ["sgd", "adam", "adadelta", "adagrad", "rmsprop"]
for name in names:
    optimizer = gd.optimizers.get(name)
    w = gd.Variable(1.0, dtype="float64")
    optimizer.apply_gradients([(0.1, w)])
    print(f"{type(optimizer).__name__}: from w = 1, with the gradient 0.1, to {float(w.value):.9f}")
    print(optimizer.equations(), "\n")

# %% [markdown]
# ## On one landscape
#
# A long valley with steep sides, twenty times steeper across than along. Each optimizer runs at the
# best of eight rates.

# %%
w = gd.Variable([-2.0, 1.5], name="w", dtype="float64")
valley = (gd.square(w[0]) + 20 * gd.square(w[1])) / 2
comparison = gd.studies.compare_optimizers(valley, w, names, steps=40)
print(comparison)
show(comparison, "optimizers_in_a_valley")

# %% [markdown]
# ## The rate that each weight really gets
#
# For SGD it is η, for every weight, always. Adam divides by the size of recent gradients, Adagrad by
# that of all gradients so far: each weight has a rate of its own, and it moves.

# %%
for name in ("SGD", "Adam", "Adagrad"):
    optimizer = getattr(gd.optimizers, name)(0.1 if name == "Adagrad" else 0.01)
    rates = gd.studies.effective_rates(valley, optimizer=optimizer, steps=60)
    print(rates)
    show(rates, f"effective_rates_{name.lower()}")
