"""Saving: `model.save`, `save_weights` and `load_weights`, mixed into `Model`.

A model file is one safetensors file. Any program that reads the format finds the weights by their
names ("dense/kernel") and the optimizer's arrays ("optimizer/m/dense/kernel"); the text "graphdl" in
the header's metadata holds the architecture and all settings as JSON. One such file needs no archive:
nothing to unpack, no paths in it, and every byte of it is accounted for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphdl import config
from graphdl.core.errors import ModelFileError
from graphdl.core.graph import Variable
from graphdl.core.types import floatx
from graphdl.files import disk, safetensors
from graphdl.files.arrays import assign, check, state_of, weights_of
from graphdl.files.encode import Encoder
from graphdl.files.safetensors import TensorFile, load_json
from graphdl.version import __version__

KEY = "graphdl"  # of the JSON in the metadata
VERSION = 1  # of what the JSON says; a file with a higher one is refused


class Saving:
    """The part of a model that meets files."""

    _saved_seed: tuple[int, int] | None = None  # of its file, and how often seeds were set by then

    def _seed(self) -> int:
        """The process's seed; that of the file the model came from, until `set_seed` is called."""
        if self._saved_seed is not None and self._saved_seed[1] == config.times_set():
            return self._saved_seed[0]
        return config.seed()

    def save(self, path: Any, overwrite: bool = True) -> None:
        """Write the whole model to one file, whole or not at all; `gd.load_model(path)` reads it.

        Architecture, weights, optimizer and its state, loss, metrics and random streams: a loaded
        model goes on training with the very numbers that this one would have had. The format is
        safetensors; any name will do, such as "model.safetensors". Code is never written: classes
        and functions of your own are named, and passed to `load_model` again.

        Raises ModelFileError for what cannot be written, OSError where the disk refuses; a file
        that was at `path` is then as it was.
        """
        target = _target(path, overwrite)
        self._count_names()
        text = json.dumps(document(self), allow_nan=False, separators=(",", ":"))
        _write(target, state_of(self), {KEY: text})

    def save_weights(self, path: Any, overwrite: bool = True) -> None:
        """Write the weights alone, by their names, as a safetensors file."""
        self._require_built()
        _write(_target(path, overwrite), weights_of(self), {})

    def load_weights(self, path: Any) -> None:
        """Take over the weights of a file of `save_weights`, of `save`, or of any other program.

        Names, shapes and dtypes must be the model's; otherwise ModelFileError lists what is missing,
        unexpected or different, and no weight has changed. NaN and infinity are taken over like any
        value: a file is a faithful copy.
        """
        self._require_built()
        variables = weights_of(self)
        with TensorFile(disk.as_path(path)) as file:
            entries = file.entries
            if KEY in file.metadata:  # a whole model: the optimizer's arrays stay where they are
                names = set(read_document(file)["weights"])
                entries = {n: e for n, e in entries.items() if n in names}
            check(entries, variables, str(file.path))
            arrays = file.read(list(entries))
        assign(arrays, variables)

    def _count_names(self) -> None:
        raise NotImplementedError

    def _require_built(self) -> None:
        raise NotImplementedError


def _target(path: Any, overwrite: bool) -> Path:
    target = disk.as_path(path)
    disk.check_writable(target, overwrite)
    return target


def _write(target: Path, variables: Mapping[str, Variable], metadata: Mapping[str, str]) -> None:
    arrays = {name: v.storage for name, v in variables.items()}
    safetensors.write(target, arrays, metadata)


# ------------------------------------------------------------------ the JSON


def document(model: Any) -> dict[str, Any]:
    """All there is to say of a model but the numbers of its arrays."""
    encoder = Encoder()
    return {
        "version": VERSION,
        "written_by": __version__,
        "model": encoder.encode(model, f"the model {model.name!r}"),
        "weights": list(weights_of(model)),
        "training": _training(model, encoder),
        "seed": model._seed(),
    }


def _training(model: Any, encoder: Encoder) -> dict[str, Any] | None:
    """What `compile` was given; null for a model that is not compiled."""
    if model.optimizer is None:
        return None
    return {
        "optimizer": encoder.encode(model.optimizer, "the optimizer"),
        "optimizer_dtype": getattr(model.optimizer.learning_rate, "dtype", floatx()),
        "slots": [w.name for w in model.weights if w in model.optimizer.slots],
        "undecayed": _undecayed(model),
        "loss": encoder.encode(model.loss, "the loss"),
        "metrics": encoder.encode(model._metric_names, "a metric"),
        "weighted_metrics": encoder.encode(model._weighted_names, "a metric"),
        "target": model._target,
        "matmul_precision": model._precision,
        "check_finite": model._check_finite,
    }


def _undecayed(model: Any) -> dict[str, list[str]]:
    """What `exclude_from_weight_decay` was told: weights by name, and words in names."""
    kept, words = model.optimizer._kept
    return {"weights": [w.name for w in model.weights if w in kept], "words": list(words)}


def read_document(file: TensorFile) -> dict[str, Any]:
    """The JSON of a model file, of a version that is known."""
    text = file.metadata.get(KEY)
    if text is None:
        raise ModelFileError(
            f"{file.path} holds arrays but no model; build the model and use "
            f"model.load_weights({file.path.name!r})"
        )
    try:
        found = load_json(text)
    except ValueError as error:
        raise ModelFileError(f"{file.path} cannot be read as a model: {error}") from None
    version = found.get("version") if isinstance(found, dict) else None
    if type(version) is not int or not _is_document(found):
        raise ModelFileError(
            f"{file.path} cannot be read as a model: its JSON is no model of graphdl"
        )
    if version > VERSION:
        raise ModelFileError(
            f"{file.path} was written by graphdl {found['written_by']!s:.30} in version {version} of "
            f"the format; this graphdl, {__version__}, reads up to {VERSION}: upgrade graphdl"
        )
    return found


def _is_document(found: dict[str, Any]) -> bool:
    keys = {"version", "written_by", "model", "weights", "training", "seed"}
    names = found.get("weights")
    return keys <= set(found) and isinstance(names, list) and all(type(n) is str for n in names)
