"""`tf.keras`: graphdl's layers, losses, optimizers … under the names that TensorFlow gives them."""

from __future__ import annotations

from typing import Any

import graphdl as gd
from graphdl.tf.names import Names, meant, unknown

Model, Sequential, Input = gd.Model, gd.Sequential, gd.layers.Input

layers = Names("tf.keras.layers", module=gd.layers)
optimizers = Names(
    "tf.keras.optimizers",
    module=gd.optimizers,
    slips={"RMSProp": ("RMSprop", "Keras spells it RMSprop")},
)
losses = Names(
    "tf.keras.losses",
    module=gd.losses,
    lifted=True,
    slips={
        short: (
            name,
            f"this is {name}, which averages over the last axis alone and gives one loss an "
            "example; tf.reduce_mean of it is the loss of the batch",
        )
        for short, name in (
            ("MSE", "mean_squared_error"),
            ("mse", "mean_squared_error"),
            ("MAE", "mean_absolute_error"),
            ("mae", "mean_absolute_error"),
        )
    },
)
metrics = Names("tf.keras.metrics", module=gd.metrics)
activations = Names("tf.keras.activations", module=gd.activations, lifted=True)
initializers = Names("tf.keras.initializers", module=gd.initializers)
models = Names("tf.keras.models", {"Model": Model, "Sequential": Sequential})
constraints = Names("tf.keras.constraints", module=gd.constraints)
regularizers = Names("tf.keras.regularizers", module=gd.regularizers)
callbacks = Names("tf.keras.callbacks", module=gd.callbacks)


def __getattr__(name: str) -> Any:
    if name == "optimizer":
        meant("tf.keras.optimizer", "the module is called tf.keras.optimizers")
        return optimizers
    if name.startswith("_"):
        raise AttributeError(name)
    raise unknown("tf.keras", name, {n: globals()[n] for n in __all__})


__all__ = [
    "Input", "Model", "Sequential", "activations", "callbacks", "constraints", "initializers",
    "layers", "losses", "metrics", "models", "optimizers", "regularizers",
]  # fmt: skip
