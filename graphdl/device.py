"""Data on a GPU: given to it, used there, and looked at from the host without a copy of it."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from codegen.cuda.arrays import DeviceArray, is_on_device
from codegen.optimisations import without
from graphdl.calls import call_once
from graphdl.compile import Compiled, compile_graph, require_target
from graphdl.core.graph import Graph
from graphdl.core.tensor import off_tape
from graphdl.door import as_array, in_form
from graphdl.ops.arithmetic import floor, isfinite, logical_not, not_equal
from graphdl.ops.build import cast, tensor
from graphdl.ops.reduce import max as max_
from graphdl.ops.reduce import min as min_
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import stack


def to_device(x: Any, dtype: str | None = None) -> DeviceArray:
    """x on the GPU: fit, evaluate, predict and functions of target="cuda" use it where it lies.

    x: an array of NumPy's or anything that becomes one, which is copied; or an array on the GPU of
    any library (`__cuda_array_interface__`, DLPack), which is not. The result has x's shape; its
    `numpy()`, or `numpy.asarray` of it, is a copy on the host.
    dtype: that of the copy; without one it is x's own. An array on the GPU must have it already.
    Raises TargetError where there is no GPU, DTypeError on what is not numbers, DeviceError where
    the GPU has too little memory, BufferError for an array there that is not in C order.
    """
    require_target("cuda")
    from codegen.cuda import taking  # noqa: PLC0415 - the runtime of devices, seldom asked for

    if not is_on_device(x):
        return taking.to_device(as_array(x, dtype, "x"))
    made = taking.to_device(x)
    return made if dtype is None else in_form(made, dtype, "x")


def placed(value: Any, target: str, what: str) -> Any:
    """Data as a program for `target` takes it: for "cuda", what lies on the GPU stays there.

    Elsewhere a DeviceArray comes to the host as a copy; other libraries say what they think of that.
    """
    if value is None or isinstance(value, np.ndarray):  # most are, and small calls come often
        return value
    if isinstance(value, (list, tuple)) and any(map(is_on_device, value)):
        return [placed(v, target, what) for v in value]
    if not is_on_device(value):
        return value
    if require_target(target).name != "cuda":
        return np.asarray(value) if isinstance(value, DeviceArray) else value
    from codegen.cuda import taking  # noqa: PLC0415 - likewise

    try:
        return taking.to_device(value)
    except BufferError as error:
        raise BufferError(f"{what}: {error}") from None


def at_home(value: Any, target: str) -> Any:
    """The same, but on the host in any case."""
    found = placed(value, target, "the data")
    if isinstance(found, (list, tuple)):
        return [np.asarray(v) if isinstance(v, DeviceArray) else v for v in found]
    return np.asarray(found) if isinstance(found, DeviceArray) else found


def empty(shape: tuple[int, ...], dtype: str) -> DeviceArray:
    """Memory on the GPU for an output."""
    from codegen.cuda import taking  # noqa: PLC0415 - likewise

    return taking.empty(shape, dtype)


# ------------------------------------------------------------------ looking


class Glance(NamedTuple):
    """What numbers an array holds."""

    low: float
    high: float
    nonfinite: float = 0  # how many are NaN or infinite
    fractions: float = 0  # how many are no whole number


def glance(array: DeviceArray) -> Glance:
    """What an array on the device holds, found out there: a few numbers come to the host."""
    if not array.size:
        return Glance(math.inf, -math.inf)
    rows = len(array) if array.ndim else 1
    table = array.reshape((rows, array.size // rows))
    compiled = _glance(array.dtype.name)
    lowered = compiled.lowered
    named = {"n": table.shape[0], "m": table.shape[1]}
    sizes = {
        v.name: named[str(d)] for v, d in zip(lowered.program.sizes, lowered.sizes, strict=True)
    }
    (found,) = call_once(compiled, [table], sizes)
    return Glance(*np.asarray(found).tolist())


def surely_within(
    array: Any, low: float = -math.inf, high: float = math.inf, whole: bool = False
) -> bool:
    """Is it an array on the device of finite numbers from `low` to `high`, `whole` ones if so asked?

    No others are looked at here: the host reads them, and says which row is wrong.
    """
    if not isinstance(array, DeviceArray):
        return False
    seen = glance(array)
    strange = seen.nonfinite or (whole and seen.fractions)
    return not strange and low <= seen.low and seen.high <= high


@functools.cache
def _glance(dtype: str) -> Compiled:
    return compile_glance(dtype, "cuda")


def compile_glance(dtype: str, target: str) -> Compiled:
    """The program behind `glance`, for arrays of this dtype.

    Along each row first, a block a row; in one reduction over both axes all would be one block's.
    """
    with off_tape(), without("algebra"):
        x = tensor("x", ("n", "m"), dtype)
        seen = [min_(min_(x, 1)), max_(max_(x, 1))]
        if x.type.is_float:
            strange = logical_not(isfinite(x)), not_equal(x, floor(x))
            seen += [sum_(sum_(cast(truths, "float64"), 1)) for truths in strange]
        made = stack([cast(s, "float64") for s in seen])
        return compile_graph(Graph([x], [made]), target, name="glance")
