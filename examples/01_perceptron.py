"""A perceptron: a weighted sum of inputs, and a sigmoid that turns it into a yes or a no."""

import numpy as np

import graphdl as gd

gd.set_floatx("float64")
x1 = gd.tensor("x1", shape=("n",))
x2 = gd.tensor("x2", shape=("n",))

z = (1 + 3 * x1 - 2 * x2).named("z")  # the weights: w0 = 1, w1 = 3, w2 = −2
y = gd.sigmoid(z).named("ŷ")
perceptron = gd.function([x1, x2], [z, y])

print("the perceptron:", z, " and ", y)

# The line 1 + 3·x1 − 2·x2 = 0 parts the plane: below 0.5 on one side, above it on the other.
points = np.array([[-1.0, 2.0], [-1 / 3, 0.0], [0.0, 0.5], [2.0, 1.0]])
sums, outputs = perceptron(points[:, 0], points[:, 1])
for point, total, output in zip(points, sums, outputs, strict=True):
    where = "on the line" if abs(total) < 1e-9 else "z > 0" if total > 0 else "z < 0"
    print(f"x = ({point[0]:5.2f}, {point[1]:5.2f})   z = {total:5.2f}   ŷ = {output:.3f}   {where}")

# The slope of the sigmoid comes from its value: g′ = g·(1 − g).
g = gd.sigmoid(-6.0)
print(f"g(−6) = {g:.3f}, g′(−6) = g·(1 − g) = {g * (1 - g):.6f}")
