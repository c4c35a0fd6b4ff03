"""Any formula is an operation: its derivative and its machine code come by themselves."""

import sympy

import graphdl as gd

swish = gd.elementwise("swish", lambda z: z / (1 + sympy.exp(-z)))

print("swish(1.0) =", round(float(swish(1.0)), 6))

z = gd.tensor("z", shape=("n",))
print("its derivative, found op by op:", gd.grad(gd.sum(swish(z)), z))

# It stays finite where the formula as written would overflow: exp(1000) is infinite.
print("swish(−1000) =", float(swish(-1000.0)))

gd.set_seed(0)
(x_train, y_train), (x_test, y_test) = gd.datasets.load_digits()
model = gd.Sequential(
    [
        gd.layers.Input(shape=(64,)),
        gd.layers.Dense(32, activation=swish),
        gd.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=20, verbose=0)
print(f"digits, read with swish: {model.evaluate(x_test, y_test, verbose=0)[1]:.1%} right")
