"""Small data sets, split and standardised, as ``fit`` takes them.

>>> (x_train, y_train), (x_test, y_test) = load_iris(test_size=0.2, seed=0)

Every loader gives the same rows in the same order for the same seed. `standardize` brings each
feature to mean 0 and deviation 1 *of the training part*. `dtype` None gives float64, which
training casts to its own type.
"""

from typing import Any

from graphdl.datasets import bundled, generated
from graphdl.datasets.bundled import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from graphdl.datasets.description import Info
from graphdl.datasets.generated import moons, spirals, will_i_pass
from graphdl.datasets.split import Parts

__all__ = [
    "Info",
    "info",
    "load",
    "load_breast_cancer",
    "load_diabetes",
    "load_digits",
    "load_iris",
    "load_wine",
    "moons",
    "names",
    "spirals",
    "will_i_pass",
]

_LOADERS = {
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
    "iris": load_iris,
    "wine": load_wine,
    "diabetes": load_diabetes,
    "will_i_pass": will_i_pass,
    "moons": moons,
    "spirals": spirals,
}


def names() -> tuple[str, ...]:
    """What `load` and `info` know."""
    return tuple(_LOADERS)


def load(name: str, **options: Any) -> Parts:
    """``(x_train, y_train), (x_test, y_test)`` of the data set `name`, by its loader's options."""
    _check(name)
    return _LOADERS[name](**options)


def info(name: str) -> Info:
    """Task, features and classes of the data set `name`."""
    _check(name)
    return generated.INFO[name] if name in generated.INFO else bundled.describe(name)


def _check(name: str) -> None:
    if name not in _LOADERS:
        raise ValueError(f"unknown data set {name!r}; there are {', '.join(_LOADERS)}")
