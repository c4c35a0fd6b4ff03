"""Mathematics first: a loss, its gradients, and gradient descent as a compiled step. No model."""

import numpy as np

import graphdl as gd

(x_train, y_train), (x_test, y_test) = gd.datasets.load_breast_cancer(dtype="float32")
y_train, y_test = (labels[:, None].astype("float32") for labels in (y_train, y_test))

x = gd.tensor("x", shape=("n", "m"))  # a symbol; strings are named sizes
y = gd.tensor("y", shape=("n", 1))
W = gd.Variable(np.zeros((30, 1)), name="W")  # it has a value; "m" is thereby 30
b = gd.Variable(np.zeros(1), name="b")

z = (x @ W + b).named("z")
p = gd.sigmoid(z).named("ŷ")
J = gd.mean(gd.losses.binary_crossentropy(y, p)).named("J")

dW, db = gd.grad(J, [W, b])  # nodes again
print("∂J/∂W =", dW)

step = gd.function([x, y], J, updates={W: W - 0.1 * dW, b: b - 0.1 * db})
for k in range(201):
    loss = step(x_train, y_train)  # W and b have moved when it returns
    if k in (0, 1, 10, 100, 200):
        print(f"step {k:3}   J = {loss:.4f}")

predict = gd.function([x], p)
accuracy = np.mean((predict(x_test) > 0.5) == y_test)
print(f"test accuracy {accuracy:.4f}")
print("the generated code:", step.source_file)
