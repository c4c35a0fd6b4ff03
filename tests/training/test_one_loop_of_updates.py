"""What an optimizer does to the weights is one loop over weights, gradients and slots, and no more."""

import numpy as np
import pytest

import graphdl as gd

OPTIMIZERS = {name: cls() for name, cls in gd.optimizers.KNOWN.items()} | {
    "momentum": gd.optimizers.SGD(0.01, momentum=0.9),
    "nesterov": gd.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "centered": gd.optimizers.RMSprop(centered=True, momentum=0.9),
    "amsgrad": gd.optimizers.Adam(amsgrad=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_update_is_one_loop_without_memory_of_its_own(name):
    optimizer = OPTIMIZERS[name]
    model = gd.Sequential(
        [
            gd.layers.Input(shape=(5,)),
            gd.layers.Dense(4, activation="relu"),
            gd.layers.Dense(3),
        ]
    )
    model.compile(optimizer=optimizer, loss="mse", target="python")
    model.fit(np.ones((4, 5), "f4"), np.zeros((4, 3), "f4"), epochs=1, verbose=0)
    assert len(model.source.split("# nothing has changed yet")) == 2
    update = model.source.split("# nothing has changed yet")[1]
    (loop,) = (part for part in update.split("\n\n") if " as one" in part)
    assert "for f" in loop
    wholes = {line.split(":")[0] for line in model.source.splitlines() if line.startswith("all_")}
    assert len(wholes) == 2 + len(optimizer.slot_names)  # the gradient, the weight, the slots
    over_weights = [part for part in update.split("\n\n") if "[i" in part and "for i" in part]
    assert over_weights == []
