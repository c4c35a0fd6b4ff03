"""Real data that comes with scikit-learn: small, classic, and there without a download."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from graphdl.datasets.description import Info, classification, regression
from graphdl.datasets.split import Parts, split

# Options of scikit-learn's own loaders. Diabetes: its default is scaled with the test rows in view.
_OPTIONS: dict[str, dict[str, bool]] = {
    "breast_cancer": {},
    "digits": {},
    "iris": {},
    "wine": {},
    "diabetes": {"scaled": False},
}
NAMES = tuple(_OPTIONS)


def load_breast_cancer(
    test_size: float = 0.2, seed: int = 0, standardize: bool = True, dtype: DTypeLike | None = None
) -> Parts:
    """569 tumours, 30 measures of their cell nuclei each: malignant (0) or benign (1).

    Returns ``(x_train, y_train), (x_test, y_test)``: x (n, 30) floating, y (n,) int64.
    """
    return _load_classes("breast_cancer", test_size, seed, standardize, dtype)


def load_digits(
    test_size: float = 0.2, seed: int = 0, standardize: bool = True, dtype: DTypeLike | None = None
) -> Parts:
    """1797 handwritten digits of 8 by 8 pixels, row by row, each 0 (white) to 16.

    Returns ``(x_train, y_train), (x_test, y_test)``: x (n, 64) floating, y (n,) int64.
    """
    return _load_classes("digits", test_size, seed, standardize, dtype)


def load_iris(
    test_size: float = 0.2, seed: int = 0, standardize: bool = True, dtype: DTypeLike | None = None
) -> Parts:
    """150 irises of three species, by length and width of sepal and petal in cm.

    Returns ``(x_train, y_train), (x_test, y_test)``: x (n, 4) floating, y (n,) int64.
    """
    return _load_classes("iris", test_size, seed, standardize, dtype)


def load_wine(
    test_size: float = 0.2, seed: int = 0, standardize: bool = True, dtype: DTypeLike | None = None
) -> Parts:
    """178 wines from three growers, by 13 chemical measures.

    Returns ``(x_train, y_train), (x_test, y_test)``: x (n, 13) floating, y (n,) int64.
    """
    return _load_classes("wine", test_size, seed, standardize, dtype)


def load_diabetes(
    test_size: float = 0.2,
    seed: int = 0,
    standardize: bool = True,
    dtype: DTypeLike | None = None,
    standardize_target: bool = False,
) -> Parts:
    """442 patients by age, sex, body mass, blood pressure and six blood values.

    The target is the disease's progression a year later, 25 to 346, or that in standard
    deviations from the training part's mean with `standardize_target`.
    Returns ``(x_train, y_train), (x_test, y_test)``: x (n, 10), y (n, 1), both floating.
    """
    bunch = _bunch("diabetes")
    x, y = _floats(bunch.data), _floats(bunch.target)[:, np.newaxis]
    return split(x, y, test_size, seed, standardize, dtype, standardize_target)


def describe(name: str) -> Info:
    """What scikit-learn says of one of `NAMES`."""
    bunch = _bunch(name)
    features = [str(feature) for feature in bunch.feature_names]
    if name == "diabetes":
        return regression(name, features)
    return classification(name, features, [str(label) for label in bunch.target_names])


def _load_classes(
    name: str, test_size: float, seed: int, standardize: bool, dtype: DTypeLike | None
) -> Parts:
    bunch = _bunch(name)
    labels = np.asarray(bunch.target, dtype=np.int64)
    return split(_floats(bunch.data), labels, test_size, seed, standardize, dtype)


def _floats(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _bunch(name: str) -> Any:
    try:
        from sklearn import datasets
    except ModuleNotFoundError as error:
        raise ImportError(
            f"the data set {name!r} comes with scikit-learn, which is not installed: "
            'pip install "graphdl[data]"'
        ) from error
    return getattr(datasets, f"load_{name}")(**_OPTIONS[name])
