"""What can be asked on the command line, and the settings that go unsaid."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from graphdl import activations, datasets, optimizers
from graphdl.compile import TARGETS, require_target
from graphdl.core.errors import TargetError
from graphdl.registry import number, whole
from graphdl.version import __version__

DESCRIPTION = """\
The neural-network compiler you can read: trains a network on a small data set,
shows its backpropagation as mathematics and where the generated code lies."""

EXAMPLES = """\
examples:
  python -m graphdl train breast_cancer
  python -m graphdl train digits --layers 128,64 --epochs 30
  python -m graphdl train spirals --activation tanh --seed 1
  python -m graphdl train iris --json
  python -m graphdl explore --demo lecture --out page.html"""


@dataclass(frozen=True)
class Recipe:
    """Settings with which a data set is learnt well within a second."""

    layers: tuple[int, ...] = (16,)  # the lecture's network
    epochs: int = 20
    learning_rate: float | None = None  # None: the optimizer's own


DEMOS = ("lecture", "chain")
DEMO_HELP = "lecture (2 inputs, 3 hidden units, trained) or chain (two weights in a row)"

RECIPES = {
    "breast_cancer": Recipe(),
    "digits": Recipe(layers=(64,)),
    "iris": Recipe(epochs=50, learning_rate=0.01),
    "wine": Recipe(epochs=50),
    "diabetes": Recipe(epochs=50),
    "will_i_pass": Recipe(epochs=50, learning_rate=0.01),
    "moons": Recipe(epochs=100, learning_rate=0.01),
    "spirals": Recipe(layers=(32, 32), epochs=200, learning_rate=0.01),
}


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser("graphdl", DESCRIPTION, EXAMPLES)
    top.add_argument("--version", action="version", version=f"graphdl {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_explore(commands)
    return top


class _Parser(argparse.ArgumentParser):
    """Texts as they are written, errors in a line or two, and no guessing of shortened options."""

    def __init__(self, prog: str, description: str = "", epilog: str = "", **rest: Any) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **rest,
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n`{self.prog} --help` tells what there is.\n")


def _add_train(commands: Any) -> None:
    train = commands.add_parser(
        "train",
        help="train a network on a data set",
        description="Train a network of dense layers on a data set. Where an option is not given,\n"
        "settings are used with which that data set is learnt well.",
    )
    train.add_argument(
        "dataset", type=_dataset, metavar="DATASET", help=f"one of {', '.join(datasets.names())}"
    )
    network = train.add_argument_group("the network")
    network.add_argument(
        "--layers", type=_layers, metavar="N,N…", help='units of the hidden layers: 16,8; or "none"'
    )
    network.add_argument(
        "--activation", type=_activation, default="relu", metavar="NAME",
        help="of the hidden layers: relu (default), tanh, gelu, …",
    )  # fmt: skip
    network.add_argument(
        "--dtype", choices=("float32", "float64"), default="float32", help="default: float32"
    )
    _add_training(train.add_argument_group("the training"))
    output = train.add_argument_group("the output")
    output.add_argument(
        "--verbose", type=int, choices=(0, 1, 2), default=1,
        help="0: the result alone, 1: a progress bar (default), 2: a line for each epoch",
    )  # fmt: skip
    output.add_argument(
        "--json", action="store_true", help="the result as JSON on stdout, all else on stderr"
    )


def _add_training(group: Any) -> None:
    group.add_argument(
        "--optimizer", choices=sorted(optimizers.KNOWN), default="adam", metavar="NAME",
        help=f"one of {', '.join(sorted(optimizers.KNOWN))} (default: adam)",
    )  # fmt: skip
    group.add_argument(
        "--learning-rate", type=_learning_rate, metavar="RATE", help="how far a step goes"
    )
    group.add_argument(
        "--epochs", type=_whole("the number of epochs"), metavar="N", help="passes over the data"
    )
    group.add_argument(
        "--batch-size", type=_whole("the batch size"), default=32, metavar="N", help="default: 32"
    )
    group.add_argument(
        "--seed", type=_whole("the seed", 0), default=0, metavar="N",
        help="of the split, the first weights and the shuffles (default: 0)",
    )  # fmt: skip
    group.add_argument(
        "--target", type=_target, default="cpu", metavar="{cpu,python,cuda,auto}",
        help="cpu: machine code (default); python: the same program, not compiled",
    )  # fmt: skip


def _add_explore(commands: Any) -> None:
    explore = commands.add_parser(
        "explore",
        help="write a page on where each gradient of a model comes from",
        description="Write one HTML page, which needs no network: a model's graph, the chain rule for\n"
        "each of its weights, and all numbers, which can be changed there.",
    )
    source = explore.add_mutually_exclusive_group(required=True)
    source.add_argument("--demo", choices=DEMOS, help=f"a model of the lecture: {DEMO_HELP}")
    source.add_argument("--model", metavar="FILE", help="a saved and compiled model")
    explore.add_argument(
        "--data", metavar="FILE.npz", help="arrays x and y for --model, as numpy.savez writes them"
    )
    explore.add_argument(
        "--out", default="explore.html", metavar="PAGE", help="default: explore.html"
    )
    explore.add_argument("--weight", metavar="NAME", help="what is lit at first: dense/kernel")
    explore.add_argument(
        "--examples", type=_whole("the number of examples"), default=16, metavar="N",
        help="rows of the data that the page computes with (default: 16)",
    )  # fmt: skip
    explore.add_argument(
        "--seed", type=_whole("the seed", 0), default=3, metavar="N",
        help="of the demo's first weights and shuffles (default: 3)",
    )  # fmt: skip
    explore.add_argument("--open", action="store_true", help="show the page in the browser")


# ------------------------------------------------------------------ values


def _checked(check: Callable[[str], Any]) -> Callable[[str], Any]:
    """A converter whose own message reaches the user."""

    def convert(text: str) -> Any:
        try:
            return check(text)
        except (TypeError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _whole(what: str, low: int = 1) -> Callable[[str], int]:
    return _checked(lambda text: whole(what, _int(text), low))


def _int(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


@_checked
def _dataset(text: str) -> str:
    if text not in datasets.names():
        raise ValueError(f"unknown data set {text!r}; there are {', '.join(datasets.names())}")
    return text


@_checked
def _layers(text: str) -> tuple[int, ...]:
    if text == "none":
        return ()
    return tuple(whole("the units of a layer", _int(part)) for part in text.split(","))


@_checked
def _activation(text: str) -> str:
    activations.get(text)
    return text


@_checked
def _target(text: str) -> str:
    if text not in TARGETS:
        raise ValueError(f"unknown target {text!r}; use {', '.join(TARGETS[:-1])} or {TARGETS[-1]}")
    try:
        require_target(text)
    except TargetError as missing:
        raise ValueError(str(missing)) from None
    return text


@_checked
def _learning_rate(text: str) -> float:
    return number("the learning rate", float(text))
