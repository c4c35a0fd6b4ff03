# %% [markdown]
# # Why deep learning, and why now
#
# A network learns its features from raw data. The idea is old; larger data, parallel hardware and
# software made it practical. The software comes down to this: a few lines declare a network, train
# it, test it and ask it.

# %%
import graphdl as gd

gd.set_seed(0)
(x_train, y_train), (x_test, y_test) = gd.datasets.load_breast_cancer()

model = gd.Sequential(
    [
        gd.layers.Input(shape=x_train.shape[1:]),
        gd.layers.Dense(16, activation="relu"),
        gd.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=10, batch_size=32, validation_data=(x_test, y_test))

# %%
model.summary()
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy {accuracy:.4f}, the same as the last epoch's "
      f"{history.history['val_accuracy'][-1]:.4f}")  # fmt: skip
print("the first three predictions:", model.predict(x_test)[:3, 0], "and labels:", y_test[:3])

# %% [markdown]
# ## Features nobody designed
#
# Each hidden unit is a feature that training found: a weighted sum of the 30 measurements. These are
# the three that count most in the unit with the largest say.

# %%
W, b, to_output, _ = model.get_weights()
unit = abs(to_output[:, 0]).argmax()
names = gd.datasets.info("breast_cancer").feature_names
strongest = abs(W[:, unit]).argsort()[::-1][:3]
terms = " ".join(f"{W[k, unit]:+.2f}·({names[k]})" for k in strongest)
print(f"hidden unit {unit}: relu({b[unit]:.2f} {terms} …), with weight {to_output[unit, 0]:+.2f}")

# %% [markdown]
# ## The machine underneath
#
# The whole epoch, from the shuffle to the metrics, is one generated module. It is a file to read.

# %%
print("the generated code:", model.source_file)
