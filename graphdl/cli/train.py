"""`graphdl train`: a network on a data set, from its declaration to the test."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from codegen.cache import cache_directory
from graphdl import config, datasets, layers, optimizers
from graphdl.cli.arguments import RECIPES
from graphdl.cli.screen import Screen
from graphdl.core.types import set_floatx
from graphdl.datasets import Info
from graphdl.datasets.split import Part
from graphdl.model import Model
from graphdl.sequential import Sequential

# task -> (activation of the last layer, loss)
ENDS = {
    "binary": ("sigmoid", "binary_crossentropy"),
    "multiclass": ("softmax", "sparse_categorical_crossentropy"),
    "regression": ("linear", "mean_squared_error"),
}


def run(asked: Namespace) -> None:
    """Train, and tell of it: on stdout, or with `--json` on stderr and the result on stdout."""
    out = sys.stdout
    with redirect_stdout(sys.stderr if asked.json else out):
        result = _train(_settled(asked), Screen(sys.stdout, asked.verbose))
    if asked.json:
        out.write(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _settled(asked: Namespace) -> Namespace:
    """What was asked, and the data set's recipe for what was not."""
    recipe = RECIPES[asked.dataset]
    own = {k: v for k, v in vars(recipe).items() if getattr(asked, k) is None}
    if asked.optimizer != "adam":  # a rate means something else to another optimizer
        own.pop("learning_rate", None)
    return Namespace(**{**vars(asked), **own})


def _train(asked: Namespace, screen: Screen) -> dict[str, Any]:
    config.set_seed(asked.seed)
    set_floatx(asked.dtype)
    info = datasets.info(asked.dataset)
    training, test = load(info, asked.seed)
    model = network(info, asked)
    screen.declared(asked, info, len(training[1]), len(test[1]), model)
    history = screen.watch(
        lambda **how: model.fit(
            *training,
            epochs=asked.epochs,
            batch_size=asked.batch_size,
            validation_data=test,
            **how,
        ),
        asked.epochs,
    )
    screen.history(history.history)
    result = _result(asked, info, model, test) | {"history": history.history}
    screen.result(result)
    return result


def load(info: Info, seed: int) -> tuple[Part, Part]:
    """The two parts of the data; what a regression predicts has deviation 1."""
    options = {"standardize_target": True} if info.task == "regression" else {}
    return datasets.load(info.name, seed=seed, **options)


def network(info: Info, asked: Namespace) -> Model:
    """Hidden layers as asked for, the last layer and the loss as the task needs them."""
    activation, loss = ENDS[info.task]
    model = Sequential(
        [
            layers.Input(shape=(info.features,)),
            *(layers.Dense(units, activation=asked.activation) for units in asked.layers),
            layers.Dense(info.classes if info.task == "multiclass" else 1, activation=activation),
        ]
    )
    rate = () if asked.learning_rate is None else (asked.learning_rate,)
    model.compile(
        optimizer=optimizers.KNOWN[asked.optimizer](*rate),
        loss=loss,
        metrics=[] if info.task == "regression" else ["accuracy"],
        target=asked.target,
    )
    return model


def _result(asked: Namespace, info: Info, model: Model, test: Part) -> dict[str, Any]:
    x, y = test
    scores = model.evaluate(x, y, verbose=0, return_dict=True)
    if info.task == "regression":
        scores["r2"] = 1 - scores["loss"] / float(np.var(y))
    program = model.compiled_step.executable
    return {
        "dataset": info.name,
        "task": info.task,
        "layers": list(asked.layers),
        "activation": asked.activation,
        "parameters": sum(w.value.size for w in model.weights),
        "optimizer": asked.optimizer,
        "learning_rate": float(f"{model.optimizer.learning_rate.value:.6g}"),  # as it was given
        "epochs": asked.epochs,
        "batch_size": asked.batch_size,
        "seed": asked.seed,
        "dtype": asked.dtype,
        "target": asked.target,
        "test_examples": len(y),
        "test": scores,
        "compile_seconds": model.compile_seconds,
        "from_cache": model.compiled_target == "cpu" and program.cached,
        "kept": model.compiled_target == "cpu" and _is_kept(model.source_file),
        "train_seconds": model.train_seconds,
        "source_file": model.source_file,
    }


def _is_kept(source_file: str) -> bool:
    """Does the machine code lie where the next process looks for it?"""
    source = Path(source_file)
    try:
        return source.parent == cache_directory() and source.with_suffix(".run.nbc").is_file()
    except FileNotFoundError:  # no home directory: a temporary one stands in
        return False
