# %% [markdown]
# # Saving, loading, going on
#
# A model is one file of data: opening it runs nothing. Training goes on from it as if it had never
# stopped, to the bit.

# %%
import tempfile
from pathlib import Path

import numpy as np

import graphdl as gd

(x, y), _ = gd.datasets.will_i_pass()


def network():
    gd.set_seed(6)
    model = gd.Sequential(
        [
            gd.layers.Input(shape=(2,)),
            gd.layers.Dense(16, "relu"),
            gd.layers.Dropout(0.2),
            gd.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


# %%
never_stopped = network()
never_stopped.fit(x, y, epochs=20, verbose=0)

# %% [markdown]
# The same, stopped in the middle. The file holds the weights, the optimizer's memory, and where the
# random streams stand: shuffles and dropout masks go on where they were.

# %%
first_half = network()
first_half.fit(x, y, epochs=10, verbose=0)
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "students.safetensors"
    first_half.save(file)
    print(f"{file.name}: {file.stat().st_size} bytes")
    resumed = gd.load_model(file)
resumed.fit(x, y, initial_epoch=10, epochs=20, verbose=0)

pairs = zip(never_stopped.get_weights(), resumed.get_weights(), strict=True)
print("the same to the bit:", all(np.array_equal(a, b) for a, b in pairs))
