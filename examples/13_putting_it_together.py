# %% [markdown]
# # Putting it all together
#
# One training, written three times: as a loop with a tape, as mathematics with a compiled step, and
# as `fit`, which compiles the whole epoch. The numbers are the same.

# %%
import numpy as np

import graphdl as gd
import graphdl.tf as tf

(x_train, labels), _ = gd.datasets.load_breast_cancer(dtype="float32")
y_train = labels[:, None].astype("float32")
STEPS, RATE = 200, 0.1


def network():
    return tf.keras.Sequential(
        [
            tf.keras.layers.Input((30,)),
            tf.keras.layers.Dense(1, activation="sigmoid", kernel_initializer="zeros"),
        ]
    )


# %% [markdown]
# ## A loop with a tape
#
# The loop records the forward pass *inside* the tape: a gradient is of what was recorded. What is
# recorded becomes one compiled program, the same in each turn.

# %%
model = network()
optimizer = tf.keras.optimizers.SGD(RATE)
compute_loss = tf.keras.losses.BinaryCrossentropy()

by_hand = []
for _ in range(STEPS):
    with tf.GradientTape() as tape:
        prediction = model(x_train)
        loss = compute_loss(y_train, prediction)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
    by_hand.append(float(loss))
print(f"tape:        J = {by_hand[0]:.6f} at first, {by_hand[-1]:.6f} at step {STEPS}")

# %% [markdown]
# ## Mathematics first
#
# No model: a loss, its gradients as nodes to be read, and gradient descent as a compiled step.

# %%
x = gd.tensor("x", shape=("n", "m"))  # a symbol; strings are named sizes
y = gd.tensor("y", shape=("n", 1))
W = gd.Variable(np.zeros((30, 1)), name="W")  # it has a value; "m" is thereby 30
b = gd.Variable(np.zeros(1), name="b")

z = (x @ W + b).named("z")
p = gd.sigmoid(z).named("ŷ")
J = gd.mean(gd.losses.binary_crossentropy(y, p)).named("J")

dW, db = gd.grad(J, [W, b])  # nodes again
print("∂J/∂W =", dW)

step = gd.function([x, y], J, updates={W: W - RATE * dW, b: b - RATE * db})
losses = [float(step(x_train, y_train)) for _ in range(STEPS)]  # W and b move at each call
print(f"mathematics: J = {losses[0]:.6f} at first, {losses[-1]:.6f} at step {STEPS}")
print("the generated code:", step.source_file)

# %% [markdown]
# ## The compiled epoch
#
# One batch that holds all the data, so that an epoch is a step.

# %%
fitted = network()
fitted.compile(gd.optimizers.SGD(RATE), "binary_crossentropy", metrics=["accuracy"])
history = fitted.fit(x_train, y_train, epochs=STEPS, batch_size=len(x_train), verbose=0).history
losses = history["loss"]
print(f"fit:         J = {losses[0]:.6f} at first, {losses[-1]:.6f} at step {STEPS}")

# %%
apart = np.abs(np.subtract(by_hand, losses)).max()
print(f"the losses of loop and fit differ by {apart:.1e} at most, in float32")
print(f"accuracy at the end: {history['accuracy'][-1]:.4f}")
