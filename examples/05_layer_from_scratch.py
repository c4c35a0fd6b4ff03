"""A dense layer written from scratch, as on the lecture's slide. Nobody writes its derivative."""

import numpy as np

import graphdl as gd


class MyDenseLayer(gd.layers.Layer):
    """ŷ = g(X·W + b)"""

    def __init__(self, input_dim, output_dim):
        super().__init__()
        self.W = self.add_weight([input_dim, output_dim])
        self.b = self.add_weight([1, output_dim])

    def call(self, inputs):
        z = gd.matmul(inputs, self.W) + self.b
        return gd.sigmoid(z)


gd.set_seed(0)
(x_train, y_train), (x_test, y_test) = gd.datasets.load_breast_cancer()

model = gd.Sequential([gd.layers.Input(shape=(30,)), MyDenseLayer(30, 16), MyDenseLayer(16, 1)])
model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
model.summary()
model.fit(x_train, y_train, epochs=30, verbose=0)
print(f"from scratch: {model.evaluate(x_test, y_test, verbose=0)[1]:.4f} of the test set right")

# The layer that comes with graphdl computes the same, given the same weights.
built_in = gd.Sequential(
    [
        gd.layers.Input(shape=(30,)),
        gd.layers.Dense(16, activation="sigmoid"),
        gd.layers.Dense(1, activation="sigmoid"),
    ]
)
W1, b1, W2, b2 = model.get_weights()
built_in.set_weights([W1, b1[0], W2, b2[0]])  # a built-in bias has one axis
difference = np.abs(built_in.predict(x_test) - model.predict(x_test)).max()
print(f"largest difference from gd.layers.Dense: {difference:g}")
