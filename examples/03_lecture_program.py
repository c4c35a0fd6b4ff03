"""The lecture's first program: a network, trained on real data, in eight lines."""

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

model.summary()
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy {accuracy:.4f}, the same as the last epoch's "
      f"{history.history['val_accuracy'][-1]:.4f}")  # fmt: skip
print("the first three predictions:", model.predict(x_test)[:3, 0], "and labels:", y_test[:3])
