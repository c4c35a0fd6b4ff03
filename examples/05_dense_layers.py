# %% [markdown]
# # Dense layers
#
# Several perceptrons on the same inputs are a dense layer: zᵢ = w₀ᵢ + Σⱼ xⱼ·wⱼᵢ, in matrix form
# Z = X·W + b. Here is one from scratch; nobody writes its derivative.

# %%
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


# %%
gd.set_seed(0)
(x_train, y_train), (x_test, y_test) = gd.datasets.load_breast_cancer()

model = gd.Sequential([gd.layers.Input(shape=(30,)), MyDenseLayer(30, 16), MyDenseLayer(16, 1)])
model.compile("adam", loss="binary_crossentropy")
model.summary()
model.fit(x_train, y_train, epochs=30, verbose=0)
predicted = model.predict(x_test)
right = np.mean((predicted[:, 0] > 0.5) == y_test)
print(f"from scratch: {right:.4f} of the test set right")

# %% [markdown]
# The layer that comes with graphdl computes the same, given the same weights.

# %%
built_in = gd.Sequential(
    [
        gd.layers.Input(shape=(30,)),
        gd.layers.Dense(16, activation="sigmoid"),
        gd.layers.Dense(1, activation="sigmoid"),
    ]
)
W1, b1, W2, b2 = model.get_weights()
built_in.set_weights([W1, b1[0], W2, b2[0]])  # a built-in bias has one axis
difference = np.abs(built_in.predict(x_test) - predicted).max()
print(f"largest difference from gd.layers.Dense: {difference:g}")

# %% [markdown]
# With m inputs, two units have 2m weights and 2 biases. Unit i is a perceptron on column i of W.

# %%
layer = gd.layers.Dense(units=2)
x = np.array([[-1.0, 2.0, 0.5]], dtype="float32")
z = layer(x)
W, b = layer.get_weights()
print(f"3 inputs, 2 units: {layer.count_params()} weights")
for i in range(2):
    by_hand = b[i] + sum(x[0, j] * W[j, i] for j in range(3))
    print(f"z{i + 1} = {z[0, i]:.4f}, by its own sum {by_hand:.4f}")
