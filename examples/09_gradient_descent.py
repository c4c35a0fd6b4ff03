# %% [markdown]
# # Training: down the loss landscape
#
# The weights with the lowest loss, W* = argmin J(W), are found step by step: pick a start, compute
# the gradient, take a small step against it, and again.

# %%
import numpy as np
from pictures import show

import graphdl as gd
import graphdl.tf as tf

gd.set_floatx("float64")
random = np.random.default_rng(0)
x = random.normal(size=60)
y = 0.5 + 2.0 * x + 0.1 * random.normal(size=60)


def compute_loss(weights):
    return tf.reduce_mean(tf.square(weights[0] + weights[1] * x - y))


# %% [markdown]
# ## The algorithm, as a program
#
# A tape records what is computed, and gives the gradient. `while True` needs an end: here, a gradient
# close to zero.

# %%
lr = 0.1
tf.random.set_seed(1)
weights = tf.Variable(tf.random.normal([2], stddev=2.0))
path = [[weights.numpy()]]

while True:
    with tf.GradientTape() as g:
        loss = compute_loss(weights)
    gradient = g.gradient(loss, weights)
    if np.linalg.norm(gradient) < 1e-6:
        break
    weights.assign_sub(lr * gradient)
    path.append([weights.numpy()])
found = weights.numpy()
print(f"{len(path) - 1} steps: w0 = {found[0]:.6f}, w1 = {found[1]:.6f}, J = {loss:.6f}")

# %% [markdown]
# ## The same, read and checked
#
# J as a node is the landscape itself; the white line on it is the path that was taken.

# %%
w = gd.Variable(found, name="w")
J = gd.mean(gd.square(w[0] + w[1] * x - y))
landscape = gd.studies.landscape(J, along=[(w, 0), (w, 1)], span=3, path=path)
print(landscape)
show(landscape, "landscape_of_two_weights")

# %% [markdown]
# `minimise` is that loop as one compiled run. And since this J is quadratic, its minimum is known
# exactly: the two agree.

# %%
w.assign(path[0][0])
compiled = gd.studies.minimise(J)
exact = gd.studies.closed_form(J)
print(compiled)
print(exact)
print(f"they differ by {np.abs(compiled.weights[0] - exact.weights[0]).max():.1e}")

# %% [markdown]
# A small step lowers J by η·‖∇J‖², the slope's promise.

# %%
tiny = gd.studies.learning_rate_study(J, rates=[1e-6], steps=1)
slope = gd.interpret([gd.grad(J, w)], {})[0]
fallen = tiny.losses[0, 0] - tiny.losses[0, 1]
print(f"a step of 1e-6: J falls by {fallen:.4e}, promised {1e-6 * np.sum(slope**2):.4e}")
