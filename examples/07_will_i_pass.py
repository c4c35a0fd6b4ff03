# %% [markdown]
# # Will I pass this class?
#
# Two features: lectures attended, and hours spent on the final project. A network with three hidden
# units learns from those who took the class before.

# %%
import numpy as np
from pictures import show

import graphdl as gd

gd.set_seed(3)
(x_train, y_train), (x_test, y_test) = gd.datasets.will_i_pass(standardize=False)
scale = np.array([10.0, 10.0])  # 0 to 10 lectures, 0 to 10 hours: brought to 0 … 1

hidden = gd.layers.Dense(3, activation="tanh")
model = gd.Sequential(
    [gd.layers.Input(shape=(2,)), hidden, gd.layers.Dense(1, activation="sigmoid")]
)
model.compile(gd.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])

# %% [markdown]
# Before training, a network says anything. Its loss for this one student is −log ŷ, if the student
# passes.

# %%
student = np.array([[4.0, 5.0]])  # 4 lectures attended, 5 hours on the final project


def ask(when):
    odds = model.predict(student / scale)[0, 0]
    print(
        f"{when} training: {odds:.2f} to pass; if the student does, the loss is {-np.log(odds):.2f}"
    )


ask("before")
show(gd.studies.decision(model, (x_train / scale, y_train)), "will_i_pass_before")

# %%
model.fit(x_train / scale, y_train, epochs=100, verbose=0)
ask("after")
show(gd.studies.decision(model, (x_train / scale, y_train)), "will_i_pass_after")

loss, accuracy = model.evaluate(x_test / scale, y_test, verbose=0)
print(f"of {len(y_test)} other students, {accuracy:.0%} are predicted rightly")

# %%
print("the odds, by hours on the project (across) and lectures attended (down):")
hours = np.arange(0, 11, 2)
print("      " + "".join(f"{h:6}" for h in hours))
for lectures in range(0, 11, 2):
    grid = np.array([[lectures, h] for h in hours], dtype=float)
    print(f"{lectures:6}" + "".join(f"{p:6.2f}" for p in model.predict(grid / scale)[:, 0]))

# %% [markdown]
# ## What each hidden unit has learnt
#
# A unit is a formula in the two features, and can be looked at like a network.

# %%
W, b = hidden.get_weights()
alone = gd.Sequential([gd.layers.Input(shape=(2,)), gd.layers.Dense(1, activation="tanh")])
for k in range(3):
    print(f"h{k + 1} = tanh({b[k]:+.2f} {W[0, k]:+.2f}·lectures/10 {W[1, k]:+.2f}·hours/10)")
    alone.set_weights([W[:, k : k + 1], b[k : k + 1]])
    unit = gd.studies.decision(alone, bounds=((0, 1), (0, 1)))
    show(unit, f"hidden_unit_{k + 1}")
