"""Backpropagation, read: two units in a row, the chain rule in symbols and then in numbers."""

import numpy as np

import graphdl as gd

gd.set_floatx("float64")
x = gd.tensor("x", shape=(1,))
y = gd.tensor("y", shape=(1,))
w1 = gd.Variable(np.array([0.5]), name="w1")
w2 = gd.Variable(np.array([-1.0]), name="w2")

z1 = (w1 * x).named("z1")
p = gd.sigmoid(w2 * gd.sigmoid(z1)).named("ŷ")
J = gd.losses.binary_crossentropy(y, p).named("J")

values = {x: np.array([1.0]), y: np.array([1.0])}
for weight in (w2, w1):
    derivation = gd.derive(J, weight)
    print(derivation)
    print("\nin numbers, at x = 1 and y = 1:")
    print(derivation.evaluate(values))
    print()

# A derivative answers: how does a small change of w1 change J? Try it.
loss = gd.function([x, y], J)
h, before = 1e-6, loss(*values.values())
w1.assign(np.array([0.5 + h]))
print(f"a step of {h:g} changes J by {(loss(*values.values()) - before) / h:.6f} times as much")
