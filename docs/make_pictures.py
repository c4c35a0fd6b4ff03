"""Draw the pictures of docs/pictures anew: networks, and what the lessons draw.

Needs graphdl[data,plot]. With the argument "networks" it draws those alone, and needs nothing.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PICTURES = HERE / "pictures"
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

import graphdl as gd  # noqa: E402


def networks():
    """The lecture's network: its derivation, its operations; and a loss with its gradients."""
    model = gd.Sequential([
        gd.layers.Input(shape=(30,)),
        gd.layers.Dense(16, activation="relu"),
        gd.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="binary_crossentropy")
    derivation = model.derive("dense/kernel")
    yield "derivation", derivation.svg()
    yield "operations", model.svg(operations=True, rankdir="LR", show_shapes=True)
    yield "gradients", loss_and_gradients().svg()


def loss_and_gradients():
    """Logistic regression as mathematics: J, ∂J/∂W and ∂J/∂b in one graph."""
    x, y = gd.tensor("x", shape=("n", 30)), gd.tensor("y", shape=("n", 1))
    W, b = gd.Variable(np.zeros((30, 1)), name="W"), gd.Variable(np.zeros(1), name="b")
    p = gd.sigmoid((x @ W + b).named("z")).named("ŷ")
    J = gd.mean(gd.losses.binary_crossentropy(y, p)).named("J")
    return gd.Graph([x, y], [J, *gd.grad(J, [W, b])])


def lessons():
    """Run those that draw."""
    environment = {**os.environ, "PICTURES": str(PICTURES), "PYTHONPATH": str(ROOT)}
    for lesson in sorted((ROOT / "examples").glob("[0-9]*.py")):
        if "show(" in lesson.read_text(encoding="utf-8"):
            command = [sys.executable, str(lesson)]
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


for name, picture in networks():
    (PICTURES / f"{name}.svg").write_text(picture, encoding="utf-8")
if sys.argv[1:] != ["networks"]:
    lessons()
