# %% [markdown]
# # Setting the learning rate
#
# The steps of gradient descent are the gradient times η. Too small, and it takes for ever or stays in
# the first hollow; too large, and it leaps over the valley and away.

# %%
import numpy as np
from pictures import show

import graphdl as gd

w = gd.Variable(1.0, name="w", dtype="float64")
study = gd.studies.learning_rate_study(gd.square(w) / 2, rates=[0.01, 1.9, 2.0, 2.1])
print(study)
show(study, "learning_rates_of_a_parabola")

# %% [markdown]
# The border is 2/λmax, where λmax is the largest curvature, the largest eigenvalue of the Hessian.
# That is exact for a parabola and a good first guess for a network.

# %%
gd.set_seed(2)
(x, y), _ = gd.datasets.moons(n=200)
model = gd.Sequential(
    [gd.layers.Input(shape=(2,)), gd.layers.Dense(8, "tanh"), gd.layers.Dense(1, "sigmoid")]
)
model.compile(gd.optimizers.SGD(0.5), "binary_crossentropy")
study = gd.studies.learning_rate_study(model, x, y, steps=100)
print(study)
show(study, "learning_rates_of_a_network")

# %% [markdown]
# Idea 1: try lots of rates. A sweep is one compiled run; a range test lets the rate grow from step to
# step and looks where the loss falls fastest. The model is left as it is.

# %%
sweep = gd.studies.learning_rate_study(gd.square(w) / 2, rates=np.geomspace(0.01, 1.9, 9), steps=20)
print(f"the best of nine rates: {sweep.best:.3f}")
tested = gd.studies.range_test(model, x, y)
print(tested)
show(tested, "range_test")

# %% [markdown]
# ## What the landscape of a network looks like
#
# A slice through the trained weights, along two random directions scaled like the weights
# themselves. The path of training is drawn as its shadow on that slice.

# %%
path = gd.studies.WeightPath()
model.fit(x, y, epochs=40, verbose=0, callbacks=[path])
landscape = gd.studies.landscape(model, x, y, path=path)
print(landscape)
show(landscape, "landscape_of_a_network")
show(landscape, "surface_of_a_network", draw="surface")
