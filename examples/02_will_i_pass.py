"""Will I pass this class? Three hidden units, and one student before and after training."""

import numpy as np

import graphdl as gd

gd.set_seed(3)
(x_train, y_train), (x_test, y_test) = gd.datasets.will_i_pass(standardize=False)
scale = np.array([10.0, 10.0])  # 0 to 10 lectures, 0 to 10 hours: brought to 0 … 1

model = gd.Sequential(
    [
        gd.layers.Input(shape=(2,)),
        gd.layers.Dense(3, activation="relu"),
        gd.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(gd.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])

student = np.array([[4.0, 5.0]])  # 4 lectures attended, 5 hours on the final project
before = model.predict(student / scale)[0, 0]
loss = -np.log(before)  # of this one prediction, if the student passes
print(f"before training: {before:.2f} to pass; if the student does, the loss is {loss:.2f}")

model.fit(x_train / scale, y_train, epochs=100, verbose=0)
after = model.predict(student / scale)[0, 0]
print(
    f"after training:  {after:.2f} to pass; if the student does, the loss is {-np.log(after):.2f}"
)

loss, accuracy = model.evaluate(x_test / scale, y_test, verbose=0)
print(f"of {len(y_test)} other students, {accuracy:.0%} are predicted rightly")

print("the odds, by hours on the project (across) and lectures attended (down):")
hours = np.arange(0, 11, 2)
print("      " + "".join(f"{h:6}" for h in hours))
for lectures in range(0, 11, 2):
    grid = np.array([[lectures, h] for h in hours], dtype=float)
    print(f"{lectures:6}" + "".join(f"{p:6.2f}" for p in model.predict(grid / scale)[:, 0]))
