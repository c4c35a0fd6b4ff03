"""Functions whose arguments TensorFlow names or orders in its own way."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphdl as gd
from graphdl import config
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, Variable
from graphdl.core.tensor import Tensor
from graphdl.core.types import dtype_name
from graphdl.initializers import RandomNormal, RandomUniform, TruncatedNormal
from graphdl.layers.base import _trace
from graphdl.ops.build import constant as constant_node
from graphdl.ops.build import like, operands, public
from graphdl.ops.entropy import bce
from graphdl.tf.names import meant, tensors

# ------------------------------------------------------------------ values


def variable(
    initial_value: Any, trainable: bool = True, name: str = "Variable", dtype: Any = None
) -> Variable:
    """A variable, as `tf.Variable` is called: the initial value may be a function without arguments."""
    value = initial_value() if callable(initial_value) else initial_value
    return gd.Variable(
        value, name, None if dtype is None else dtype_name(dtype), trainable=trainable
    )


def constant(value: Any, dtype: Any = None, shape: Any = None) -> Tensor:
    """A tensor with a value; floats become floatx, whole numbers int64, unless `dtype` says else."""
    array = constant_node(np.asarray(value), None if dtype is None else dtype_name(dtype))
    filled = array.attrs["value"]
    if shape is not None:
        filled = filled.reshape(shape) if filled.size > 1 else np.full(shape, filled)
    return Tensor(filled)


def convert_to_tensor(value: Any, dtype: Any = None) -> Any:
    """The value as a tensor; variables, tensors and nodes stay what they are."""
    if isinstance(value, (Tensor, Node)):
        return value if dtype is None else cast(value, dtype)
    return constant(value, dtype)


@tensors
def cast(x: Any, dtype: Any) -> Any:
    """The value in another dtype."""
    return gd.cast(x, dtype_name(dtype))


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of zeros."""
    return Tensor(np.zeros(shape, dtype_name(dtype)))


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of ones."""
    return Tensor(np.ones(shape, dtype_name(dtype)))


def fill(dims: Any, value: Any) -> Tensor:
    """A tensor of `dims` with one value everywhere."""
    return constant(value, shape=tuple(dims))


@tensors
@public
def zeros_like(input: Any) -> Any:
    """Zeros in the shape of the input."""
    return _filled_like(operands(input)[0], 0)


@tensors
@public
def ones_like(input: Any) -> Any:
    """Ones in the shape of the input."""
    return _filled_like(operands(input)[0], 1)


def _filled_like(node: Node, value: int) -> Node:
    return gd.broadcast_to(like(node, value), node.type.shape)


def range_(start: int, limit: int | None = None, delta: int = 1) -> Tensor:
    """start, start + delta, … below the limit; of one argument: 0, 1, … below it."""
    first, last = (0, start) if limit is None else (start, limit)
    return Tensor(np.arange(first, last, delta))


# ------------------------------------------------------------------ random values


def _drawn(kind: Any, shape: Any, dtype: Any, **of: Any) -> Any:
    return Tensor(kind(**of)(tuple(np.atleast_1d(np.asarray(shape, int))), dtype_name(dtype)))


def normal(
    shape: Any = None, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None,
    seed: int | None = None,
) -> Any:  # fmt: skip
    """Draws from the normal distribution; inside a layer's call, new ones at every step."""
    if shape is None:
        meant("tf.random.normal()", "it takes a shape; one number, of shape (), was drawn")
        shape = ()
    if _trace.get() is not None:
        return gd.random.normal(shape, mean, stddev, dtype)
    return _drawn(RandomNormal, shape, dtype, mean=mean, stddev=stddev, seed=seed)


def uniform(
    shape: Any = None, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None,
    seed: int | None = None,
) -> Any:  # fmt: skip
    """Draws from [minval, maxval); inside a layer's call, new ones at every step."""
    if shape is None:
        meant("tf.random.uniform()", "it takes a shape; one number, of shape (), was drawn")
        shape = ()
    if _trace.get() is not None:
        return gd.random.uniform(shape, minval, maxval, dtype)
    return _drawn(RandomUniform, shape, dtype, minval=minval, maxval=maxval, seed=seed)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Any:
    """Normal draws, those beyond two standard deviations drawn again."""
    return _drawn(TruncatedNormal, shape, dtype, mean=mean, stddev=stddev, seed=seed)


set_seed = config.set_seed

# ------------------------------------------------------------------ operations


@tensors
def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """a @ b, either one transposed in its last two axes on demand."""
    left = _swapped(a) if transpose_a else a
    return gd.matmul(left, _swapped(b) if transpose_b else b)


@public
def _swapped(a: Any) -> Any:
    node = constant_node(a)
    return gd.transpose(node, (*range(node.rank - 2), node.rank - 1, node.rank - 2))


@tensors
def transpose(a: Any, perm: Any = None) -> Any:
    """The axes in another order (default: reversed)."""
    return gd.transpose(a, perm)


@tensors
def argmax(input: Any, axis: int = 0) -> Any:
    """Where the largest element stands along an axis: the first one, as in TensorFlow."""
    return gd.argmax(input, axis)


@tensors
def argmin(input: Any, axis: int = 0) -> Any:
    """Where the smallest element stands along an axis: the first one, as in TensorFlow."""
    return gd.argmin(input, axis)


@tensors
def cumsum(x: Any, axis: int = 0) -> Any:
    """Running sums along an axis: the first one, as in TensorFlow."""
    return gd.cumsum(x, axis)


@tensors
def split(value: Any, num_or_size_splits: Any, axis: int = 0) -> Any:
    """Equal parts, or parts of the lengths listed, along an axis."""
    return gd.split(value, num_or_size_splits, axis)


@tensors
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any) -> Any:
    """t held within the two limits."""
    return gd.clip(t, clip_value_min, clip_value_max)


# ------------------------------------------------------------------ losses on logits


@tensors
@public
def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1) -> Any:
    """−Σ labels·log softmax(logits) for each example.

    ShapeError for one logit: softmax of a single unit is 1, the loss 0, whatever the weights are.
    """
    if axis != -1:
        raise ShapeError(
            f"softmax_cross_entropy_with_logits: classes are the last axis, got {axis}"
        )
    return gd.losses.categorical_crossentropy(labels, logits, from_logits=True)


@tensors
@public
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any) -> Any:
    """−log softmax(logits)[label] for each example."""
    return gd.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


@tensors
@public
def sigmoid_cross_entropy_with_logits(labels: Any, logits: Any) -> Any:
    """−y·log σ(z) − (1−y)·log(1−σ(z)), element by element."""
    return bce(labels, logits, from_logits=True)


@tensors
def leaky_relu(features: Any, alpha: float = 0.2) -> Any:
    """x where x > 0, else alpha·x"""
    return gd.leaky_relu(features, alpha)
