"""What a run of `graphdl train` shows: plain lines, and a live bar where a terminal shows it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from graphdl.callbacks import History, LambdaCallback
from graphdl.datasets import Info
from graphdl.model import Model
from graphdl.version import __version__

SHOWN = (1, 2, 5)  # times powers of ten: the epochs that tell how learning went


class Screen:
    """The report on `stream`; `verbose` as in the command line: 0, 1 or 2."""

    def __init__(self, stream: TextIO, verbose: int) -> None:
        from rich.console import Console

        self.verbose = verbose
        self.console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)

    def _write(self, text: str = "") -> None:
        self.console.print(text)

    def _heading(self, text: str) -> None:
        self._write()
        self.console.print(text, style="bold")

    # -------------------------------------------------- before

    def declared(
        self, asked: Namespace, info: Info, training: int, test: int, model: Model
    ) -> None:
        """The data, the network, and the mathematics of its first weight."""
        if not self.verbose:
            return
        self.console.print(f"graphdl {__version__} · {info.name}", style="bold")
        self._write(f"{training} examples to train with, {test} to test, {_question(info)}")
        self._write()
        self._write(model.summary_text())
        weight = model.weights[0].name
        self._heading(f"How the loss J depends on {weight}, by the chain rule")
        self._write(str(model.derive(weight)))
        rate = float(model.optimizer.learning_rate.value)
        self._heading(
            f"Training: {asked.optimizer}, learning rate {rate:g}, batches of {asked.batch_size}, "
            f"{asked.dtype}"
        )

    # -------------------------------------------------- during

    def watch(self, fit: Callable[..., History], epochs: int) -> History:
        """Call `fit`, with a bar that counts its epochs where someone watches."""
        if self.verbose != 1 or not self.console.is_terminal:
            return fit(verbose=2 if self.verbose == 2 else 0)
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(complete_style="green", finished_style="green", pulse_style="green"),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console) as progress:
            bar = progress.add_task("compiling", total=None, count="")

            def count(epoch: int, logs: Any) -> None:
                done = epoch + 1
                progress.update(bar, completed=done, count=f"{done}/{epochs} epochs")

            def begin(logs: Any) -> None:
                progress.reset(bar, description="training ", total=epochs)

            hooks = LambdaCallback(on_train_begin=begin, on_epoch_end=count)
            return fit(verbose=0, callbacks=[hooks])

    # -------------------------------------------------- after

    def history(self, history: Mapping[str, list[float]]) -> None:
        """Loss and metrics at some epochs, the last one included."""
        if self.verbose != 1:
            return
        width = {name: max(len(name), 8) for name in history}
        self._write("epoch  " + "  ".join(f"{name:>{width[name]}}" for name in history))
        for epoch in _some_epochs(len(history["loss"])):
            values = (f"{history[k][epoch - 1]:{width[k]}.4f}" for k in history)
            self._write(f"{epoch:5}  " + "  ".join(values))

    def result(self, result: Mapping[str, Any]) -> None:
        """How good it is, what it cost, where the program lies."""
        if self.verbose:
            self._heading("Result")
        for label, value in _findings(result):
            self._write(f"{label:<15} {value}")


def _question(info: Info) -> str:
    features = f"{info.features} features each"
    if info.task == "regression":
        return f"{features}: a number to predict"
    if info.classes == 2:
        return f"{features}: {' or '.join(info.class_names)}?"
    return f"{features}: which of {info.classes} classes?"


def _findings(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    test, n = result["test"], result["test_examples"]
    if "accuracy" in test:
        right = round(test["accuracy"] * n)
        quality = ("test accuracy", f"{test['accuracy']:.4f} ({right} of {n} right)")
    else:
        quality = ("test R²", f"{test['r2']:.4f} (share of the variance that is explained)")
    return [
        quality,
        ("compiling", f"{result['compile_seconds']:.2f} s{_origin(result)}"),
        ("training", f"{format_seconds(result['train_seconds'])} for {result['epochs']} epochs"),
        ("generated code", result["source_file"]),
    ]


def _origin(result: Mapping[str, Any]) -> str:
    if result["target"] == "python":
        return " (nothing to compile: plain Python)"
    if result["from_cache"]:
        return " (the machine code was in the cache)"
    if not result["kept"]:
        return " (could not be kept in the cache: the next run compiles anew)"
    return " (kept in the cache: the next run finds it there)"


def _some_epochs(last: int) -> list[int]:
    scale = [10**power for power in range(len(str(last)))]
    shown = {first * power for power in scale for first in SHOWN}
    return sorted({n for n in shown if n < last} | {last})


def format_seconds(seconds: float) -> str:
    """Three digits in the unit that suits: 1.23 s, 12.3 ms."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"
