"""`load_model`: a model from its file. Nothing in the file is run, and sizes are checked first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from graphdl import config, initializers, memory
from graphdl.core.errors import GraphdlError, ModelFileError
from graphdl.files import disk
from graphdl.files.arrays import assign, check, state_of, weights_of
from graphdl.files.decode import Decoder, floats_of
from graphdl.files.safetensors import TensorFile
from graphdl.files.save import read_document
from graphdl.model import Model


def load_model(
    path: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True
) -> Model:
    """The model that `model.save(path)` wrote: architecture, weights and, if compiled, its training.

    custom_objects: your own classes and functions by their names, {"MyLayer": MyLayer}. The file can
    only name them; everything else is found in graphdl itself, and nothing in a file is ever run.
    compile=False leaves optimizer, loss and metrics out.

    `fit(…, initial_epoch=k)` then goes on as if training had never stopped, under the seed of the
    file, until `gd.set_seed` is called.

    Raises OSError for a file that cannot be opened, ModelFileError for one that is damaged, of a
    newer version, or not a model; both name the file and what to do.
    """
    decoder = Decoder(custom_objects)
    with TensorFile(disk.as_path(path)) as file:
        document = read_document(file)
        with _explaining(file.path), _blank_weights(file):
            model = _model(document, decoder)
            names = set(document["weights"])
            weights = {n: e for n, e in file.entries.items() if n in names}
            check(weights, weights_of(model), "what it holds")
            if compile and document["training"] is not None:
                _compile(model, document["training"], decoder)
            entries = file.entries if compile else weights
            check(entries, state_of(model), "what it holds")
        assign(file.read(list(entries)), state_of(model))
    model._saved_seed = (document["seed"], config.times_set())
    return model


def _model(document: dict[str, Any], decoder: Decoder) -> Model:
    model = decoder.decode(document["model"])
    if not isinstance(model, Model):
        raise ModelFileError("what it describes is not a model")
    if type(document["seed"]) is not int or not 0 <= document["seed"] < 2**63:
        raise ModelFileError(f"its seed is {document['seed']!r:.60}")
    model._count_names()
    return model


def _compile(model: Model, training: dict[str, Any], decoder: Decoder) -> None:
    """Compile the model as it was compiled."""
    with floats_of(training["optimizer_dtype"]):
        optimizer = decoder.decode(training["optimizer"])
    model.compile(
        optimizer,
        decoder.decode(training["loss"]),
        decoder.decode(training["metrics"]),
        decoder.decode(training["weighted_metrics"]),
        target=training["target"],
        matmul_precision=training.get("matmul_precision", "float32"),  # files of before had none
        check_finite=bool(training["check_finite"]),
    )
    weights, undecayed = weights_of(model), training["undecayed"]
    kept = [weights[name] for name in undecayed["weights"]]
    optimizer.exclude_from_weight_decay(kept, list(undecayed["words"]))
    optimizer.build([weights[name] for name in training["slots"]])  # it had seen these


@contextlib.contextmanager
def _blank_weights(file: TensorFile) -> Iterator[None]:
    """Weights start as zeros, and take no more memory together than the file has numbers."""
    token = initializers.blank.set(True)
    try:
        with memory.at_most(file.size, "the file"):
            yield
    finally:
        initializers.blank.reset(token)


@contextlib.contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a description is followed is a fault of the file, and says so."""
    try:
        yield
    except (GraphdlError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError,
            RecursionError) as error:  # fmt: skip
        raise ModelFileError(f"{path} cannot be read as a model: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return f"{error}" if isinstance(error, ModelFileError) else f"{type(error).__name__}: {error}"
