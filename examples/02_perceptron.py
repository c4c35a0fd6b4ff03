# %% [markdown]
# # The perceptron
#
# A weighted sum of the inputs, a bias, and a non-linear function: ŷ = g(w0 + Σ xᵢ·wᵢ).

# %%
import numpy as np
from pictures import show

import graphdl as gd

gd.set_floatx("float64")

# %% [markdown]
# ## The sum, and the same in matrix form
#
# Strings name sizes that stay open: `m` inputs. The bias is the weight of an input that is always 1.

# %%
x, w, w0 = gd.tensor("x", ("m",)), gd.tensor("w", ("m",)), gd.tensor("w0", ())
print("without bias:  ŷ =", gd.sigmoid(gd.sum(x * w)))
print("as a sum:      ŷ =", gd.sigmoid(w0 + gd.sum(x * w)))
print("as a product:  ŷ =", gd.sigmoid(w0 + x @ w))

numbers = {x: np.array([-1.0, 2.0]), w: np.array([3.0, -2.0]), w0: 1.0}
as_sum, as_product = gd.interpret([w0 + gd.sum(x * w), w0 + x @ w], numbers)
with_one = np.dot([1.0, -1.0, 2.0], [1.0, 3.0, -2.0])
print(f"z = {as_sum:g} as a sum, {as_product:g} as a product, {with_one:g} with an input of 1")

# %% [markdown]
# ## An example: w0 = 1, W = [3, −2]
#
# A name stops the printing: what follows speaks of z.

# %%
x1, x2 = gd.tensor("x1", shape=("n",)), gd.tensor("x2", shape=("n",))
z = (1 + 3 * x1 - 2 * x2).named("z")
y = gd.sigmoid(z).named("ŷ")
perceptron = gd.function([x1, x2], [z, y])
print("the perceptron:", z, " and ", y)

# %% [markdown]
# z = 0 is a line in the plane. On one side of it ŷ < 0.5, on the other ŷ > 0.5.

# %%
points = np.array([[-1.0, 2.0], [-1 / 3, 0.0], [0.0, 0.5], [2.0, 1.0]])
sums, outputs = perceptron(points[:, 0], points[:, 1])
for point, total, output in zip(points, sums, outputs, strict=True):
    where = "on the line" if abs(total) < 1e-9 else "z > 0" if total > 0 else "z < 0"
    print(f"x = ({point[0]:5.2f}, {point[1]:5.2f})   z = {total:5.2f}   ŷ = {output:.3f}   {where}")

decision = gd.studies.decision(y)
print(decision)
print(f"(−1, 2) lies {decision.line.distance((-1, 2)):.4f} away from it")
show(decision, "perceptron")
