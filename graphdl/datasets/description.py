"""What there is to know of a data set before its numbers."""

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class Info:
    """One data set: what is predicted (`task`), from what (`features` columns, by name).

    `classes` counts the classes, labelled 0 … classes-1 in the order of `class_names`; a
    regression has none.
    """

    name: str
    task: Task
    classes: int
    features: int
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]


def classification(name: str, feature_names: list[str], class_names: list[str]) -> Info:
    task = "binary" if len(class_names) == 2 else "multiclass"
    features, classes = tuple(feature_names), tuple(class_names)
    return Info(name, task, len(classes), len(features), features, classes)


def regression(name: str, feature_names: list[str]) -> Info:
    return Info(name, "regression", 0, len(feature_names), tuple(feature_names), ())
